"""Certificates, keys and secrets that cannot be used, or take for ever: nothing prompts and nothing hangs."""

from __future__ import annotations

import asyncio
import os
import shutil
import ssl
import threading

import pytest
from brokers import ScriptedBroker
from certificates import Authority

from agent.broker import Address, BrokerError, BrokerTimeout, Tls, TlsProblem
from agent.broker import link as link_module
from agent.broker.link import PahoLink
from agent.broker.tls import context

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def ours(authority):
    return authority.sign("client")


def run(story) -> None:
    asyncio.run(asyncio.wait_for(story(), 10))


@needs_openssl
class TestFiles:
    def refused(self, tls: Tls) -> str:
        with pytest.raises(TlsProblem) as caught:
            context(tls)
        assert (caught.value.state, caught.value.permanent) == ("files", "No such file" not in str(caught.value))
        return str(caught.value)

    def test_that_are_right_make_a_context(self, authority, ours):
        assert context(Tls(authority.file, *ours)).verify_mode is ssl.CERT_REQUIRED

    def test_a_key_with_a_passphrase_opens_with_it_and_never_prompts(self, authority, ours):
        certificate, key = ours
        locked = authority.lock(key, "sesame")
        context(Tls(authority.file, certificate, locked, lambda: "sesame"))
        assert "needs its passphrase" in self.refused(Tls(authority.file, certificate, locked))
        assert "passphrase" in self.refused(Tls(authority.file, certificate, locked, lambda: "simsalabim"))
        assert "passphrase" in self.refused(Tls(authority.file, certificate, locked, lambda: ""))

    def test_that_are_missing_or_nothing_of_the_kind_are_named(self, authority, ours, tmp_path):
        (tmp_path / "empty").touch()
        (tmp_path / "prose").write_text("dear reader")
        (tmp_path / "huge").write_bytes(b"\n" * (1 << 20) + b"\n")
        os.mkfifo(tmp_path / "fifo")
        certificate, key = ours
        for name in ("missing", "empty", "prose", "huge", "fifo", "."):
            path = tmp_path / name
            for tls in (Tls(path), Tls(None, path, key), Tls(None, certificate, path)):
                assert str(path) in self.refused(tls)

    def test_a_key_of_another_certificate_is_named_so(self, authority, ours):
        other = authority.sign("other")[1]
        assert "is not the key of" in self.refused(Tls(None, ours[0], other))

    def test_what_never_ends_holds_nothing_up(self, monkeypatch):
        monkeypatch.setattr(link_module, "FILES", 0.1)

        release = threading.Event()

        async def story():
            with pytest.raises(BrokerTimeout, match="files could not be read"):
                await PahoLink(Address("127.0.0.1", 1, "x", password=lambda: release.wait(5) and None)).connect()

        run(story)
        release.set()

    def test_a_password_that_cannot_be_read_is_an_error_of_this_connect_only(self):
        async def story():
            def missing():
                raise FileNotFoundError("the password is not there yet")

            with pytest.raises(BrokerError, match="not there yet"):
                await PahoLink(Address("127.0.0.1", 1, "x", password=missing)).connect()
            async with ScriptedBroker().serving() as broker:
                link = PahoLink(Address("127.0.0.1", broker.port, "x", username="u", password=lambda: "geheim"))
                await link.connect()
                link.abort()
                assert broker.connects[0].password == b"geheim"

        run(story)

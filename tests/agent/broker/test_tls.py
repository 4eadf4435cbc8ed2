"""TLS to the broker: alerts and foreign ports told apart, files that cannot be used, and nothing that ever prompts."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import socket
import ssl
import threading

import pytest
from brokers import ScriptedBroker
from certificates import Authority

from agent.broker import Address, BrokerError, BrokerLost, Tls, TlsProblem
from agent.broker.link import PahoLink

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def ours(authority):
    return authority.sign("client")


def run(story) -> None:
    asyncio.run(asyncio.wait_for(story(), 10))


async def answering(answer: bytes, *, tls: Tls | None = None, transport: str = "tcp") -> BrokerError:
    """Return the error of a connect to a server that answers the first bytes with `answer` and hangs up."""

    async def serve(reader, writer):
        await reader.read(2000)
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    where = Address("127.0.0.1", server.sockets[0].getsockname()[1], "x", tls=tls, transport=transport)
    try:
        with pytest.raises(BrokerError) as caught:
            await PahoLink(where).connect()
        return caught.value
    finally:
        server.close()


class TestAnAlert:
    @pytest.mark.parametrize(
        ("number", "state", "words"),
        [
            (40, "cipher", "no cipher in common"),
            (42, "wanted", "asks for a client certificate"),
            (70, "version", "TLS 1.2"),
            (71, "cipher", "stronger"),
            (80, "other", "failed within TLS"),
            (112, "name", "no host of this name"),
            (116, "wanted", "asks for a client certificate"),
            (120, "other", "alpn"),
            (10, "other", "ended TLS"),
            (255, "other", "TLS failed"),
        ],
    )
    def test_has_its_own_state_and_words(self, number, state, words):
        async def story():
            error = await answering(bytes([0x15, 3, 3, 0, 2, 2, number]), tls=Tls())
            assert isinstance(error, TlsProblem)
            assert (error.state, words in str(error)) == (state, True)
            assert error.permanent == (state != "other")

        run(story)

    @needs_openssl
    @pytest.mark.parametrize(
        ("number", "words"), [(42, "damaged"), (44, "revoked"), (45, "expired"), (48, "authority"), (49, "denies")]
    )
    def test_about_our_certificate_says_what_is_wrong_with_it(self, number, words, ours):
        async def story():
            error = await answering(bytes([0x15, 3, 3, 0, 2, 2, number]), tls=Tls(None, *ours))
            assert (error.state, words in str(error)) == ("refused", True)

        run(story)


class TestAPortOfAnotherKind:
    @pytest.mark.parametrize(
        ("first", "words"),
        [
            (b"\x15\x03\x03\x00\x02\x02\x46", "speaks TLS; add .mqtt.tls"),
            (b"HTTP/1.1 400 Bad Request\r\n\r\n", "web server.*websockets"),
            (b"SSH-2.0-OpenSSH_9.2p1\r\n", "SSH"),
            (b"INFO {}\r\n", "NATS"),
            (b"\x00\x01\x02", "does not speak MQTT: it begins with"),
        ],
    )
    def test_is_named_by_its_first_bytes(self, first, words):
        async def story():
            error = await answering(first)
            assert isinstance(error, BrokerLost)
            assert error.permanent
            assert not error.hung_up
            assert re.search(words, str(error))

        run(story)

    @pytest.mark.parametrize(
        ("first", "words"), [(b"HTTP/1.1 400 Bad Request\r\n\r\n", "web server"), (b"\x20\x02\0\1", "without TLS")]
    )
    def test_is_named_where_tls_was_expected(self, first, words):
        async def story():
            error = await answering(first, tls=Tls())
            assert (error.state, error.permanent, words in str(error)) == ("port", True, True)

        run(story)

    @needs_openssl
    def test_of_a_web_server_is_named_within_tls(self, authority):
        async def story():
            async def serve(reader, writer):
                await reader.read(100)
                writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                writer.close()

            certificate = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            certificate.load_cert_chain(*authority.sign("web"))
            server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=certificate)
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(BrokerLost, match="web server"):
                await PahoLink(Address("127.0.0.1", port, "x", tls=Tls(authority.file))).connect()
            server.close()

        run(story)

    def test_of_a_broker_without_tls_is_found_out_by_asking(self):
        async def story():
            async with ScriptedBroker().serving() as broker:
                where = Address("127.0.0.1", broker.port, "x", tls=Tls())
                with pytest.raises(TlsProblem, match="a broker without TLS"):
                    await PahoLink(where).connect()
                broker.violations.clear()

        run(story)

    @needs_openssl
    @pytest.mark.parametrize("thorough", [True, False])
    def test_of_a_tls_server_that_hangs_up_is_found_out_by_asking_only_where_that_is_wanted(self, authority, thorough):
        async def story():
            certificate = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            certificate.load_cert_chain(*authority.sign("server"))
            async with ScriptedBroker().serving(certificate) as broker:
                link = PahoLink(Address("127.0.0.1", broker.port, "x"), thorough=thorough)
                with pytest.raises(BrokerLost) as caught:
                    await link.connect()
                assert ("speaks TLS" in str(caught.value)) == thorough
                assert caught.value.hung_up != thorough

        run(story)


class TestAHangUp:
    def test_before_the_answer_is_no_matter_of_certificates(self):
        async def story():
            error = await answering(b"")
            assert error.hung_up
            assert "certificate" not in str(error)
            assert not error.permanent

        run(story)

    @needs_openssl
    def test_within_tls_is_none_either(self, authority):
        async def story():
            certificate = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            certificate.load_cert_chain(*authority.sign("server"))

            async def serve(reader, writer):
                await reader.read(1)
                writer.close()

            server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=certificate)
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(BrokerLost, match="hung up before it answered") as caught:
                await PahoLink(Address("127.0.0.1", port, "x", tls=Tls(authority.file))).connect()
            assert caught.value.hung_up
            server.close()

        run(story)

    @needs_openssl
    @pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
    def test_for_want_of_our_certificate_says_so(self, authority, ours, version):
        strict = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        strict.maximum_version, strict.verify_mode = version, ssl.CERT_REQUIRED
        strict.load_cert_chain(*authority.sign("server"))
        strict.load_verify_locations(authority.file)

        def accept(listener):
            # asyncio's servers send no alert.
            with contextlib.suppress(OSError):
                while True:
                    taken = listener.accept()[0]
                    with contextlib.suppress(OSError), strict.wrap_socket(taken, server_side=True) as secured:
                        secured.recv(100)
                        secured.sendall(b"\x20\x03\x00\x00\x00")
                        secured.recv(100)

        async def story():
            with socket.create_server(("127.0.0.1", 0)) as listener:
                threading.Thread(target=accept, args=(listener,), daemon=True).start()
                port = listener.getsockname()[1]
                with pytest.raises(TlsProblem, match="client certificate") as caught:
                    await PahoLink(Address("127.0.0.1", port, "x", tls=Tls(authority.file))).connect()
                assert caught.value.permanent
                link = PahoLink(Address("127.0.0.1", port, "x", tls=Tls(authority.file, *ours)))
                await link.connect()
                link.abort()
                listener.shutdown(socket.SHUT_RDWR)

        run(story)


@needs_openssl
class TestNames:
    def serving(self, authority, host):
        certificate = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.load_cert_chain(*authority.sign("named", host=host))
        self.seen = []
        certificate.sni_callback = lambda _socket, name, _context: self.seen.append(name)
        certificate.set_alpn_protocols(["mqtt"])
        return ScriptedBroker().serving(certificate)

    def test_a_host_that_ends_with_the_roots_dot_is_verified_without_it(self, authority, monkeypatch):
        found = socket.getaddrinfo("127.0.0.1", None, type=socket.SOCK_STREAM)
        monkeypatch.setattr(
            socket, "getaddrinfo", lambda _host, port, **_: [(*one[:4], ("127.0.0.1", port)) for one in found]
        )

        async def story():
            async with self.serving(authority, "DNS:broker.example.com") as broker:
                link = PahoLink(Address("broker.example.com.", broker.port, "x", tls=Tls(authority.file)))
                await link.connect()
                link.abort()
            assert self.seen == ["broker.example.com"]

        run(story)

    def test_the_server_name_is_verified_and_sent_instead_of_the_host(self, authority):
        async def story():
            async with self.serving(authority, "DNS:tenant.example.com") as broker:
                for name in (None, "other.example.com"):
                    with pytest.raises(TlsProblem) as caught:
                        await PahoLink(
                            Address("127.0.0.1", broker.port, "x", tls=Tls(authority.file, server_name=name))
                        ).connect()
                    assert caught.value.state == "wrong_host"
                tls = Tls(authority.file, server_name="tenant.example.com", alpn=("mqtt",))
                link = PahoLink(Address("127.0.0.1", broker.port, "x", tls=tls))
                await link.connect()
                assert link._connection._socket.selected_alpn_protocol() == "mqtt"
                link.abort()
            assert self.seen[-1] == "tenant.example.com"

        run(story)

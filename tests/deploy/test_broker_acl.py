"""The broker's side, on a real mosquitto: its configuration, certificates, accounts, and who may write where."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from agent import config
from agent.broker import NO_SUBSCRIBERS, Address, BrokerRefused, Tls, TlsProblem
from agent.broker.link import PahoLink
from agent.cli.doctor import network
from agent.cli.doctor.checks import BROKEN, OK, WARNING, Site
from agent.ingest.mqtt import filters

HERE = Path(__file__).parents[2] / "deploy" / "broker"
MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
NOT_AUTHORISED = 0x87

pytestmark = [
    pytest.mark.skipif(
        not (MOSQUITTO and shutil.which("mosquitto_passwd") and shutil.which("openssl")),
        reason="needs mosquitto, mosquitto_passwd and openssl",
    ),
    # paho leaves the socket of a failed handshake to the garbage collector
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def script(folder: Path, name: str, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "FOLDER": str(folder)}
    return subprocess.run(
        ["sh", str(HERE / name), *words], env=environ, capture_output=True, text=True, check=check, timeout=30
    )


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Broker:
    """Mosquitto as deploy/broker sets it up, in a folder of its own; `passwords` by user name."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port, self.plain, self.certified = folder, free_port(), free_port(), free_port()
        shutil.copy(HERE / "acl", folder / "acl")
        script(folder, "certificates.sh", "ca")
        script(folder, "certificates.sh", "server", "localhost", "127.0.0.1")
        kinds = {"greenhouse-1": "device", "cellar": "device", "eye": "reader", "home": "homeassistant"}
        self.passwords = {name: script(folder, "account.sh", kind, name).stdout.strip() for name, kind in kinds.items()}
        text = (HERE / "mosquitto.conf").read_text().replace("/etc/mosquitto/limpet", str(folder))
        text = text.replace("listener 8883", f"listener {self.port} 127.0.0.1")
        text = text.replace("listener 1883 127.0.0.1", f"listener {self.plain} 127.0.0.1")
        more = (HERE / "certificates.conf").read_text().replace("/etc/mosquitto/limpet", str(folder))
        text += more.replace("listener 8884", f"listener {self.certified} 127.0.0.1")
        (folder / "mosquitto.conf").write_text(text + ("user root\n" if os.getuid() == 0 else ""))
        self.process = subprocess.Popen(
            [MOSQUITTO, "-c", str(folder / "mosquitto.conf")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    async def up(self) -> None:
        """Wait until it listens."""
        for _ in range(200):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.plain)
            except OSError:
                assert self.process.poll() is None, "mosquitto ended"
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
        raise TimeoutError

    def address(self, user: str, **more: object) -> Address:
        facts = {
            "host": "localhost",
            "port": self.port,
            "client_id": f"limpet-{user}",
            "username": user,
            "password": self.passwords[user],
            "tls": Tls(self.folder / "ca.crt"),
        }
        return Address(**(facts | more))


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    folder = tmp_path_factory.mktemp("broker")
    made = Broker(folder)
    try:
        asyncio.run(made.up())
        yield made
    finally:
        made.process.terminate()
        made.process.wait(10)


def publish(address: Address, *topics: str, retain: bool = False) -> list[int]:
    """Return the broker's reason code for a message on each topic."""

    async def visit() -> list[int]:
        link = PahoLink(address)
        await link.connect()
        try:
            async with asyncio.timeout(10):
                return [await link.publish(topic, b"1", retain=retain) for topic in topics]
        finally:
            await link.close()

    return asyncio.run(visit())


def refused(codes: list[int]) -> list[bool]:
    return [code == NOT_AUTHORISED for code in codes]


class TestADevice:
    def test_writes_below_its_own_name_over_tls(self, broker):
        topics = [
            f"limpet/greenhouse-1/{one}" for one in ("status", "batch", "backfill", "state", "health", "info", "gap")
        ]
        assert not any(refused(publish(broker.address("greenhouse-1"), *topics, "limpet/greenhouse-1/response/read")))

    def test_writes_nowhere_else(self, broker):
        topics = ("limpet/cellar/batch", "limpet/batch", "limpet/greenhouse-11/batch", "other/greenhouse-1/batch", "x")
        assert all(refused(publish(broker.address("greenhouse-1"), *topics)))

    def test_gains_nothing_by_the_client_id_of_another(self, broker):
        address = broker.address("greenhouse-1", client_id="cellar")
        assert refused(publish(address, "limpet/cellar/batch")) == [True]

    def test_announces_itself_to_home_assistant_and_nobody_else(self, broker):
        own, other = (f"homeassistant/device/limpet_{name}/config" for name in ("greenhouse-1", "cellar"))
        codes = publish(broker.address("greenhouse-1"), own, other, "homeassistant/status")
        assert refused(codes) == [False, True, True]

    def test_gives_no_orders_to_others(self, broker):
        assert refused(publish(broker.address("greenhouse-1"), "limpet/cellar/request/read")) == [True]


class TestADeviceWithACertificate:
    @pytest.fixture
    def cellar(self, broker):
        """Its address; it has no user name and no password."""
        if not (broker.folder / "cellar.crt").exists():
            script(broker.folder, "certificates.sh", "client", "cellar")
        tls = Tls(broker.folder / "ca.crt", broker.folder / "cellar.crt", broker.folder / "cellar.key")
        return broker.address("cellar", port=broker.certified, tls=tls, username=None, password=None)

    def test_writes_below_the_name_in_it_and_nowhere_else(self, cellar):
        topics = ("limpet/cellar/batch", "limpet/greenhouse-1/batch", "limpet/limpet-cellar/batch")
        assert refused(publish(cellar, *topics)) == [False, True, True]

    def test_gains_nothing_by_the_user_name_of_another(self, cellar):
        pretending = replace(cellar, username="greenhouse-1", password="guess")
        assert refused(publish(pretending, "limpet/greenhouse-1/batch", "limpet/cellar/batch")) == [True, False]

    def test_does_not_come_in_without_it(self, broker):
        with pytest.raises(TlsProblem) as problem:
            publish(broker.address("cellar", port=broker.certified), "limpet/cellar/batch")
        assert problem.value.state == "wanted"


class TestAWorkerOfIngest:
    def test_reads_as_a_reader_alone_or_in_a_group(self, broker):
        async def story() -> set[str]:
            heard: set[str] = set()
            device = PahoLink(broker.address("cellar"))
            await device.connect()
            for group in (None, "store"):

                def note(_: object, group: str | None = group) -> None:
                    heard.add(str(group))

                eye = PahoLink(broker.address("eye", client_id=f"eye-{group}"), take=note)
                await eye.connect()
                codes = [await eye.subscribe(one, note) for one in filters("limpet", group)]
                assert max(codes) < 0x80
                for _ in range(20):
                    await device.publish("limpet/cellar/batch", b"21.4")
                    if str(group) in heard:
                        break
                await eye.close()
            await device.close()
            return heard

        assert asyncio.run(story()) == {"None", "store"}


class TestAReader:
    def test_changes_nothing(self, broker):
        topics = ("limpet/cellar/batch", "limpet/cellar/request/read", "homeassistant/device/limpet_cellar/config")
        assert all(refused(publish(broker.address("eye"), *topics)))

    @pytest.mark.parametrize(("user", "sees"), [("eye", True), ("cellar", False)])
    def test_alone_sees_what_devices_publish(self, broker, user, sees):
        async def story() -> list[bytes]:
            heard: list[bytes] = []
            eye, device = PahoLink(broker.address(user)), PahoLink(broker.address("greenhouse-1"))
            await eye.connect()
            await device.connect()
            eye.subscribe("limpet/greenhouse-1/batch", lambda message: heard.append(message.payload))
            async with asyncio.timeout(10):
                for _ in range(20):  # until the subscription is in force
                    await device.publish("limpet/greenhouse-1/batch", b"21.4")
                    if heard:
                        break
            await eye.close()
            await device.close()
            return heard

        assert bool(asyncio.run(story())) is sees


class TestHomeAssistant:
    def test_gives_orders_and_tells_that_it_is_there_but_speaks_for_no_device(self, broker):
        topics = ("limpet/cellar/request/read", "homeassistant/status", "limpet/cellar/batch")
        assert refused(publish(broker.address("home"), *topics)) == [False, False, True]


class TestStrangers:
    def test_with_a_wrong_password_do_not_come_in(self, broker):
        with pytest.raises(BrokerRefused):
            publish(broker.address("cellar", password="guess"), "limpet/cellar/batch")

    def test_without_a_name_do_not_come_in(self, broker):
        with pytest.raises(BrokerRefused):
            publish(broker.address("cellar", username=None, password=None), "limpet/cellar/batch")

    def test_are_told_by_their_certificate(self, broker, tmp_path):
        script(tmp_path, "certificates.sh", "ca")
        with pytest.raises(TlsProblem) as problem:
            publish(broker.address("cellar", tls=Tls(tmp_path / "ca.crt")), "limpet/cellar/batch")
        assert problem.value.state == "unknown_ca"


class TestTheDoctor:
    @pytest.fixture
    def examine(self, broker, tmp_path):
        """Return a function that lets the doctor look at this broker: level by subject, and all cures."""

        def look(device="greenhouse-1", user="greenhouse-1", ca=None, password=None, extra=""):
            (tmp_path / "word").write_text(password or broker.passwords[user])
            text = f"""
[agent]
device_id = "{device}"
[mqtt]
host = "localhost"
port = {broker.port}
username = "{user}"
password_file = "{tmp_path / "word"}"
[mqtt.tls]
ca_file = "{ca or broker.folder / "ca.crt"}"
{extra}"""
            settings, mistakes = config.parse(text, tmp_path / "limpet.toml")
            assert settings is not None, mistakes
            site = Site(settings, {}, root=tmp_path)
            found = [*network.name(site), *network.broker(site), *network.homeassistant(site)]
            return {one.check: one.level for one in found}, " ".join(one.cure or "" for one in found)

        return look

    def test_finds_nothing_wrong_with_a_device_that_bears_its_users_name(self, examine):
        levels, _ = examine()
        assert (levels["name"], levels["broker"], levels["acl"]) == (OK, OK, OK)

    def test_sees_that_a_device_of_another_name_is_refused(self, examine):
        levels, cures = examine(device="cellar")
        assert (levels["broker"], levels["acl"]) == (OK, BROKEN)
        assert "named as the device" in cures

    def test_knows_a_wrong_password(self, examine):
        levels, cures = examine(password="guess")
        assert levels["broker"] == BROKEN
        assert "mosquitto_passwd" in cures

    def test_knows_a_broker_that_it_has_no_reason_to_trust(self, examine, tmp_path):
        script(tmp_path, "certificates.sh", "ca")
        levels, cures = examine(ca=tmp_path / "ca.crt")
        assert levels["broker"] == BROKEN
        assert "ca_file" in cures

    def test_looks_whether_home_assistant_can_find_the_device(self, examine, broker, monkeypatch):
        monkeypatch.setattr(network, "RETAINED", 0.5)
        extra = "[homeassistant]\ndiscovery = true\n"
        assert examine(extra=extra)[0]["home assistant"] == WARNING
        publish(broker.address("greenhouse-1"), "homeassistant/device/limpet_greenhouse-1/config", retain=True)
        monkeypatch.setattr(network, "RETAINED", 5.0)
        assert examine(extra=extra)[0]["home assistant"] == OK


class TestARename:
    def test_gives_a_device_what_it_still_has_to_send_under_its_former_name(self, broker):
        wanted = ("limpet/shed/backfill", "limpet/shed/gap", "homeassistant/device/limpet_shed/config")
        assert NOT_AUTHORISED in publish(broker.address("greenhouse-1"), *wanted)
        broker.passwords["greenhouse-1"] = script(
            broker.folder, "account.sh", "device", "greenhouse-1", "shed"
        ).stdout.strip()
        broker.process.send_signal(signal.SIGHUP)
        for _ in range(50):
            with contextlib.suppress(BrokerRefused):
                if set(publish(broker.address("greenhouse-1"), *wanted)) <= {0, NO_SUBSCRIBERS}:
                    break
            time.sleep(0.05)
        else:
            pytest.fail("the broker still refuses the former name")
        assert publish(broker.address("greenhouse-1"), "limpet/cellar/backfill") == [NOT_AUTHORISED]


class TestASimulatedRun:
    def test_has_a_place_of_its_own(self, broker):
        allowed, refused = publish(
            broker.address("cellar"), "limpet/cellar-simulated/batch", "limpet/greenhouse-1-simulated/batch"
        )
        assert (allowed in (0, NO_SUBSCRIBERS), refused) == (True, NOT_AUTHORISED)


class TestTheScripts:
    @pytest.mark.parametrize(
        ("name", "spelt"), [("greenhouse-1", "greenhouse-1"), ("A_b-c", "A_b-c"), ("pi.local", "pi_local_92991a24")]
    )
    def test_spell_the_discovery_topic_as_the_agent_does(self, tmp_path, name, spelt):
        shutil.copy(HERE / "acl", tmp_path / "acl")
        script(tmp_path, "account.sh", "device", "new", name)
        script(tmp_path, "account.sh", "device", name)
        line = f"topic readwrite homeassistant/device/limpet_{spelt}/config"
        assert (tmp_path / "acl").read_text().splitlines().count(line) == 2

    def test_add_to_a_known_name_what_it_has_not_yet_and_keep_what_a_person_wrote(self, tmp_path):
        (tmp_path / "acl").write_text("user a\ntopic read weather/#\ntopic write limpet/a/#\n\nuser b\ntopic read x\n")
        for _ in range(2):
            script(tmp_path, "account.sh", "device", "a", "old")
        lines = (tmp_path / "acl").read_text().splitlines()
        assert lines.count("user a") == 2
        assert lines.count("topic write limpet/a/#") == 1
        assert {"topic read weather/#", "topic write limpet/old/#", "topic read x"} <= set(lines)

    def test_know_another_root_and_prefix(self, tmp_path, monkeypatch):
        monkeypatch.setenv("ROOT", "site/hall-3/limpet")
        monkeypatch.setenv("PREFIX", "ha")
        shutil.copy(HERE / "acl", tmp_path / "acl")
        script(tmp_path, "account.sh", "device", "a")
        lines = (tmp_path / "acl").read_text().splitlines()
        assert {"topic write site/hall-3/limpet/a/#", "topic readwrite ha/device/limpet_a/config"} <= set(lines)

    def test_refuse_a_name_that_would_be_a_wildcard(self, broker):
        for name in ("#", "+", "a/b", "a b", "a:b", ""):
            assert script(broker.folder, "account.sh", "device", name, check=False).returncode == 1
            assert script(broker.folder, "account.sh", "device", "fine", name, check=False).returncode == 1

    def test_give_a_new_password_and_no_second_entry_to_a_known_name(self, tmp_path):
        shutil.copy(HERE / "acl", tmp_path / "acl")
        first, second = (script(tmp_path, "account.sh", "device", "a").stdout for _ in range(2))
        assert first != second
        assert (tmp_path / "passwd").read_text().count("a:") == 1
        assert (tmp_path / "acl").read_text().count("user a\n") == 1

    def test_keep_keys_and_passwords_to_themselves(self, broker):
        modes = {name: (broker.folder / name).stat().st_mode & 0o007 for name in ("ca.key", "server.key", "passwd")}
        assert set(modes.values()) == {0}
        assert not any(word in (broker.folder / "passwd").read_text() for word in broker.passwords.values())

    def test_never_make_a_second_authority_over_the_first(self, broker):
        assert script(broker.folder, "certificates.sh", "ca", check=False).returncode == 1

    @pytest.mark.parametrize("words", [("certificates.sh",), ("account.sh",), ("account.sh", "king", "a")])
    def test_tell_how_they_are_used(self, tmp_path, words):
        done = script(tmp_path, *words, check=False)
        assert (done.returncode, done.stdout) == (2, "")
        assert "NAME" in done.stderr

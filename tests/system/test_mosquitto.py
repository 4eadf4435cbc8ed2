"""The publisher against a real mosquitto that is killed, frozen, strict or disguised; a subscriber keeps the ledger."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from agent.broker import Address, BrokerError, BrokerRefused, Tls, TlsProblem
from agent.broker.link import PahoLink
from agent.clock import Clock
from agent.messages import payloads
from agent.messages.topics import Topics
from agent.outbox import Item, Outbox
from agent.publisher import Publisher, Settings
from agent.publisher import pacing as pacing_module
from agent.publisher import reconnect as reconnect_module

TOPICS = Topics("limpet", "pi")


class Ledger:
    """A subscriber that writes down what arrives, and comes back when the broker does."""

    def __init__(self, port: int) -> None:
        self.port, self.seen = port, []
        self.changed = asyncio.Event()
        self.subscribed = False

    async def run(self) -> None:
        while True:
            link = PahoLink(Address("127.0.0.1", self.port, "ledger"))
            try:
                await link.connect()
                link.subscribe(TOPICS.of("#"), self._note)
                await link.publish(TOPICS.of("ledger"), b"here")
                self.subscribed = True
                self.changed.set()
                await link.lost
            except BrokerError:
                await asyncio.sleep(0.02)
            finally:
                self.subscribed = False
                link.abort()

    def _note(self, message) -> None:
        self.seen.append((message.topic.rsplit("/", 1)[-1], message.payload))
        self.changed.set()

    async def until(self, holds: Callable[[], bool], seconds: float = 8.0) -> None:
        async with asyncio.timeout(seconds):
            while not holds():
                self.changed.clear()
                await self.changed.wait()

    def seqs(self, *names: str) -> list[int]:
        return [json.loads(body)["seq"] for name, body in self.seen if name in (names or ("batch", "backfill"))]

    def missing(self, count: int) -> list[int]:
        return sorted(set(range(1, count + 1)) - set(self.seqs()))

    def judge(self, count: int, most_duplicates: int) -> None:
        """Nothing is missing, first deliveries ascend on each topic, and little came twice."""
        assert self.missing(count) == []
        for name in ("batch", "backfill"):
            first = list(dict.fromkeys(self.seqs(name)))
            assert first == sorted(first), name
        assert len(self.seqs()) - count <= most_duplicates


class Rig:
    def __init__(self, port: int, **address) -> None:
        self.clock = Clock()
        self.outbox = Outbox("boot", self.clock.now, kernel_boot=self.clock.kernel_boot)
        where = Address("127.0.0.1", **{"port": port, "client_id": "limpet-pi", **address})
        self.publisher = Publisher(
            lambda will: PahoLink(replace(where, will=will)),
            self.outbox,
            TOPICS,
            self.clock,
            Settings(backfill_rate=0, require_subscriber=True, reset_timeout=0.1, max_reset_timeout=0.2),
        )
        self.publisher.retain(TOPICS.state, b"{}")
        self.count = 0

    def put(self, count: int = 1) -> None:
        for _ in range(count):
            self.count += 1
            document = {"seq": self.count, "clock": "synced", "faults": [], "pad": "x" * 200}
            item = Item("boot", self.count, self.clock.now(), self.clock.kernel_boot, payloads.encode(document))
            self.outbox.put(item)


@contextlib.asynccontextmanager
async def running(rig: Rig, ledger: Ledger) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        listening = group.create_task(ledger.run())
        await ledger.until(lambda: ledger.subscribed)
        publishing = group.create_task(rig.publisher.run())
        yield
        await rig.publisher.close(0.5)
        await publishing
        listening.cancel()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    """The same rules with shorter times."""
    monkeypatch.setattr(reconnect_module, "FIRST", 0.05)
    monkeypatch.setattr(reconnect_module, "CAP", 0.1)
    monkeypatch.setattr(reconnect_module, "CONNECTS", 1000)
    monkeypatch.setattr(pacing_module, "LEAST_DEADLINE", 0.5)
    monkeypatch.setattr(pacing_module, "UNHEARD_FIRST", 0.05)


def story(mosquitto, told, **address) -> None:
    async def main():
        await mosquitto.start()
        rig, ledger = Rig(mosquitto.port, **address), Ledger(mosquitto.port)
        rig.publisher.on_change = ledger.changed.set
        async with running(rig, ledger):
            await told(rig, ledger)

    asyncio.run(main())


def test_25_a_killed_broker_costs_nothing_that_it_had_passed_on(mosquitto):
    async def told(rig, ledger):
        for _ in range(3):
            rig.put(100)
            await ledger.until(lambda: not ledger.missing(rig.count))
            mosquitto.kill()
            rig.put(100)
            await mosquitto.start()
            await ledger.until(lambda: not ledger.missing(rig.count))
        ledger.judge(rig.count, most_duplicates=3 * 16)
        assert ("status", b"online") in ledger.seen

    story(mosquitto, told)


def test_25_what_a_killed_broker_acknowledged_and_forgot_is_sent_again_on_request(mosquitto):
    async def told(rig, ledger):
        rig.put(600)
        await ledger.until(lambda: len(ledger.seqs()) > 100)
        mosquitto.kill()
        await mosquitto.start()
        await ledger.until(lambda: ledger.subscribed)
        rig.put(1)
        async with asyncio.timeout(5):
            await rig.outbox.drained()
        for seq in ledger.missing(rig.count):
            assert rig.outbox.again(rig.outbox.recent("boot", seq, seq)) == 1
        await ledger.until(lambda: not ledger.missing(rig.count))

    story(mosquitto, told)


def test_26_a_frozen_broker_is_left_and_found_again(mosquitto):
    async def told(rig, ledger):
        rig.put(20)
        await ledger.until(lambda: len(ledger.seqs()) == 20)
        mosquitto.kill(signal.SIGSTOP)
        rig.put(20)
        await ledger.until(lambda: not rig.publisher.state.connected, 3)
        mosquitto.kill(signal.SIGCONT)
        await ledger.until(lambda: set(ledger.seqs()) == set(range(1, 41)))
        ledger.judge(40, most_duplicates=3 * 16)

    story(mosquitto, told)


@pytest.mark.parametrize("most", [1, 3])
def test_30_a_burst_keeps_within_receive_maximum_in_one_connection(mosquitto, most):
    mosquitto.configure("allow_anonymous true", f"max_inflight_messages {most}")

    async def told(rig, ledger):
        rig.put(300)
        await ledger.until(lambda: len(ledger.seqs()) == 300)
        ledger.judge(300, most_duplicates=0)
        assert rig.publisher.state.sessions == 1
        assert rig.publisher.state.facts.receive_maximum == most

    story(mosquitto, told)


def test_30_a_batch_over_the_announced_packet_size_becomes_a_gap(mosquitto):
    mosquitto.configure("allow_anonymous true", "max_packet_size 1000")

    async def told(rig, ledger):
        rig.put(2)
        body = payloads.encode({"seq": 3, "clock": "synced", "faults": [], "pad": "x" * 2000})
        rig.outbox.put(Item("boot", 3, rig.clock.now(), rig.clock.kernel_boot, body))
        rig.count = 3
        rig.put(2)
        await ledger.until(lambda: len(ledger.seqs()) == 4 and any(name == "gap" for name, _ in ledger.seen))
        assert ledger.seqs() == [1, 2, 4, 5]
        assert rig.publisher.state.sessions == 1

    story(mosquitto, told)


def test_a_short_blip_is_not_told_as_offline_and_the_end_is(mosquitto):
    async def told(rig, ledger):
        await ledger.until(lambda: ("status", b"online") in ledger.seen)
        rig.publisher._open._connection._socket.shutdown(2)
        await ledger.until(lambda: ledger.seen.count(("status", b"online")) == 2)
        assert ("status", b"offline") not in ledger.seen
        await rig.publisher.close(0.5)
        await ledger.until(lambda: ("status", b"offline") in ledger.seen)

    story(mosquitto, told)


def connecting(mosquitto, **address):
    async def main():
        await mosquitto.start()
        link = PahoLink(Address("127.0.0.1", **{"port": mosquitto.port, "client_id": "limpet-pi", **address}))
        try:
            await link.connect()
            await asyncio.wait([link.lost, link.publish("a", b"1")], return_when=asyncio.FIRST_COMPLETED)
            if link.lost.done():
                raise link.lost.result()
        finally:
            link.abort()

    asyncio.run(asyncio.wait_for(main(), 8))


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_27_who_is_not_allowed_is_refused_in_words(mosquitto, version):
    mosquitto.configure("allow_anonymous false")
    with pytest.raises(BrokerRefused, match="not authorised") as caught:
        connecting(mosquitto, version=version)
    assert caught.value.permanent


def serve_tls(mosquitto, authority, certificate, key, *more: str) -> None:
    files = (f"cafile {authority.file}", f"certfile {certificate}", f"keyfile {key}")
    mosquitto.configure("allow_anonymous true", *files, *more)


def test_33_a_good_certificate_is_accepted(mosquitto, certificates):
    serve_tls(mosquitto, certificates, *certificates.sign("server"))
    connecting(mosquitto, tls=Tls(certificates.file))


def test_33_each_kind_of_bad_certificate_has_its_own_state(mosquitto, certificates, tmp_path):
    (other := tmp_path / "other").mkdir()
    stranger = type(certificates)(other, "stranger")
    for certificate, trusted, state in (
        (certificates.sign("expired", days=-1), certificates.file, "expired"),
        (certificates.sign("elsewhere", host="DNS:elsewhere"), certificates.file, "wrong_host"),
        (certificates.sign("fine"), stranger.file, "unknown_ca"),
        (certificates.sign("fine"), tmp_path / "missing.pem", "files"),
    ):
        serve_tls(mosquitto, certificates, *certificate)
        with pytest.raises(TlsProblem) as caught:
            connecting(mosquitto, tls=Tls(trusted))
        assert caught.value.state == state
        assert caught.value.permanent
        mosquitto.kill()


def test_33_a_broker_that_wants_a_client_certificate_gets_it_or_says_so(mosquitto, certificates):
    serve_tls(mosquitto, certificates, *certificates.sign("server"), "require_certificate true")
    with pytest.raises(TlsProblem) as caught:
        connecting(mosquitto, tls=Tls(certificates.file))
    assert caught.value.state == "wanted"
    mosquitto.kill()
    connecting(mosquitto, tls=Tls(certificates.file, *certificates.sign("client")))


def test_33_a_broker_without_tls_is_told_as_such(mosquitto, certificates):
    with pytest.raises(TlsProblem, match="a broker without TLS") as caught:
        connecting(mosquitto, tls=Tls(certificates.file))
    assert caught.value.state == "port"

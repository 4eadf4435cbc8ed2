"""The publisher against a real mosquitto that is killed, frozen, strict or disguised; a subscriber keeps the ledger."""

from __future__ import annotations

import asyncio
import signal

import pytest
from mosquitto_rig import story

from agent.broker import Address, BrokerRefused, Tls, TlsProblem
from agent.broker.link import PahoLink
from agent.messages import payloads
from agent.outbox import Item

pytestmark = pytest.mark.usefixtures("impatient")


def test_a_killed_broker_costs_nothing_that_it_had_passed_on(mosquitto):
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


def test_what_a_killed_broker_acknowledged_and_forgot_is_sent_again_on_request(mosquitto):
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


def test_a_frozen_broker_is_left_and_found_again(mosquitto):
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
def test_a_burst_keeps_within_receive_maximum_in_one_connection(mosquitto, most):
    mosquitto.configure("allow_anonymous true", f"max_inflight_messages {most}")

    async def told(rig, ledger):
        rig.put(300)
        await ledger.until(lambda: len(ledger.seqs()) == 300)
        ledger.judge(300, most_duplicates=0)
        assert rig.publisher.state.sessions == 1
        assert rig.publisher.state.facts.receive_maximum == most

    story(mosquitto, told)


def test_a_batch_over_the_announced_packet_size_becomes_a_gap(mosquitto):
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
def test_who_is_not_allowed_is_refused_in_words(mosquitto, version):
    mosquitto.configure("allow_anonymous false")
    with pytest.raises(BrokerRefused, match="not authorised") as caught:
        connecting(mosquitto, version=version)
    assert caught.value.permanent


def serve_tls(mosquitto, authority, certificate, key, *more: str) -> None:
    files = (f"cafile {authority.file}", f"certfile {certificate}", f"keyfile {key}")
    mosquitto.configure("allow_anonymous true", *files, *more)


def test_a_good_certificate_is_accepted(mosquitto, certificates):
    serve_tls(mosquitto, certificates, *certificates.sign("server"))
    connecting(mosquitto, tls=Tls(certificates.file))


def test_each_kind_of_bad_certificate_has_its_own_state(mosquitto, certificates, tmp_path):
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
        assert caught.value.permanent == (state != "files")
        mosquitto.kill()


def test_a_broker_that_wants_a_client_certificate_gets_it_or_says_so(mosquitto, certificates):
    serve_tls(mosquitto, certificates, *certificates.sign("server"), "require_certificate true")
    with pytest.raises(TlsProblem) as caught:
        connecting(mosquitto, tls=Tls(certificates.file))
    assert caught.value.state == "wanted"
    mosquitto.kill()
    connecting(mosquitto, tls=Tls(certificates.file, *certificates.sign("client")))


def test_a_broker_without_tls_is_told_as_such(mosquitto, certificates):
    with pytest.raises(TlsProblem, match="a broker without TLS") as caught:
        connecting(mosquitto, tls=Tls(certificates.file))
    assert caught.value.state == "port"

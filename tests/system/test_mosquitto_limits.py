"""Mosquitto with limits that are switched off by default: batches arrive whatever else it refuses."""

from __future__ import annotations

import pytest
from mosquitto_rig import TOPICS, story

from agent.broker import Tls
from agent.messages import payloads
from agent.outbox import Item

pytestmark = pytest.mark.usefixtures("impatient")

VERSIONS = pytest.mark.parametrize("version", ["5", "3.1.1"])


def another_listener(mosquitto):
    """Return what Mosquitto 2.0.11 needs beside WebSockets, without which it does not start: a socket in its folder."""
    return f"listener 0 {mosquitto.file.with_name('socket')}"


def all_arrive(mosquitto, **address):
    """Make sure that thirty batches arrive, put in three goes; return the publisher's state at the end."""
    states = []

    async def told(rig, ledger):
        for _ in range(3):
            rig.put(10)
            await ledger.until(lambda: not ledger.missing(rig.count), 20)
        states.append(rig.publisher.state)

    story(mosquitto, told, **address)
    return states[0]


@VERSIONS
def test_a_document_larger_than_any_packet_holds_no_batch_back(mosquitto, version):
    mosquitto.configure("allow_anonymous true", "max_packet_size 2500")

    async def told(rig, ledger):
        rig.publisher.retain(TOPICS.info, b"x" * 5000)
        rig.publisher.retain(TOPICS.health, b"x" * 100)
        for _ in range(3):
            rig.put(10)
            await ledger.until(lambda: not ledger.missing(rig.count), 20)
        assert ("status", b"online") in ledger.seen

    story(mosquitto, told, version=version)


@VERSIONS
def test_a_batch_beyond_the_message_size_limit_becomes_a_gap_and_the_others_arrive(mosquitto, version):
    mosquitto.configure("allow_anonymous true", "message_size_limit 1000")

    async def told(rig, ledger):
        rig.put(2)
        body = payloads.encode({"seq": 3, "clock": "synced", "faults": [], "pad": "x" * 2000})
        rig.outbox.put(Item("boot", 3, rig.clock.now(), rig.clock.kernel_boot, body))
        rig.count = 3
        rig.put(2)
        await ledger.until(lambda: set(ledger.seqs()) == {1, 2, 4, 5}, 20)
        if version == "5":
            await ledger.until(lambda: any(name == "gap" for name, _ in ledger.seen), 20)

    story(mosquitto, told, version=version)


@VERSIONS
def test_a_broker_without_retained_messages_gets_every_batch(mosquitto, version):
    mosquitto.configure("allow_anonymous true", "retain_available false")
    state = all_arrive(mosquitto, version=version)
    if version == "5":
        assert state.limits["retain"] is False


@VERSIONS
def test_a_broker_without_qos_1_gets_every_batch(mosquitto, version):
    mosquitto.configure("allow_anonymous true", "max_qos 0")
    assert all_arrive(mosquitto, version=version).limits["maximum_qos"] == 0


@VERSIONS
def test_websockets_carry_what_tcp_does(mosquitto, version):
    mosquitto.configure("protocol websockets", "allow_anonymous true", another_listener(mosquitto))
    all_arrive(mosquitto, version=version, transport="websockets")


def test_websockets_within_tls_do_so_too(mosquitto, certificates):
    certificate, key = certificates.sign("server")
    files = (f"certfile {certificate}", f"keyfile {key}")
    mosquitto.configure("protocol websockets", *files, "allow_anonymous true", another_listener(mosquitto))
    all_arrive(mosquitto, transport="websockets", tls=Tls(certificates.file))


def test_a_broker_that_requires_certificates_takes_their_names_for_users(mosquitto, certificates, tmp_path):
    certificate, key = certificates.sign("server")
    acl = tmp_path / "acl"
    acl.write_text("pattern readwrite limpet/%u/#\n")
    mosquitto.configure(
        f"cafile {certificates.file}",
        f"certfile {certificate}",
        f"keyfile {key}",
        "require_certificate true",
        "use_identity_as_username true",
        f"acl_file {acl}",
    )
    all_arrive(mosquitto, tls=Tls(certificates.file, *certificates.sign("pi")))

"""The publisher over a real link against brokers that refuse in every way there is, MQTT 3.1.1 and 5."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
import zlib

import pytest
from awkward import HANG_UP, RESET, SILENCE, AwkwardBroker
from brokers import CONTENT_TYPE

from agent.broker import Address
from agent.broker.link import PahoLink
from agent.messages import payloads
from agent.messages.blocks import lines
from agent.messages.topics import Topics
from agent.outbox import Item, Outbox
from agent.publisher import Publisher, Settings, holds, in_flight, pacing, reconnect, refusals

TOPICS = Topics("limpet", "pi")
OLD = "limpet/old"
DISCOVERY = "homeassistant/device/limpet_pi/config"
REQUESTS = "limpet/pi/request/read"
SECONDS = 8.0  # of real time that one story may take
QUICK = Settings(backfill_rate=0, reset_timeout=0.05, max_reset_timeout=0.1)


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    """Let every wait be so short that it can be played in real time."""
    for module, name, value in (
        (reconnect, "FIRST", 0.02),
        (reconnect, "CAP", 0.1),
        (reconnect, "CAP_PERMANENT", 0.1),
        (reconnect, "AGAIN", (0.01, 0.02)),
        (reconnect, "CONNECTS", 1000),
        (pacing, "LEAST_DEADLINE", 0.4),
        (in_flight, "SLOW", 0.05),
        (refusals, "SOON", 0.05),
        (refusals, "SOON_MOST", 0.1),
        (holds, "BY_CODE", 0.02),
        (holds, "BY_CODE_MOST", 0.1),
        (holds, "BY_HANGING_UP", 0.05),
        (holds, "ITEM", 0.05),
    ):
        monkeypatch.setattr(module, name, value)


class Wall:
    """The agent's clock in real time."""

    kernel_boot = "this-boot"
    now = staticmethod(time.monotonic)

    def synced(self) -> bool:
        return True

    def stamp(self, taken: float) -> str:
        return "2026-11-28T12:00:00.000Z"


class Device:
    """An outbox and its publisher, connected to a broker on loopback."""

    def __init__(self, broker: AwkwardBroker, version: str, settings: Settings = QUICK) -> None:
        self.broker, self.version = broker, version
        self.outbox = Outbox("boot", Wall.now, kernel_boot=Wall.kernel_boot)
        self.publisher = Publisher(self.link, self.outbox, TOPICS, Wall(), settings, rng=random.Random(1))
        for topic in (TOPICS.state, TOPICS.info, TOPICS.health, DISCOVERY):
            self.publisher.retain(topic, b"{}")
        self.publisher.subscribe(REQUESTS, lambda message: None)
        self.seq = 0

    def link(self, will=None) -> PahoLink:
        return PahoLink(Address("127.0.0.1", self.broker.port, "limpet-pi", version=self.version, will=will))

    def put(self, count: int, *, topic: str = "", pad: int = 0, historical: bool = False) -> None:
        for _ in range(count):
            self.seq += 1
            document = {"bootId": "boot", "seq": self.seq, "clock": "synced", "faults": [], "pad": "x" * pad}
            # What an earlier boot left is history at once.
            boot = "earlier" if historical else Wall.kernel_boot
            self.outbox.put(Item("boot", self.seq, Wall.now(), boot, payloads.encode(document), topic))

    async def delivered(self, seconds: float = 5.0) -> None:
        async with asyncio.timeout(seconds):
            await self.outbox.drained()

    def seqs(self, topic: str = "") -> list[int]:
        """Return the numbers of the batches that the broker accepted, on one topic or on all."""
        found = []
        for one in self.broker.accepted:
            if one.topic.endswith(("/batch", "/backfill")) and topic in ("", one.topic):
                found += [json.loads(body)["seq"] for body in lines(one.payload)]
        return found

    def refused(self) -> set[str]:
        return {one.topic for one in self.publisher.state.refused}


async def eventually(holds, seconds: float = 4.0) -> None:
    """Wait until something is so; a socket is real, and so is its time."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def told(story, version: str = "5", settings: Settings = QUICK) -> None:
    async def main():
        async with AwkwardBroker().serving() as broker:
            device = Device(broker, version, settings)
            running = asyncio.create_task(device.publisher.run())
            try:
                await story(device, broker)
            finally:
                await device.publisher.close(0.2)
                await running

    asyncio.run(asyncio.wait_for(main(), SECONDS))


WAYS = [
    *((way, "3.1.1") for way in (HANG_UP, RESET, SILENCE)),
    *((way, "5") for way in (HANG_UP, RESET, SILENCE, "code 0x87", "code 0x95", "code 0xd3")),
    *((f"disconnect 0x{code:02x}", "5") for code in (0x80, 0x82, 0x87, 0x90, 0x94, 0x95, 0x97, 0x98, 0x99, 0xEE)),
]


class TestWhatIsNoBatch:
    @pytest.mark.parametrize(("way", "version"), WAYS)
    @pytest.mark.parametrize("topic", [TOPICS.state, TOPICS.status, DISCOVERY, REQUESTS])
    def test_is_set_aside_when_it_is_refused_and_batches_pass(self, topic, way, version):
        async def story(device, broker):
            broker.refuses[topic] = way
            device.put(3)
            await device.delivered()
            for _ in range(5):
                device.put(3)
                await device.delivered()
                await asyncio.sleep(0.05)
            await eventually(lambda: topic in device.refused() or broker.refused[topic] >= 2)
            assert set(device.seqs()) == set(range(1, 19))
            if way in (HANG_UP, RESET) or way.startswith("disconnect"):
                assert broker.refused[topic] == 2

        told(story, version)

    @pytest.mark.parametrize("code", [0x80, 0x87, 0x8F, 0x97, 0x9E, 0xA1, 0xA2, 0x55, 0xFF])
    def test_and_is_a_subscription_may_be_refused_with_any_code(self, code):
        async def story(device, broker):
            broker.refuses[REQUESTS] = f"code 0x{code:02x}"
            device.put(5)
            await device.delivered()
            await eventually(lambda: bool(broker.refused))
            assert len(broker.connects) == 1

        told(story)

    @pytest.mark.parametrize("version", ["3.1.1", "5"])
    def test_may_be_refused_altogether(self, version):
        async def story(device, broker):
            broker.refuses = dict.fromkeys(
                (TOPICS.state, TOPICS.status, TOPICS.info, TOPICS.health, DISCOVERY), HANG_UP
            )
            device.put(20)
            await device.delivered()

        told(story, version)

    @pytest.mark.parametrize("most", [1, 2])
    @pytest.mark.parametrize("way", [HANG_UP, SILENCE, "code 0x87"])
    def test_holds_nothing_back_where_one_message_at_a_time_is_allowed(self, way, most):
        async def story(device, broker):
            broker.receive_maximum, broker.properties = most, b"\x21" + most.to_bytes(2, "big")
            broker.refuses[TOPICS.state] = way
            device.put(10)
            await device.delivered(6.0)

        told(story)


class TestBatches:
    @pytest.mark.parametrize(("way", "version"), WAYS)
    def test_that_are_refused_for_a_while_come_later_and_no_document_waits_for_them(self, way, version):
        if way.endswith("0x95"):
            pytest.skip("that is about the batch itself")

        async def story(device, broker):
            broker.refuses = {TOPICS.batch: way, TOPICS.backfill: way}
            device.put(5)
            await eventually(lambda: broker.refused.total() >= 3)
            await eventually(lambda: TOPICS.health in [one.topic for one in broker.accepted])
            broker.refuses.clear()
            await device.delivered(6.0)
            assert sorted(set(device.seqs())) == list(range(1, 6))
            assert device.outbox.next_gap() is None

        told(story, version)

    @pytest.mark.parametrize("version", ["3.1.1", "5"])
    @pytest.mark.parametrize("way", [HANG_UP, "disconnect 0x95"])
    def test_that_are_too_large_are_given_up_by_themselves(self, way, version):
        if version == "3.1.1" and way != HANG_UP:
            pytest.skip("3.1.1 has no DISCONNECT from a broker")

        async def story(device, broker):
            answers = broker.acknowledges

            def strict(publish):
                if len(publish.payload) > 2500:
                    return broker._refuse("large", way)
                return answers(publish)

            broker.acknowledges = strict
            device.put(3)
            await device.delivered()
            device.put(1, pad=3000)
            device.put(5)
            await device.delivered()
            assert set(device.seqs()) == {1, 2, 3, 5, 6, 7, 8, 9}
            await eventually(lambda: TOPICS.gap in [one.topic for one in broker.accepted])
            device.put(1, pad=4000)
            before = broker.refused["large"]
            await device.delivered()
            assert before <= 5
            assert broker.refused["large"] == before
            assert device.publisher.state.limits["maximum_packet_size"] > 2500

        told(story, version)

    def test_of_another_device_wait_where_only_its_own_account_may_write(self):
        async def story(device, broker):
            broker.refuses[f"{OLD}/backfill"] = "code 0x87"
            device.put(100, topic=OLD, historical=True)
            device.put(50, topic=TOPICS.device, historical=True)
            await eventually(lambda: len(device.seqs(TOPICS.backfill)) == 50)
            await eventually(lambda: device.outbox.waiting == 100)
            broker.refuses.clear()
            await device.delivered()
            assert sorted(device.seqs(f"{OLD}/backfill")) == list(range(1, 101))

        told(story)

    def test_of_another_device_go_below_our_topic_with_3_1_1(self):
        async def story(device, broker):
            device.put(5, topic=OLD, historical=True)
            await device.delivered()
            assert device.seqs(TOPICS.backfill) == list(range(1, 6))

        told(story, "3.1.1")

    @pytest.mark.parametrize("after", [1, 5])
    def test_on_a_link_that_dies_are_not_believed_delivered_where_nothing_is_acknowledged(self, after):
        async def story(device, broker):
            broker.properties = b"\x24\x00"
            broker.pongs = True
            device.put(after)
            await device.delivered()
            broker.pongs = False
            device.put(5)
            await eventually(lambda: len(device.seqs()) >= after + 5)
            await eventually(lambda: device.outbox.waiting == 5)
            broker.cut()
            broker.pongs = True
            await device.delivered()
            assert device.publisher.state.limits == {"maximum_qos": 0}

        told(story)


class TestBlocks:
    @pytest.mark.parametrize("version", ["3.1.1", "5"])
    def test_carry_history_many_batches_a_message(self, version):
        async def story(device, broker):
            device.put(200, historical=True)
            device.put(1)
            await device.delivered()
            history = [one for one in broker.accepted if one.topic == TOPICS.backfill]
            assert len(history) < 10
            assert all(one.payload[0] == 0x78 for one in history)
            content = None if version == "3.1.1" else b"application/x-ndjson+zlib"
            assert {one.properties.get(CONTENT_TYPE) for one in history} == {content}
            assert device.seqs(TOPICS.backfill) == list(range(1, 201))
            assert device.seqs(TOPICS.batch) == [201]
            documents = [json.loads(body) for one in history for body in lines(one.payload)]
            assert all(document["historical"] for document in documents)

        told(story, version, Settings(backfill_rate=0, backfill_format="block"))

    def test_keep_below_the_largest_packet(self):
        async def story(device, broker):
            broker.maximum_packet, broker.properties = 500, b"\x27" + (500).to_bytes(4, "big")
            noise = random.Random(1)
            for _ in range(40):
                device.put(1, historical=True)
                item = Item(
                    "noise",
                    device.seq,
                    0.0,
                    "",
                    b'{"seq":%d,"clock":"synced","faults":[],"pad":"%x"}' % (device.seq, noise.getrandbits(800)),
                )
                device.outbox.put(item)
            await device.delivered()
            assert len(device.seqs()) == 80

        told(story, "5", Settings(backfill_rate=0, backfill_format="block"))

    def test_become_as_small_as_a_broker_takes_that_announces_no_limit(self):
        async def story(device, broker):
            answers = broker.acknowledges
            broker.acknowledges = lambda one: 0x95 if len(one.payload) > 1500 else answers(one)
            noise = random.Random(1)
            for seq in range(1, 201):
                body = b'{"seq":%d,"clock":"synced","faults":[],"pad":"%x"}' % (seq, noise.getrandbits(400))
                device.outbox.put(Item("noise", seq, 0.0, "", body))
            await device.delivered()
            assert device.seqs(TOPICS.backfill) == list(range(1, 201))
            assert sum(one.topic == TOPICS.backfill for one in broker.accepted) < 60

        told(story, "5", Settings(backfill_rate=0, backfill_format="block"))

    @pytest.mark.parametrize("bad", [1, 17, 64])
    def test_with_one_batch_that_is_refused_let_the_others_pass(self, bad):
        async def story(device, broker):
            answers = broker.acknowledges

            def picky(publish):
                if publish.topic == TOPICS.backfill and b'"seq":%d,' % bad in b"".join(lines(publish.payload)):
                    return 0x83
                return answers(publish)

            broker.acknowledges = picky
            device.put(100, historical=True)
            await eventually(lambda: len(set(device.seqs())) == 99, 6.0)
            await eventually(lambda: device.outbox.waiting == 1)

        told(story, "5", Settings(backfill_rate=0, backfill_format="block"))


class TestALastWill:
    @pytest.mark.parametrize("code", ["0x9a", "0x9b", "0x87", "0x80", "0x90"])
    def test_that_is_refused_by_a_code_is_lived_without(self, code):
        async def story(device, broker):
            broker.wills = lambda connect: f"code {code}"
            device.put(3)
            await device.delivered()
            assert device.publisher.state.limits["will"] is False

        told(story)

    @pytest.mark.parametrize(("code", "bit"), [("0x9a", 0x20), ("0x9b", 0x08)])
    def test_is_not_retained_or_not_acknowledged_where_that_is_all_that_is_wrong(self, code, bit):
        async def story(device, broker):
            broker.wills = lambda connect: f"code {code}" if connect.flags & bit else None
            device.put(3)
            await device.delivered()
            assert broker.connects[-1].will is not None
            assert "will" not in device.publisher.state.limits

        told(story)

    @pytest.mark.parametrize("version", ["3.1.1", "5"])
    @pytest.mark.parametrize("way", [HANG_UP, RESET])
    def test_at_which_the_broker_hangs_up_is_left_out(self, way, version):
        async def story(device, broker):
            broker.wills = lambda connect: way
            device.put(3)
            await device.delivered(6.0)
            assert device.publisher.state.limits["will"] is False

        told(story, version)


class TestABrokerThatSaysNothing:
    """MQTT 3.1.1 has no words for what is not supported."""

    def test_of_having_no_qos_1_is_sent_what_needs_no_acknowledgement(self):
        async def story(device, broker):
            answers = broker.acknowledges
            broker.acknowledges = lambda one: broker._refuse("qos 1", HANG_UP) if one.qos else answers(one)
            device.put(10)
            await device.delivered(6.0)
            await eventually(lambda: {TOPICS.state, TOPICS.status} <= {one.topic for one in broker.accepted})
            assert device.publisher.state.limits == {"maximum_qos": 0}
            assert broker.refused["qos 1"] <= 4

        told(story, "3.1.1")

    def test_of_not_retaining_is_sent_documents_that_are_not_retained(self):
        async def story(device, broker):
            broker.wills = lambda connect: HANG_UP if connect.flags & 0x20 else None
            answers = broker.acknowledges
            broker.acknowledges = lambda one: broker._refuse("retained", HANG_UP) if one.retain else answers(one)
            device.put(10)
            await device.delivered(6.0)
            wanted = {TOPICS.state, TOPICS.status, TOPICS.info, DISCOVERY}
            await eventually(lambda: wanted <= {one.topic for one in broker.accepted})
            assert device.publisher.state.limits["retain"] is False
            assert not device.refused()

        told(story, "3.1.1")


def test_a_block_that_expands_without_end_is_refused():
    with pytest.raises(ValueError, match="too large"):
        lines(zlib.compress(b"x" * (17 * 1024 * 1024)))
    with contextlib.suppress(ValueError):
        lines(b"\x78nonsense")

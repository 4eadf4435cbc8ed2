"""History in blocks, over a real link."""

from __future__ import annotations

import contextlib
import json
import random
import zlib

import pytest
from brokers import CONTENT_TYPE
from impatient import TOPICS, eventually, told
from impatient import hurry as really_hurry

from agent.messages.blocks import lines
from agent.outbox import Item
from agent.publisher import Settings


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    really_hurry(monkeypatch)


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


def test_a_block_that_expands_without_end_is_refused():
    with pytest.raises(ValueError, match="too large"):
        lines(zlib.compress(b"x" * (17 * 1024 * 1024)))
    with contextlib.suppress(ValueError):
        lines(b"\x78nonsense")

"""History in blocks where the broker takes none, or only small ones, in virtual time."""

from __future__ import annotations

import pytest
from refusing import NOT_AUTHORISED, UNHEARD_OF, forgets_where
from test_publisher import Rig

from agent.broker import BrokerLost
from agent.messages.blocks import lines


class TestABrokerThatTakesNoBlocks:
    @pytest.mark.parametrize("how", [0x95, 0x99, 0x90, NOT_AUTHORISED, "hangs up", "is silent"])
    def test_gets_each_batch_by_itself(self, runner, how):
        rig = Rig(runner.clock, backfill_format="block")
        rig.broker.refuses = BrokerLost("away")
        blocks = []

        def look(topic, payload=b""):
            if payload[:1] != b"\x78":
                return 0
            blocks.append(topic)
            if how == "hangs up":
                rig.broker.cut(BrokerLost("not allowed"))
            return how if isinstance(how, int) else 0

        rig.broker.code = look
        if how == "is silent":
            forgets_where(rig.broker, lambda one: one.payload[:1] == b"\x78")

        async def story():
            await rig.sample(100)
            rig.broker.refuses = None
            await rig.sample(150)
            assert rig.outbox.waiting < 5
            assert rig.outbox.refused == 0

        rig.run(runner, story)
        assert blocks

    def test_gets_small_ones_again_after_a_while(self, runner):
        rig = Rig(runner.clock, backfill_format="block")
        sizes = []

        def look(topic, payload=b""):
            if payload[:1] == b"\x78":
                sizes.append(len(lines(payload)))
            return UNHEARD_OF if sizes and sizes[-1] > 10 and payload[:1] == b"\x78" else 0

        rig.broker.code = look

        async def story():
            for _ in range(6):
                rig.broker.refuses = BrokerLost("away")
                rig.broker.cut()
                await rig.sample(100)
                rig.broker.refuses = None
                await rig.sample(100)
            assert rig.outbox.waiting < 5

        rig.run(runner, story)
        assert sum(size > 10 for size in sizes) < 15
        assert sum(1 < size <= 10 for size in sizes) > 20

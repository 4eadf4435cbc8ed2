"""What an open page is told, and in which order: everything once, then what has changed."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from agent.web.live import EVERY, Live, Seen
from agent.web.rings import SLOTS, Rings


class Told:
    """A page's parts, and how often they were asked for."""

    def __init__(self) -> None:
        self.parts: dict[str, Any] = {"info": {"id": "pi"}, "health": {"n": 1}}
        self.asked = 0
        self.rings = Rings()
        self.live = Live(self._ask, self.rings)

    def _ask(self) -> dict[str, Any]:
        self.asked += 1
        return self.parts


@pytest.fixture
def told(runner) -> Told:
    async def make() -> Told:
        return Told()

    return runner.run(make())


class TestAPage:
    def test_is_told_everything_at_first_and_then_what_has_changed(self, runner, told):
        async def live() -> None:
            seen = Seen()
            assert json.loads(told.live.patch(seen)) == told.parts
            assert told.live.patch(seen) == "{}"
            told.parts = {**told.parts, "health": {"n": 2}}
            told.live.notify()
            assert json.loads(told.live.patch(seen)) == {"health": {"n": 2}}

        runner.run(live())

    def test_is_told_only_the_sensors_that_have_changed(self, runner, told):
        async def live() -> None:
            seen = Seen()
            told.parts = {"sensors": {"air": {"t": 1}, "__proto__": {"t": 2}}}
            assert json.loads(told.live.patch(seen)) == told.parts
            for now, news in (
                ({"air": {"t": 1}, "__proto__": {"t": 3}}, {"sensors": {"__proto__": {"t": 3}}}),
                ({"air": {"t": 1}}, {}),
                ({"air": {"t": 1}, "__proto__": {"t": 3}}, {"sensors": {"__proto__": {"t": 3}}}),
            ):
                told.parts = {"sensors": now}
                told.live.notify()
                assert json.loads(told.live.patch(seen)) == news

        runner.run(live())

    def test_is_told_that_there_are_no_sensors(self, runner, told):
        async def live() -> None:
            told.parts = {"sensors": {}}
            assert json.loads(told.live.patch(Seen())) == told.parts

        runner.run(live())

    def test_is_told_only_the_newest_slots_of_the_history(self, runner, told):
        async def live() -> None:
            seen = Seen()
            for number in range(5):
                told.rings.take("air", "t", float(number), 12.0 * number)
            assert len(json.loads(told.live.patch(seen))["history"]["series"]["air"]["t"]["values"]) == 5
            told.rings.take("air", "t", 9.0, 60.0)
            history = json.loads(told.live.patch(seen))["history"]
            assert history["series"]["air"]["t"] == {"first": 4, "values": [4.0, 9.0]}

        runner.run(live())

    def test_is_told_no_history_of_a_quantity_that_was_not_measured_again(self, runner, told):
        async def live() -> None:
            seen = Seen()
            told.rings.take("air", "t", 1.0, 0.0)
            told.rings.take("tank", "t", 1.0, 0.0)
            told.live.patch(seen)
            assert told.live.patch(seen) == "{}"
            told.rings.take("tank", "t", 2.0, 1.0)
            assert json.loads(told.live.patch(seen))["history"]["series"] == {
                "tank": {"t": {"first": 0, "values": [[1.0, 2.0]]}}
            }

        runner.run(live())

    def test_is_told_all_slots_again_when_they_have_grown(self, runner, told):
        async def live() -> None:
            seen = Seen()
            told.live.patch(seen)
            for number in range(SLOTS + 1):
                told.rings.take("air", "t", 1.0, told.rings.width * number)
                told.live.patch(seen)
            for number in range(SLOTS):
                told.rings.take("air", "t", 1.0, 10_000.0 + 11.25 * number)
            history = json.loads(told.live.patch(seen))["history"]
            assert history["width"] == told.rings.width
            assert history["series"]["air"]["t"]["first"] == 0

        runner.run(live())

    def test_shares_one_edition_with_all_others(self, runner, told):
        async def live() -> None:
            pages = [Seen() for _ in range(8)]
            for _ in range(3):
                for seen in pages:
                    told.live.patch(seen)
            assert told.asked == 1

        runner.run(live())


class TestAChange:
    def test_wakes_a_page_soon_and_its_absence_wakes_it_late(self, runner, told):
        async def live() -> None:
            waiting = asyncio.create_task(told.live.change())
            await asyncio.sleep(1.0)
            told.live.notify()
            await asyncio.sleep(0.3)
            assert waiting.done()
            began = asyncio.get_running_loop().time()
            await told.live.change()
            assert asyncio.get_running_loop().time() - began == pytest.approx(EVERY)

        runner.run(live())

    def test_that_comes_with_many_others_wakes_it_once(self, runner, told):
        async def live() -> None:
            woken = 0

            async def page() -> None:
                nonlocal woken
                while True:
                    await told.live.change()
                    told.live.patch(Seen())
                    woken += 1

            open_page = asyncio.create_task(page())
            await asyncio.sleep(0)
            for _ in range(100):
                told.live.notify()
                await asyncio.sleep(0.01)
            open_page.cancel()
            assert woken <= 5

        runner.run(live())

"""What the page is told of a whole agent: values as the chip can tell them, faults by sensor or bus, the last hours."""

from __future__ import annotations

import json
from typing import Any

from whole import FILE, Whole, whole

from agent.broker import BrokerLost
from agent.simulation.scenario import Scenario, ScenarioFault

BUS_OF_THREE = """
[agent]
device_id = "pi"
[outbox]
durability = "memory"
[[sensor]]
id = "a"
driver = "sht4x"
address = 0x44
[[sensor]]
id = "b"
driver = "sht4x"
address = 0x45
[[sensor]]
id = "c"
driver = "sht4x"
address = 0x46
"""
# An address that no machine has: nothing is served, and everything is kept as if it were.
WEB = '[web]\nlisten = "192.0.2.1:8080"\n'


def _page(home: Whole) -> dict[str, Any]:
    shown = home.agent.page._shown
    assert shown is not None
    page: dict[str, Any] = json.loads(shown.live.whole())
    return page


class TestThePage:
    def test_is_told_digits_by_the_chips_step_and_doors_as_words(self, runner):
        async def live() -> None:
            async with whole(FILE + WEB) as home:
                page = _page(home)
                (temperature, _), (state,) = page["quantities"]["air"], page["quantities"]["door"]
                assert (temperature["name"], temperature["digits"], temperature["words"]) == ("temperature", 2, [])
                assert state["words"] == ["open", "closed"]
                assert page["sensors"]["air"]["status"] == "ok"
                assert (
                    page["sensors"]["air"]["readings"][0]["value"]
                    == home.agent.status.state()["sensors"]["air"]["temperature"]
                )
                assert (page["faults"], page["health"]["breakers"]) == ([], {})

        runner.run(live())

    def test_is_told_the_last_hours(self, runner):
        async def live() -> None:
            async with whole(FILE + WEB) as home:
                await home.settle(3600.0)
                history = _page(home)["history"]
                assert len(history["series"]["air"]["temperature"]["values"]) * history["width"] > 3500

        runner.run(live())

    def test_is_told_a_fault_and_its_end(self, runner):
        async def live() -> None:
            async with whole(FILE + WEB) as home:
                home.machine.play(
                    Scenario(faults=(ScenarioFault(kind="unplugged", sensor="air", at=10.0, lasts=30.0),))
                )
                await home.settle(20.0)
                (entry,) = _page(home)["faults"]
                assert (entry["name"], entry["error"], entry["ended"]) == ("air", "NoAcknowledge", None)
                await home.settle(120.0)
                page = _page(home)
                assert page["faults"][0]["ended"] > entry["began"]
                assert page["sensors"]["air"]["status"] == "ok"

        runner.run(live())

    def test_is_told_that_the_broker_was_away(self, runner):
        async def live() -> None:
            async with whole(FILE + WEB) as home:
                home.broker.refuses = BrokerLost("connection refused")
                home.broker.cut()
                await home.settle(60.0)
                home.broker.refuses = None
                await home.settle(120.0)
                (entry,) = _page(home)["faults"]
                assert entry["name"] == "broker"
                assert entry["ended"] is not None

        runner.run(live())

    def test_is_told_a_stuck_bus_once_and_not_each_of_its_sensors(self, runner):
        async def live() -> None:
            async with whole(BUS_OF_THREE + WEB) as home:
                home.machine.play(Scenario(faults=(ScenarioFault(kind="stuck", bus="i2c-1", at=10.0),)))
                await home.settle(60.0)
                page = _page(home)
                assert page["buses"]["i2c-1"]["sensors"] == ["a", "b", "c"]
                assert [one["name"] for one in page["faults"]] == ["bus:i2c-1"]

        runner.run(live())

    def test_costs_nothing_where_there_is_none(self, runner):
        async def live() -> None:
            async with whole() as home:
                assert home.agent.page._shown is None

        runner.run(live())

    def test_goes_on_counting_the_reads_of_a_sensor_that_a_reload_has_changed(self, runner):
        async def live() -> None:
            async with whole(FILE + WEB) as home:
                await home.settle(60.0)
                before = {name: one.attempts for name, one in home.agent.page._shown.documents.reads().items()}
                await home.reload(FILE.replace("[agent]\n", '[agent]\nevery = "7s"\n') + WEB)
                after = home.agent.page._shown.documents.reads()
                assert min(before.values()) > 0
                assert all(after[name].attempts >= count for name, count in before.items())

        runner.run(live())

    def test_counts_no_reads_of_a_vote(self, runner):
        vote = '[[sensor]]\nid = "room"\ndriver = "vote"\noptions = { of = ["air", "wall"] }\n'
        wall = '[[sensor]]\nid = "wall"\ndriver = "sht4x"\naddress = 0x45\n'

        async def live() -> None:
            async with whole(FILE + wall + vote + WEB) as home:
                await home.settle(10.0)
                assert "room" in _page(home)["sensors"]
                assert set(home.agent.page._shown.documents.reads()) == {"air", "door", "wall"}

        runner.run(live())


class TestAPageWithoutSensors:
    EMPTY = '[agent]\ndevice_id = "pi"\n[outbox]\ndurability = "memory"\n' + WEB

    def test_tells_what_a_scan_finds_which_is_made_once_for_all_pages(self, runner):
        calls = []

        def find() -> dict[str, Any]:
            calls.append(1)
            return {"devices": [], "problems": [], "block": "x"}

        async def live() -> None:
            async with whole(self.EMPTY, find=find) as home:
                assert _page(home)["found"] == {"looking": True}
                while _page(home)["found"]["looking"]:
                    await home.settle(0.1)
                assert _page(home)["found"]["block"] == "x"
                assert len(calls) == 1
                for _ in range(60):
                    await home.settle(5.0)
                    _page(home)
                assert len(calls) == 1
                await home.settle(61.0)
                _page(home)
                while _page(home)["found"]["looking"]:
                    await home.settle(0.1)
                assert len(calls) == 2

        runner.run(live())

    def test_looks_again_when_a_page_is_opened_after_something_was_plugged_in(self, runner):
        found: list[str] = []

        async def live() -> None:
            async with whole(self.EMPTY, find=lambda: {"block": " ".join(found)}) as home:
                while _page(home)["found"]["looking"]:
                    await home.settle(0.1)
                found.append("air")
                for waited, block in ((3.0, ""), (10.0, "air")):
                    await home.settle(waited)
                    home.agent.page._shown.live.opened()
                    while _page(home)["found"]["looking"]:
                        await home.settle(0.1)
                    assert _page(home)["found"]["block"] == block

        runner.run(live())

    def test_tells_why_a_scan_failed(self, runner):
        def find() -> dict[str, Any]:
            raise OSError("no bus")

        async def live() -> None:
            async with whole(self.EMPTY, find=find) as home:
                while _page(home)["found"]["looking"]:
                    await home.settle(0.1)
                assert _page(home)["found"]["problems"] == ["no bus"]

        runner.run(live())

    def test_is_not_scanned_for_where_there_are_sensors(self, runner):
        async def live() -> None:
            async with whole(FILE + WEB, find=lambda: 1 / 0) as home:
                assert "found" not in _page(home)

        runner.run(live())

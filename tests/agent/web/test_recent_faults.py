"""The list of the last faults: when an entry begins and ends, and what a stuck bus explains."""

from __future__ import annotations

from agent.web.recent_faults import MOST, Cause, Failing, RecentFaults

TANK, AIR, BUS = Failing("tank"), Failing("air"), Failing("bus:i2c-1")


def _cause(since: float = 0.0, *covers: Failing) -> Cause:
    return Cause("NoAcknowledge", "nobody is there", since, covers)


def _told(log: RecentFaults) -> list[tuple[str, float, float | None]]:
    return [(one.failing.name, one.began, one.ended) for one in log.entries()]


class TestAFault:
    def test_lasts_until_it_is_no_longer_told(self):
        log = RecentFaults()
        log.update({TANK: _cause(5.0)}, 10.0)
        log.update({TANK: _cause(5.0)}, 20.0)
        assert _told(log) == [("tank", 5.0, None)]
        log.update({}, 30.0)
        assert _told(log) == [("tank", 5.0, 30.0)]

    def test_that_comes_again_is_another_one(self):
        log = RecentFaults()
        for causes, now in (({TANK: _cause(5.0)}, 10.0), ({}, 20.0), ({TANK: _cause(25.0)}, 30.0)):
            log.update(causes, now)
        assert _told(log) == [("tank", 25.0, None), ("tank", 5.0, 20.0)]

    def test_of_one_quantity_is_apart_from_that_of_another(self):
        log = RecentFaults()
        log.update({Failing("air", "humidity"): _cause(1.0), Failing("air", "gas_resistance"): _cause(2.0)}, 3.0)
        log.update({Failing("air", "humidity"): _cause(1.0)}, 4.0)
        assert [(one.failing.quantity, one.ended) for one in log.entries()] == [
            ("humidity", None),
            ("gas_resistance", 4.0),
        ]


def test_a_stuck_bus_takes_the_place_of_the_faults_that_it_explains():
    log = RecentFaults()
    log.update({TANK: _cause(5.0), AIR: _cause(6.0)}, 10.0)
    log.update({BUS: _cause(5.0, TANK), AIR: _cause(6.0)}, 20.0)
    assert _told(log) == [("air", 6.0, None), ("bus:i2c-1", 5.0, None)]


def test_old_entries_give_room_and_lasting_ones_stay():
    log = RecentFaults()
    for number in range(3 * MOST):
        log.update({TANK: _cause(-1.0), AIR: _cause(number)}, number)
        log.update({TANK: _cause(-1.0)}, number + 0.5)
    told = _told(log)
    assert len(told) == MOST
    assert told[0] == ("tank", -1.0, None)
    assert told[1] == ("air", 3 * MOST - 1, 3 * MOST - 0.5)

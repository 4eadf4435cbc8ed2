"""The last hours of each quantity: what a slot holds, how the slots grow, and that the memory does not."""

from __future__ import annotations

import sys

from agent.web.rings import LONGEST, SHORTEST, SLOTS, SPAN, Rings


def _series(rings: Rings, first: int | None = None, quantity: str = "temperature"):
    return rings.since(first)["series"]["air"][quantity]


def _fill(rings: Rings, until: float, every: float = 10.0, begin: float = 0.0) -> None:
    at = begin
    while at < until:
        rings.take("air", "temperature", at, at)
        at += every


class TestASlot:
    def test_is_a_number_while_it_holds_one_value_and_its_ends_afterwards(self):
        rings = Rings()
        for at, value in ((0.0, 20.0), (1.0, 21.5), (2.0, 19.0), (SHORTEST, 18.0)):
            rings.take("air", "temperature", value, at)
        assert _series(rings)["values"] == [[19.0, 21.5], 18.0]

    def test_is_empty_where_nothing_was_measured(self):
        rings = Rings()
        rings.take("air", "temperature", 20.0, 0.0)
        rings.take("air", "temperature", 21.0, 3 * SHORTEST)
        assert _series(rings)["values"] == [20.0, None, None, 21.0]

    def test_takes_a_value_once(self):
        rings = Rings()
        for value in (20.0, 30.0):
            rings.take("air", "temperature", value, 5.0)
        rings.take("air", "temperature", 40.0, 4.0)
        assert _series(rings)["values"] == [20.0]


class TestTheSlots:
    def test_grow_until_they_hold_six_hours_and_lose_no_peak(self):
        rings = Rings()
        _fill(rings, 100.0)
        rings.take("air", "temperature", 99.0e6, 101.0)
        _fill(rings, SPAN - 2 * LONGEST, begin=110.0)
        found = _series(rings)
        assert rings.width == LONGEST
        assert found["first"] == 0
        assert max(one[1] for one in found["values"]) == 99.0e6
        assert [one[0] for one in found["values"]] == [LONGEST * slot for slot in range(len(found["values"]))]

    def test_then_give_room_to_new_ones(self):
        rings = Rings()
        _fill(rings, 2 * SPAN)
        found = _series(rings)
        assert len(found["values"]) == SLOTS
        assert found["values"][0][0] == SPAN

    def test_are_forgotten_after_a_long_silence(self):
        rings = Rings()
        _fill(rings, SPAN)
        rings.take("air", "temperature", 1.0, 5 * SPAN)
        values = _series(rings)["values"]
        assert values == [None] * (SLOTS - 1) + [1.0]

    def test_of_two_quantities_are_the_same_moments_whichever_is_the_rarer(self):
        rings = Rings()
        at = 0.0
        while at < SPAN / 2:
            rings.take("air", "temperature", at, at)
            if at % 600 == 0:
                rings.take("air", "co2", at, at)
            at += 10.0
        for slot, value in enumerate(_series(rings, quantity="co2")["values"]):
            assert value is None or value // rings.width == slot

    def test_cost_two_kilobytes_a_quantity(self):
        rings = Rings()
        _fill(rings, 2 * SPAN)
        ring = rings._rings["air", "temperature"]
        assert sys.getsizeof(ring._low) + sys.getsizeof(ring._high) < 2200


def test_only_the_slots_that_are_new_are_told_on_request():
    rings = Rings()
    _fill(rings, 100.0)
    newest = rings.newest
    assert newest is not None
    _fill(rings, 130.0, begin=100.0)
    assert _series(rings, newest)["first"] == newest
    assert len(_series(rings, newest)["values"]) == 3
    assert rings.since(rings.newest + 1)["series"] == {}


def test_a_sensor_that_is_gone_is_forgotten_and_may_come_back():
    rings = Rings()
    rings.take("air", "temperature", 20.0, 100.0)
    rings.keep(set())
    assert rings.since(None)["series"] == {}
    rings.take("air", "temperature", 21.0, 50.0)
    assert _series(rings)["values"] == [21.0]

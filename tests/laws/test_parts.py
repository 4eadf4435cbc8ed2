"""The law for every I2C driver that tells more than one quantity: what is well is told, whatever else is not."""

from __future__ import annotations

import pytest

from drivers import catalog
from drivers.conformance.bench import I2C_DRIVERS, Bench, bench
from drivers.conformance.exceptions import IN_ONE_PIECE
from drivers.errors import InvalidReading
from drivers.fakes import fake_chip

SEVERAL = [name for name in I2C_DRIVERS if len(catalog.find(name).quantities) > 1]
PARTS = [(name, part) for name in SEVERAL for part in fake_chip(name).parts]


def lost_with(one: Bench, part: str) -> set[str]:
    """Return a quantity and those that cannot be told without it."""
    return {part} | {quantity.name for quantity in one.driver.quantities if quantity.needs == part}


@pytest.mark.parametrize(("name", "part"), PARTS)
class TestAQuantityWhoseElementFailed:
    @pytest.mark.parametrize("known", [False, True], ids=["at start", "in service"])
    def test_costs_no_other_quantity(self, name: str, part: str, known: bool) -> None:
        with bench(name) as one:
            assert not (known and one.truth())
            one.chip.break_part(part)
            for share in (0.0, 0.13):
                one.chip.feel(**one.elsewhere(share))
                one.settle()
                told = one.driver.read()
                assert set(told) == {quantity.name for quantity in one.driver.quantities} - lost_with(one, part)
                assert not one.lie(told)
                assert set(one.driver.missing) == lost_with(one, part)
                assert all(isinstance(error, InvalidReading) for error in one.driver.missing.values())
                assert all(str(error).startswith(f"{name}: ") for error in one.driver.missing.values())

    def test_is_told_again_once_it_works(self, name: str, part: str) -> None:
        with bench(name) as one:
            one.chip.break_part(part)
            one.outcome()
            one.chip.mend()
            one.settle()
            assert not one.truth()
            assert not one.driver.missing


def test_every_chip_of_several_quantities_has_parts_or_a_reason_why_not() -> None:
    assert {name for name in SEVERAL if not fake_chip(name).parts} == set(IN_ONE_PIECE)

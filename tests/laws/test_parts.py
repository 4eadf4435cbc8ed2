"""The law for every I2C driver that tells more than one quantity: what is well is told, whatever else is not."""

from __future__ import annotations

import pytest

from drivers import catalog
from drivers.conformance import parts
from drivers.conformance.bench import I2C_DRIVERS
from drivers.conformance.exceptions import IN_ONE_PIECE
from drivers.fakes import fake_chip

from .test_driver_faults import at_start_and_in_service, kept

SEVERAL = [name for name in I2C_DRIVERS if len(catalog.find(name).quantities) > 1]
PARTS = [(name, part) for name in SEVERAL for part in fake_chip(name).parts]


@pytest.mark.parametrize(("name", "part"), PARTS)
class TestAQuantityWhoseElementFailed:
    @at_start_and_in_service
    def test_costs_no_other_quantity(self, name: str, part: str, known: bool) -> None:
        kept(parts.costs_no_other(name, part, known))

    def test_is_told_again_once_it_works(self, name: str, part: str) -> None:
        kept(parts.told_again(name, part))


def test_every_chip_of_several_quantities_has_parts_or_a_reason_why_not() -> None:
    assert {name for name in SEVERAL if not fake_chip(name).parts} == set(IN_ONE_PIECE)

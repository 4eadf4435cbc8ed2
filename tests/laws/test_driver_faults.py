"""The law for every I2C driver and every fault: the truth or an error, and the truth again once it has passed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from drivers.conformance import faults
from drivers.conformance.bench import ADAPTERS, I2C_DRIVERS

every_driver = pytest.mark.parametrize("name", I2C_DRIVERS)
every_adapter = pytest.mark.parametrize("adapter", ADAPTERS)
at_start_and_in_service = pytest.mark.parametrize("known", [False, True], ids=["at start", "in service"])


def kept(problems: Iterator[str]) -> None:
    """Fail with all that breaks a law."""
    found = list(problems)
    assert not found, "\n".join(found)


@every_driver
class TestEveryDriver:
    def test_stands_one_flipped_bit(self, name: str) -> None:
        kept(faults.one_flipped_bit(name))

    @every_adapter
    def test_stands_a_transfer_that_fails(self, name: str, adapter: str) -> None:
        kept(faults.a_transfer_that_fails(name, adapter))

    @every_adapter
    def test_stands_a_power_blip_between_any_two_messages(self, name: str, adapter: str) -> None:
        kept(faults.a_power_blip(name, adapter))

    @every_adapter
    @at_start_and_in_service
    def test_stands_being_unplugged(self, name: str, adapter: str, known: bool) -> None:
        kept(faults.being_unplugged(name, adapter, known))

    @at_start_and_in_service
    @pytest.mark.parametrize("byte", [0xFF, 0x00], ids=["floating", "shorted"])
    def test_takes_no_dead_line_for_a_chip(self, name: str, byte: int, known: bool) -> None:
        kept(faults.a_dead_line(name, byte, known))

    @at_start_and_in_service
    def test_takes_no_other_chip_for_its_own(self, name: str, known: bool) -> None:
        kept(faults.another_chip(name, known))

    @at_start_and_in_service
    def test_does_not_wait_for_ever_for_a_chip_that_stands_still(self, name: str, known: bool) -> None:
        kept(faults.a_chip_that_stands_still(name, known))

    def test_waits_for_a_chip_that_is_a_tenth_slower(self, name: str) -> None:
        kept(faults.a_chip_a_tenth_slower(name))

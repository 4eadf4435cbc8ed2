"""The law for every I2C driver and every fault: the truth or an error, and the truth again once it has passed."""

from __future__ import annotations

from random import Random
from typing import TypeVar

import pytest

from drivers import catalog
from drivers.conformance.bench import (
    ADAPTERS,
    I2C_DRIVERS,
    Bench,
    Happening,
    adventure,
    bench,
    blip,
    clean,
    flip,
    level,
    refuse,
)
from drivers.conformance.exceptions import ALIKE, BLIND, SLOWER
from drivers.fakes import fake_chip

T = TypeVar("T")
# Of one driver; where there are more bits, a sample that never changes.
MOST_FLIPS = 320
# Likewise of the messages at which a transfer fails.
MOST_PLACES = 24
NACK, EIO, ETIMEDOUT = 121, 5, 110

every_driver = pytest.mark.parametrize("name", I2C_DRIVERS)
every_adapter = pytest.mark.parametrize("adapter", ADAPTERS)


def some(of: list[T], most: int, seed: str) -> list[T]:
    """Return all, or a sample that is the same at every run."""
    return of if len(of) <= most else Random(seed).sample(of, most)


def through(one: Bench, fault: str) -> list[str]:
    """Read three times while a fault lasts; return what breaks the law."""
    found = []
    for _ in range(3):
        result = one.outcome()
        blind = one.name in BLIND[fault] and result.startswith("LIED")
        if result != "truth" and not result.startswith("raised") and not blind:
            found.append(result)
        one.settle()
    return found


def afterwards(one: Bench) -> list[str]:
    """Return what is wrong once the fault has passed: one of two readings is the truth."""
    one.chip.feel(**one.elsewhere(0.05))
    one.settle()
    problem = one.truth(2)
    return [f"afterwards: {problem}"] if problem else []


@every_driver
class TestEveryDriver:
    def test_stands_one_flipped_bit(self, name: str) -> None:
        places = [
            (at, byte, bit)
            for at, (is_read, length) in enumerate(clean(name))
            for byte in range(length * is_read)
            for bit in range(8)
        ]
        wrong = [
            f"message {at}, byte {byte}, bit {bit}: {problem}"
            for at, byte, bit in some(places, MOST_FLIPS, name)
            for problem in adventure(name, "bcm2835", at, flip(byte, bit))
        ]
        assert not wrong, "\n".join(wrong)

    @every_adapter
    def test_stands_a_transfer_that_fails(self, name: str, adapter: str) -> None:
        places = some(list(range(len(clean(name, adapter)))), MOST_PLACES, name + adapter)
        faults = (NACK, EIO, ETIMEDOUT) if adapter == "bcm2835" else (6, EIO) if adapter == "gpio" else (NACK, 11)
        self.everywhere(name, adapter, places, {f"errno {number}": refuse(number) for number in faults})

    @every_adapter
    def test_stands_a_power_blip_between_any_two_messages(self, name: str, adapter: str) -> None:
        places = list(range(1, len(clean(name, adapter))))
        most = 4 * MOST_PLACES if adapter == "bcm2835" else MOST_PLACES
        self.everywhere(name, adapter, some(places, most, name + adapter), {"a blip": blip})

    @staticmethod
    def everywhere(name: str, adapter: str, places: list[int], happenings: dict[str, Happening]) -> None:
        """Let each thing happen at each place."""
        wrong = [
            f"{what} at message {at}: {problem}"
            for at in places
            for what, happening in happenings.items()
            for problem in adventure(name, adapter, at, happening, may_lie=happening is blip and name in BLIND["blip"])
        ]
        assert not wrong, "\n".join(wrong)

    @every_adapter
    @pytest.mark.parametrize("known", [False, True], ids=["at start", "in service"])
    def test_stands_being_unplugged(self, name: str, adapter: str, known: bool) -> None:
        with bench(name, adapter) as one:
            assert not (known and one.truth())
            chip = one.bus.chips.pop(one.address)
            assert [one.outcome().split(":")[0] for _ in range(2)] == ["raised NoAcknowledge"] * 2
            one.bus.plug(one.address, chip)
            chip.feel(**one.elsewhere(0.3))
            at_once = one.outcome()
            assert at_once == "truth" or at_once.startswith("raised"), at_once
            assert not afterwards(one)

    @pytest.mark.parametrize("known", [False, True], ids=["at start", "in service"])
    @pytest.mark.parametrize("byte", [0xFF, 0x00], ids=["floating", "shorted"])
    def test_takes_no_dead_line_for_a_chip(self, name: str, byte: int, known: bool) -> None:
        with bench(name) as one:
            assert not (known and one.truth())
            one.chip.feel(**one.elsewhere(0.17))
            one.bus.rule = level(byte)
            found = through(one, "dead line")
            one.bus.rule = None
            assert not found + afterwards(one)

    @pytest.mark.parametrize("known", [False, True], ids=["at start", "in service"])
    def test_takes_no_other_chip_for_its_own(self, name: str, known: bool) -> None:
        wrong = []
        for other in I2C_DRIVERS:
            shared = set(catalog.find(name).addresses) & set(fake_chip(other).addresses)
            for address in sorted(shared)[:1] if other != name and (name, other) not in ALIKE else ():
                with bench(name, address=address) as one:
                    assert not (known and one.truth())
                    right, stranger = one.chip, fake_chip(other)
                    world = one.elsewhere(0.1)
                    stranger.feel(**{felt: value for felt, value in world.items() if felt in stranger.senses})
                    one.chip = stranger
                    one.bus.plug(address, stranger)
                    wrong += [f"a {other} at 0x{address:02x}: {problem}" for problem in through(one, "stranger")]
                    one.chip = right
                    one.bus.plug(address, right)
                    wrong += [f"a {other} at 0x{address:02x}, {problem}" for problem in afterwards(one)]
        assert not wrong, "\n".join(wrong)

    @pytest.mark.parametrize("known", [False, True], ids=["at start", "in service"])
    def test_does_not_wait_for_ever_for_a_chip_that_stands_still(self, name: str, known: bool) -> None:
        with bench(name) as one:
            if known:
                assert not one.truth()
            else:
                one.chip.lose_power()
            still = one.time.now
            one.chip.clock = lambda: still
            one.chip.feel(**one.elsewhere(0.17))
            found = through(one, "standstill")
            one.chip.clock = one.time
            assert not found + afterwards(one)

    def test_waits_for_a_chip_that_is_a_tenth_slower(self, name: str) -> None:
        with bench(name) as one:
            began = one.time.now
            one.chip.attach(lambda: began + (one.time.now - began) / SLOWER.get(name, 1.1))
            one.time.sleep(70.0)
            problems = [one.truth(), one.truth()]
            one.chip.feel(**one.elsewhere(0.1))
            one.time.sleep(70.0)
            problems.append(one.truth())
            assert not any(problems), problems

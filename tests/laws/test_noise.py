"""The law for every I2C driver on a bad line: what it accepts is the truth.

Where a chip has no checksum, at one wrong bit in 500 at most one accepted reading in a hundred may be untrue.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from .bench import I2C_DRIVERS, Bench, Happening, Wire, bench
from .tables import CONSTANT_LINES, UNTRUE_AT_ONE_PERCENT

every_driver = pytest.mark.parametrize("name", I2C_DRIVERS)

READINGS = 150
# With noise in what is written, too: most of it is harmless, so that lies are rarer; each may be tried three times.
ROUNDS, TRIES = 600, 3
WORLDS = (0.0, 0.13, 0.02, 0.2)
# What a chip whose samples differ by noise may be off, besides the steps that every chip may.
NOISE = 3


def noisy(share: float, seed: str, *, written: bool = False) -> Happening:
    """Let each bit that is read, and if so wished each that is written, arrive wrong with this probability."""
    dice = Random(seed)

    def damaged(data: bytes) -> bytes:
        arrived = bytearray(data)
        for at in range(8 * len(arrived)):
            if dice.random() < share:
                arrived[at // 8] ^= 1 << at % 8
        return bytes(arrived)

    def happening(wire: Wire, address: int, data: bytes, length: int | None) -> bytes:
        return damaged(wire.through(address, damaged(data) if written else data, length))

    return happening


def cut(keep: Callable[[int], int], rest: int) -> Happening:
    """Let only the first bytes of each answer arrive; then the line stays at one level."""

    def happening(wire: Wire, address: int, data: bytes, length: int | None) -> bytes:
        answer = wire.through(address, data, length)
        return answer[: keep(len(answer))].ljust(len(answer), bytes([rest]))

    return happening


def constant(byte: int) -> Happening:
    """Let every write seem to arrive, at every address, and every read be this byte."""
    return lambda wire, address, data, length: b"" if length is None else bytes([byte]) * length


def accepted(one: Bench, readings: int, tries: int = 1) -> tuple[int, list[str]]:
    """Read many times in changing worlds; return how many readings were accepted, and the lies among them."""
    taken, lies = 0, []
    for n in range(readings):
        one.chip.feel(**one.elsewhere(WORLDS[n % len(WORLDS)]))
        one.settle()
        for _ in range(tries):
            result = one.outcome()
            assert not result.startswith("CRASHED"), result
            if not result.startswith("raised"):
                taken += 1
                lies += [result] if result != "truth" else []
                break
    return taken, lies


@every_driver
class TestEveryDriver:
    def test_accepts_next_to_no_lie_where_one_bit_in_500_is_wrong(self, name: str) -> None:
        with bench(name) as one:
            one.noise = NOISE
            one.bus.rule = noisy(1 / 500, name)
            taken, lies = accepted(one, READINGS)
            assert len(lies) <= 0.01 * taken, "\n".join(lies)
            assert taken >= READINGS // 4, f"only {taken} of {READINGS} readings were accepted"

    def test_accepts_next_to_no_lie_where_bits_that_are_written_are_wrong_as_well(self, name: str) -> None:
        with bench(name) as one:
            one.noise = NOISE
            one.bus.rule = noisy(1 / 500, name, written=True)
            taken, lies = accepted(one, ROUNDS, TRIES)
            assert len(lies) <= 0.01 * taken, "\n".join(lies)
            assert taken >= ROUNDS // 2, f"only {taken} of {ROUNDS} rounds had a reading"

    def test_accepts_few_lies_where_one_bit_in_100_is_wrong(self, name: str) -> None:
        with bench(name) as one:
            one.noise = NOISE
            one.bus.rule = noisy(1 / 100, name)
            taken, lies = accepted(one, READINGS)
            assert len(lies) <= UNTRUE_AT_ONE_PERCENT.get(name, 0.0) * taken, "\n".join(lies)

    @pytest.mark.parametrize("known", [False, True], ids=["at start", "in service"])
    @pytest.mark.parametrize("byte", [0x00, 0x01, 0x08, 0x10, 0x42, 0x55, 0x80, 0xAA, 0xFE, 0xFF])
    def test_takes_no_constant_line_for_a_chip(self, name: str, byte: int, known: bool) -> None:
        with bench(name) as one:
            assert not (known and one.truth())
            one.bus.rule = constant(byte)
            _, lies = accepted(one, 4)
            assert not lies or byte in CONSTANT_LINES.get(name, {}), "\n".join(lies)

    def test_takes_no_constant_line_for_a_chip_that_need_not_identify_itself(self, name: str) -> None:
        for byte in range(256):
            with bench(name) as one:
                one.driver.lenient = True
                one.bus.rule = constant(byte)
                _, lies = accepted(one, 2)
                assert not lies, "\n".join(lies)

    @pytest.mark.parametrize("rest", [0x00, 0xFF])
    @pytest.mark.parametrize("known", [False, True], ids=["at start", "in service"])
    def test_accepts_no_half_frame(self, name: str, rest: int, known: bool) -> None:
        with bench(name) as one:
            assert not (known and one.truth())
            one.bus.rule = cut(lambda length: length // 2, rest)
            _, lies = accepted(one, 8)
            assert not lies, "\n".join(lies)

    @pytest.mark.parametrize("rest", [0x00, 0xFF])
    def test_accepts_no_reading_of_which_a_few_frames_were_cut(self, name: str, rest: int) -> None:
        """Wherever it begins, and however many messages in a row it hits."""
        lies = []
        with bench(name) as one:
            assert not one.truth()
            before = one.bus.messages
            assert not one.truth()
            messages = one.bus.messages - before
        for hit in (1, 2, 3, 4):
            for first in range(min(messages, 40)):
                with bench(name) as one:
                    assert not one.truth()
                    begins = one.bus.messages + first
                    half = cut(lambda length: length // 2, rest)
                    one.bus.plan.update(dict.fromkeys(range(begins, begins + hit), half))
                    one.chip.feel(**one.elsewhere(0.13))
                    one.settle()
                    result = one.outcome()
                    if result != "truth" and not result.startswith("raised"):
                        lies.append(f"{hit} from message {first} on: {result}")
        assert not lies, "\n".join(lies)

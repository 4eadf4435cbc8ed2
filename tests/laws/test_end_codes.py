"""The law for every I2C driver: a number at which the chip stops is no value, and costs no other quantity."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from drivers import PermanentError, TransientError
from drivers.fakes import FakeWords, fake_chip

from .bench import I2C_DRIVERS, Bench, Happening, Wire, bench
from .tables import END_CODES

BEYOND = (0.05, 0.3, 10.0)  # shares of the scale by which a world lies beyond its end
CLIPPED = 0.1  # of the scale: so far a formula's result may be clipped to the end


def told(one: Bench) -> dict[str, float]:
    """Read once; return what is told, nothing where the reading raises."""
    try:
        values: dict[str, float] = one.driver.read()
    except (TransientError, PermanentError):
        return {}
    return values


def beyond(one: Bench) -> Iterator[tuple[str, float, float, bool]]:
    """Yield (quantity, world beyond its end, the end, whether it may be clipped to that).

    Ends of the world are none of a scale: no air is drier than 0 %, no light darker than 0 lx, clean air has 400 ppm.
    """
    for quantity in one.driver.quantities:
        if quantity.name not in one.senses:
            continue
        scale = quantity.high - quantity.low
        for share in BEYOND:
            may_clip = quantity.clips and share < CLIPPED
            if quantity.unit != "%":
                yield quantity.name, quantity.high + share * scale, quantity.high, may_clip
            if quantity.low != 0 and quantity.name != "eco2":
                yield quantity.name, quantity.low - share * scale, quantity.low, may_clip


@pytest.mark.parametrize("name", I2C_DRIVERS)
def test_a_world_beyond_the_scale_is_never_told_as_a_value(name: str) -> None:
    wrong = []
    with bench(name) as one:
        for quantity, world, end, may_clip in beyond(one):
            one.chip.feel(**{**one.senses, quantity: world})
            one.settle()
            values = told(one)
            value = values.pop(quantity, None)
            if value is not None and not (may_clip and value == end):
                wrong.append(f"{quantity} of {world:g} is told as {value:g}")
            if lie := one.lie(values):
                wrong.append(f"with {quantity} of {world:g}: {lie}")
    assert not wrong, "\n".join(wrong)


def showing(register: int, code: bytes, pointer_bits: int) -> Happening:
    """Let a register of the chip show a code, in whichever transfer it is read.

    A chip of words has one behind each address; in a chip of bytes a transfer runs on through the registers.
    """
    pointer = 0

    def happening(wire: Wire, address: int, data: bytes, length: int | None) -> bytes:
        nonlocal pointer
        answer = bytearray(wire.through(address, data, length))
        if length is None:
            pointer = data[0] & pointer_bits if data else pointer
            return bytes(answer)
        has_words = isinstance(wire.chips[address], FakeWords)
        for at, byte in enumerate(code):
            place = register + at - pointer
            if 0 <= place < length and (pointer == register or not has_words):
                answer[place] = byte
        return bytes(answer)

    return happening


CODES = [(name, *code) for name, codes in END_CODES.items() for code in codes]


@pytest.mark.parametrize("known", [False, True], ids=["at start", "in service"])
@pytest.mark.parametrize(("name", "register", "code", "lost"), CODES, ids=lambda part: str(part) if part else "none")
def test_an_end_code_of_the_datasheet_is_no_value(
    name: str, register: int, code: bytes, lost: set[str], known: bool
) -> None:
    bits = {"lis3dh": 0x7F, "tsl2591": 0x1F}.get(name, 0xFF)
    with bench(name) as one:
        assert not (known and one.truth())
        one.bus.rule = showing(register, code, bits)
        for _ in range(2):
            values = told(one)
            assert not lost & values.keys(), values
            assert not one.lie(values)
            assert set(values) | lost == {quantity.name for quantity in one.driver.quantities}
            one.settle()
        one.bus.rule = None
        assert not one.truth(2)


def test_every_driver_without_a_checksum_has_its_end_codes_listed() -> None:
    assert set(END_CODES) == {name for name in I2C_DRIVERS if fake_chip(name).name not in WITH_CHECKSUM}


# Their frames carry a checksum, and their tests show what a whole frame of an end code is worth.
WITH_CHECKSUM = {"aht20", "htu21d", "mlx90614", "scd4x", "sgp30", "sht3x", "sht4x", "si7021"}

"""The law for every I2C driver: a number at which the chip stops is no value, and costs no other quantity."""

from __future__ import annotations

import pytest

from drivers.conformance import telling
from drivers.conformance.bench import I2C_DRIVERS, EventfulBus, Happening, bench
from drivers.conformance.exceptions import END_CODES
from drivers.fakes import FakeWords, fake_chip

from .test_driver_faults import kept


@pytest.mark.parametrize("name", I2C_DRIVERS)
def test_a_world_beyond_the_scale_is_never_told_as_a_value(name: str) -> None:
    kept(telling.beyond_the_scale(name))


def showing(register: int, code: bytes, pointer_bits: int) -> Happening:
    """Let a register of the chip show a code, in whichever transfer it is read.

    A chip of words has one behind each address; in a chip of bytes a transfer runs on through the registers.
    """
    pointer = 0

    def happening(wire: EventfulBus, address: int, data: bytes, length: int | None) -> bytes:
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


def called(part: object) -> str:
    """Return the name of a part, the same in each process of a run in parallel."""
    return str(sorted(part)) if isinstance(part, set) else str(part) if part else "none"


@pytest.mark.parametrize("known", [False, True], ids=["at start", "in service"])
@pytest.mark.parametrize(("name", "register", "code", "lost"), CODES, ids=called)
def test_an_end_code_of_the_datasheet_is_no_value(
    name: str, register: int, code: bytes, lost: set[str], known: bool
) -> None:
    bits = {"lis3dh": 0x7F, "hts221": 0x7F, "tsl2591": 0x1F, "tsl2561": 0x0F}.get(name, 0xFF)
    with bench(name) as one:
        assert not (known and one.truth())
        one.bus.rule = showing(register, code, bits)
        for _ in range(2):
            values = telling.told(one)
            assert not lost & values.keys(), values
            assert not one.lie(values)
            assert set(values) | lost == {quantity.name for quantity in one.driver.quantities}
            one.settle()
        one.bus.rule = None
        assert not one.truth(2)


def test_every_driver_without_a_checksum_has_its_end_codes_listed() -> None:
    assert set(END_CODES) == {name for name in I2C_DRIVERS if fake_chip(name).name not in WITH_CHECKSUM}


# Their frames carry a checksum, and their tests show what a whole frame of an end code is worth.
WITH_CHECKSUM = {
    "aht20",
    "am2320",
    "hdc302x",
    "htu21d",
    "mlx90614",
    "scd30",
    "scd4x",
    "sen5x",
    "sgp30",
    "sgp40",
    "sgp41",
    "sht2x",
    "sht3x",
    "sht4x",
    "shtc3",
    "si7021",
    "sps30",
}

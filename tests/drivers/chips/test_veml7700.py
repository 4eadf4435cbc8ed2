"""VEML7700: vectors, and what it must refuse."""

import pytest
from scripted import ScriptedBus, on
from scripted import ScriptedBus as MemoryOfBytes

from drivers.chips.veml7700 import Veml7700, lux
from drivers.errors import BeyondRange, ChecksumError, LostPower, WrongChip


def bus(light: object = b"\x5d\x00") -> ScriptedBus:
    wire = ScriptedBus({b"\x04": light}, keeps=2)
    wire.bank[1] = b"\x00\x00"
    return wire


def test_lux() -> None:
    assert lux(93, 0.125, 100) == pytest.approx(50.0, abs=0.01)
    assert lux(1000, 1, 100) == pytest.approx(67.2)
    assert lux(20000, 0.125, 100) == pytest.approx(16559.3, abs=1)  # 10752 before the correction


def test_tells_lux_and_waits_for_two_integrations_first() -> None:
    chip = on(bus(), Veml7700)
    assert chip.read()["illuminance"] == pytest.approx(50.0, abs=0.01)
    assert sum(chip.waited) >= 0.0025 + 2 * 0.11


@pytest.mark.parametrize(("gain", "after_power_on"), [(0.125, b"\x01\x00"), (1, b"\x00\x00"), (1, b"\x01\x00")])
def test_sees_that_power_was_lost(gain: float, after_power_on: bytes) -> None:
    wire = bus()
    chip = on(wire, Veml7700, gain=gain)
    chip.read()
    wire.answers[b"\x00"] = after_power_on
    with pytest.raises(LostPower):
        chip.read()


def test_refuses_too_much_light_and_damaged_bytes() -> None:
    with pytest.raises(BeyondRange, match="or more"):
        on(bus(b"\xff\xff"), Veml7700).read()
    with pytest.raises(ChecksumError):
        on(bus([b"\x5d\x00", b"\x5d\x01"]), Veml7700).read()


@pytest.mark.parametrize("byte", [0x00, 0xFF])
def test_is_not_found_on_a_dead_line(byte: int) -> None:
    with pytest.raises(WrongChip):
        on(ScriptedBus(otherwise=byte), Veml7700).read()


def test_begins_an_integration_with_each_reading() -> None:
    wire = bus()
    chip = on(wire, Veml7700)
    chip.read()
    before = len(wire.written)
    chip.waited.clear()
    chip.read()
    assert wire.written[before : before + 2] == [b"\x00\x11\x10", b"\x00\x10\x10"]
    assert sum(chip.waited) >= 0.0025 + 2 * 0.11


def test_is_known_by_its_identity_where_no_threshold_is_kept() -> None:
    wire = bus()
    wire.answers |= {b"\x01": b"\x00\x00", b"\x07": b"\x81\xc4"}
    assert on(wire, Veml7700).read()["illuminance"] == pytest.approx(50.0, abs=0.01)


def test_is_no_memory_of_bytes() -> None:
    wire = MemoryOfBytes(width=1)
    with pytest.raises(WrongChip):
        on(wire, Veml7700).read()
    assert not any(wire.memory)


@pytest.mark.parametrize("options", [{"gain": 3}, {"integration_ms": 99}])
def test_wrong_options_are_named(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        Veml7700(None, **options)

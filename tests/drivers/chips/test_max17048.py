"""MAX17048: worked examples with a negative rate, its sign of a reset, and its faults."""

import pytest
from scripted import ScriptedBus, on

from drivers.chips.max17048 import Max17048, percent
from drivers.errors import InvalidReading, LostPower, WrongChip


def board(**changes: str) -> ScriptedBus:
    """Registers are 16 bits at even addresses of bytes; `s=…` is the status."""
    values = {"v": "c3c0", "c": "5a80", "r": "fff6", "s": "0100", "version": "0012"} | changes
    places = {"v": 0x02, "c": 0x04, "r": 0x16, "s": 0x1A, "version": 0x08}
    return ScriptedBus(
        width=1, registers={places[k]: bytes.fromhex(v) for k, v in values.items()} | {0x0C: b"\x97\x1c"}
    )


def test_reads_the_worked_examples():
    values = on(board(), Max17048).read()
    assert values["voltage"] == pytest.approx(3.9150)
    assert values["charge"] == pytest.approx(90.50)
    assert values["charge_rate"] == pytest.approx(-2.08)


def test_clips_a_cell_that_is_a_little_over_full_and_no_more():
    assert percent(0x6480) == 100.5
    assert on(board(c="6480"), Max17048).read()["charge"] == 100.0
    chip = on(board(c="8000"), Max17048)
    assert "charge" not in chip.read()
    assert isinstance(chip.missing["charge"], InvalidReading)


def test_clears_the_sign_of_a_reset_and_nothing_else():
    bus = board(s="0300")
    on(bus, Max17048).read()
    assert bus.memory[0x1A:0x1C] == b"\x02\x00"


def test_wakes_a_chip_that_sleeps():
    bus = board()
    bus.put(0x0C, b"\x97\x9c")
    on(bus, Max17048).read()
    assert bus.memory[0x0C:0x0E] == b"\x97\x1c"


def test_says_that_it_was_reset_and_then_reads_again():
    bus = board()
    chip = on(bus, Max17048)
    chip.read()
    bus.put(0x1A, b"\x01\x00")
    with pytest.raises(LostPower):
        chip.read()
    assert chip.read()["charge"] == pytest.approx(90.50)


def test_refuses_a_chip_whose_sign_of_a_reset_cannot_be_cleared():
    bus = board()
    bus.react = lambda bus, data: bus.put(0x1A, b"\x01\x00")
    with pytest.raises(LostPower):
        on(bus, Max17048).read()


@pytest.mark.parametrize("rate", ["7fff", "8000"])
def test_a_rate_at_its_stop_costs_only_itself(rate):
    chip = on(board(r=rate), Max17048)
    assert chip.read().keys() == {"voltage", "charge"}


def test_a_low_charge_that_sets_the_alert_is_no_loss_of_power():
    bus = board()
    chip = on(bus, Max17048)
    chip.read()
    bus.put(0x0C, b"\x97\x3c")
    assert chip.read()["charge"] == pytest.approx(90.50)


def test_is_reset_while_it_is_set_up_and_still_tells_of_the_next_reset():
    bus = board()
    chip = on(bus, Max17048)
    chip.sleep = lambda seconds: bus.put(0x1A, b"\x01\x00") if bus.transfers < 10 else None
    chip.read()
    bus.put(0x1A, b"\x01\x00")
    with pytest.raises(LostPower):
        chip.read()


def test_refuses_a_voltage_that_is_not_there_yet():
    with pytest.raises(InvalidReading, match="0x0000"):
        on(board(v="0000"), Max17048).read()


def test_refuses_another_chip():
    with pytest.raises(WrongChip):
        on(board(version="0003"), Max17048).read()


@pytest.mark.parametrize(("level", "error"), [(0x00, LostPower), (0xFF, LostPower)])
def test_refuses_a_shorted_or_floating_line(level, error):
    bus = board()
    chip = on(bus, Max17048)
    chip.read()
    bus.constant = level
    with pytest.raises(error):
        chip.read()
    with pytest.raises(WrongChip):
        chip.read()

"""DPS310: worked examples with a negative one, its coefficients, bad fuses, its witness, and its faults."""

import pytest
from scripted import ScriptedBus, on

from drivers import open_chip
from drivers.chips.dps310 import Dps310, coefficients
from drivers.errors import ChecksumError, InvalidReading, LostPower, NotReady, WrongChip
from drivers.fakes import FakeBus, FakeTime, fake_chip

# c0 = 204, c1 = -261, c00 = 80469, c10 = -54469, c01 = -2803, c11 = 1226, c20 = -10787, c21 = 183, c30 = -1603
BLOCK = bytes.fromhex("0ccefb 13a55f2b3b f50d 04ca d5dd 00b7 f9bd")
SCALE = 7864320


def board(pressure: int, temperature: int, coefficients_of: int = 0x80) -> ScriptedBus:
    """Return a chip that has measured as soon as it was told to."""

    def react(bus: ScriptedBus, data: bytes) -> None:
        if data[:2] == b"\x08\x02":
            bus.put(0x03, (temperature & 0xFFFFFF).to_bytes(3, "big"))
            bus.put(0x08, b"\xe0")
        elif data[:2] == b"\x08\x01":
            bus.put(0x00, (pressure & 0xFFFFFF).to_bytes(3, "big"))
            bus.put(0x08, b"\xf0")

    registers = {0x08: b"\xc0", 0x0D: b"\x10", 0x10: BLOCK, 0x28: bytes([coefficients_of]), 0x32: b"\x02"}
    return ScriptedBus(width=1, registers=registers, react=react)


def test_takes_the_coefficients_apart_where_they_share_bytes():
    c = coefficients(BLOCK)
    assert (c.c0, c.c1, c.c00, c.c10) == (204, -261, 80469, -54469)
    assert (c.c01, c.c11, c.c20, c.c21, c.c30) == (-2803, 1226, -10787, 183, -1603)


@pytest.mark.parametrize(
    ("pressure", "temperature", "hectopascals", "celsius"),
    [
        # By the data sheet's formulas, worked out apart from the driver.
        (-0.35, 0.3, 973.18, 23.7),
        (-0.35, 0.48, 967.40, -23.28),
        (0.5, 0.25, 498.01, 36.75),
    ],
)
def test_reads_the_worked_examples(pressure, temperature, hectopascals, celsius):
    values = on(board(round(pressure * SCALE), round(temperature * SCALE)), Dps310).read()
    assert values["temperature"] == pytest.approx(celsius, abs=0.005)
    assert values["pressure"] == pytest.approx(hectopascals, abs=0.01)


@pytest.mark.parametrize("thermometer", [0x00, 0x80])
def test_measures_with_the_thermometer_that_the_coefficients_are_for(thermometer):
    bus = board(-2_500_000, 2_500_000, coefficients_of=thermometer)
    on(bus, Dps310).read()
    assert bytes([0x07, thermometer | 3]) in bus.written


def test_puts_a_chip_with_bad_fuses_right_and_leaves_the_others_alone():
    trim = [b"\x0e\xa5", b"\x0f\x96", b"\x62\x02", b"\x0e\x00", b"\x0f\x00"]
    bus = board(-2_500_000, 2_500_000)
    on(bus, Dps310).read()
    assert not [data for data in bus.written if data in trim]
    bus = board(-2_500_000, 2_500_000)
    bus.put(0x32, b"\x00")
    on(bus, Dps310).read()
    assert [data for data in bus.written if data in trim] == trim


def test_waits_as_long_as_start_and_measurements_take():
    bus = board(-2_500_000, 2_500_000)
    chip = on(bus, Dps310)
    chip.read()
    assert max(chip.waited) >= 0.040
    chip.waited.clear()
    chip.read()
    assert len(chip.waited) == 2
    assert min(chip.waited) >= 0.0148


def refusing(bus: ScriptedBus, times: int) -> ScriptedBus:
    """Let the register that shows bad fuses be refused a number of times."""
    obey, left = bus.react, [times]

    def react(bus: ScriptedBus, data: bytes) -> None:
        obey(bus, data)
        if data == b"\x32" and left[0]:
            left[0] -= 1
            raise OSError(121, "not acknowledged")

    bus.react = react
    return bus


def test_reads_a_chip_that_refuses_registers_which_the_data_sheet_does_not_have():
    assert on(refusing(board(-2_500_000, 2_500_000), 99), Dps310).read()["temperature"] == pytest.approx(19.0, abs=0.1)


def test_puts_a_chip_with_bad_fuses_right_also_where_it_refused_once():
    bus = refusing(board(-2_500_000, 2_500_000), 1)
    bus.put(0x32, b"\x00")
    on(bus, Dps310).read()
    assert b"\x62\x02" in bus.written


@pytest.mark.parametrize("identity", [0x00, 0x58, 0x60, 0xFF])
def test_refuses_another_identity(identity):
    bus = board(0, 0)
    bus.put(0x0D, bytes([identity]))
    with pytest.raises(WrongChip):
        on(bus, Dps310).read()


def test_is_not_taken_in_by_the_clock_of_a_bmp388():
    time, clock = FakeTime(), fake_chip("bmp388")
    with FakeBus({0x77: clock}, clock=time, wait=time.sleep) as bus:
        # In a BMP388 that measures, 0x0c to 0x0e count 39 µs.
        refresh, looks = clock.refresh, []

        def ticking() -> None:
            refresh()
            looks.append(time.now)
            clock.fill(0x0C, (0x1000 + int((time.now - looks[0]) / 39e-6)).to_bytes(3, "little"))

        clock.refresh = ticking
        chip = open_chip("dps310", bus)
        chip.sleep = time.sleep
        with pytest.raises(WrongChip):
            chip.read()


class TestAKnownChip:
    @pytest.fixture
    def bus(self):
        return board(-2_500_000, 2_500_000)

    @pytest.fixture
    def chip(self, bus):
        chip = on(bus, Dps310)
        chip.read()
        return chip

    @pytest.mark.parametrize("register", [0x06, 0x07])
    def test_that_lost_its_settings_says_so(self, bus, chip, register):
        bus.put(register, b"\x00")
        with pytest.raises(LostPower):
            chip.read()
        assert chip.read()

    def test_that_never_finishes_is_given_up(self, bus, chip):
        bus.react = lambda bus, data: bus.put(0x08, b"\xc0")
        with pytest.raises(NotReady):
            chip.read()

    @pytest.mark.parametrize("raw", [-0x800000, 0, 0x7FFFFF, -1])
    def test_tells_the_temperature_where_there_is_no_pressure(self, bus, chip, raw):
        bus.react = board(raw, 2_500_000).react
        assert set(chip.read()) == {"temperature"}
        assert isinstance(chip.missing["pressure"], InvalidReading)

    @pytest.mark.parametrize("byte", range(6))
    def test_refuses_two_reads_that_differ(self, bus, chip, byte):
        carry, seen = bus.i2c_rdwr, [0]

        def damaging(*messages):
            carry(*messages)
            if messages[-1].len == 10:
                seen[0] += 1
                if seen[0] == 2:
                    messages[-1].buf[byte] = bytes([messages[-1].buf[byte][0] ^ 1])

        bus.i2c_rdwr = damaging
        with pytest.raises(ChecksumError):
            chip.read()

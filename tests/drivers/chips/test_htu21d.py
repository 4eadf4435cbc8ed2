"""HTU21D and Si7021: worked examples with a negative one, mixed-up answers, and their faults."""

import pytest
from scripted import ScriptedBus, on, words

from drivers import catalog, open_chip
from drivers.chips.htu21d import Htu21d, Sht2x, Si7021
from drivers.errors import ChecksumError, InvalidReading, WrongChip
from drivers.fakes import FakeBus, FakeTime, fake_chip

TEMPERATURE, HUMIDITY, IDENTITY = b"\xf3", b"\xf5", b"\xfc\xc9"


def board(temperature: str = "683a7c", humidity: str = "4e856b", identity: int = 0x32) -> ScriptedBus:
    return ScriptedBus(
        {
            IDENTITY: bytes([identity, 0, 0, 0, 0, 0]),
            TEMPERATURE: bytes.fromhex(temperature),
            HUMIDITY: bytes.fromhex(humidity),
        }
    )


@pytest.mark.parametrize(("kind", "identity"), [(Htu21d, 0x32), (Si7021, 0x15)])
@pytest.mark.parametrize(
    ("answers", "temperature", "humidity"),
    [(("683a7c", "4e856b"), 24.686, 32.34), (("3458f6", "7c80f5"), -10.92, 54.79)],
)
def test_reads_the_worked_examples(kind, identity, answers, temperature, humidity):
    values = on(board(*answers, identity), kind).read()
    assert values["temperature"] == pytest.approx(temperature, abs=0.005)
    assert values["humidity"] == pytest.approx(humidity, abs=0.005)


def test_names_the_kin_that_answers():
    with pytest.raises(WrongChip, match="si7021"):
        on(board(identity=0x15), Htu21d).read()
    with pytest.raises(WrongChip, match="htu21d"):
        on(board(identity=0x32), Si7021).read()


def clone(bus: ScriptedBus, data: bytes) -> None:
    if data == IDENTITY:
        raise OSError(121, "not acknowledged")


@pytest.mark.parametrize("kind", [Htu21d, Si7021])
def test_takes_a_clone_without_serial_number_by_the_checksum_of_its_measurement(kind):
    bus = board()
    bus.react = clone
    chip = on(bus, kind)
    assert chip.read()["temperature"] == pytest.approx(24.686, abs=0.005)
    assert sum(chip.waited) <= chip.takes


@pytest.mark.parametrize("temperature", ["683a7d", "000000", "ffffff"])
def test_refuses_one_without_serial_number_and_without_checksum(temperature):
    bus = board(temperature)
    bus.react = clone
    with pytest.raises(WrongChip):
        on(bus, Htu21d).read()


@pytest.mark.parametrize(
    ("kind", "serial"),
    [(kind, byte) for kind in (Htu21d, Si7021) for byte in (0x00, 0x0D, 0x15, 0x32, 0x6C, 0xFF)],
)
def test_reads_an_sht21_whatever_its_serial_number_is(kind, serial):
    bus = board()
    bus.answers[IDENTITY] = words(serial << 8 | 0x3A, 0x91C7, start=0)
    assert on(bus, kind).read()["temperature"] == pytest.approx(24.686, abs=0.005)


@pytest.mark.parametrize(
    ("serial", "kinds"),
    [
        (words(0x6C3A, 0x91C7, start=0), [Htu21d]),
        (words(0x153A, 0x91C7, start=0), [Htu21d]),
        (bytes([0x32, 0xFF, 0, 0, 0, 0]), [Htu21d]),
        (bytes([0x15, 0xFF, 0, 0, 0, 0]), [Si7021]),
        (bytes(6), []),
        (b"\xff" * 6, []),
    ],
)
def test_is_named_by_a_scan_where_its_serial_number_tells(serial, kinds):
    assert [kind for kind in (Htu21d, Si7021) if kind.questions[0].fits(serial)] == kinds


@pytest.mark.parametrize("identity", [0x0D, 0x14, 0x00, 0xFF])
def test_reads_the_other_chips_of_silicon_labs(identity):
    assert on(board(identity=identity), Si7021).read()["temperature"] == pytest.approx(24.686, abs=0.005)


@pytest.mark.parametrize(("ticks", "humidity"), [(0x0006, 0.0), (0x0C06, 0.0), (0xEC06, 100.0)])
def test_clips_humidity_for_a_tenth_of_its_scale(ticks, humidity):
    bus = board(words(0x6838, start=0).hex(), words(ticks, start=0).hex())
    assert on(bus, Htu21d).read()["humidity"] == humidity


@pytest.mark.parametrize("ticks", [0x0002, 0xFFFE, 0xFFF6, 0xEE02])
def test_tells_the_temperature_where_the_humidity_element_is_faulty(ticks):
    chip = on(board(words(0x6838, start=0).hex(), words(ticks, start=0).hex()), Htu21d)
    assert chip.read() == {"temperature": pytest.approx(24.686, abs=0.005)}
    assert isinstance(chip.missing["humidity"], InvalidReading)


@pytest.mark.parametrize(
    ("temperature", "humidity"),
    [
        (0x6838, 0x6838),  # the temperature again
        (0x7C82, 0x7C86),  # humidity twice
        (0x0000, 0x7C82),  # a valid frame, and -46.85 °C
    ],
)
def test_refuses_mixed_up_and_impossible_answers(temperature, humidity):
    bus = board(words(temperature, start=0).hex(), words(humidity, start=0).hex())
    with pytest.raises(InvalidReading):
        on(bus, Htu21d).read()


def test_refuses_a_floating_and_a_shorted_line():
    bus = board()
    chip = on(bus, Htu21d)
    chip.read()
    bus.constant = 0xFF
    with pytest.raises(ChecksumError):
        chip.read()
    bus.constant = 0x00
    with pytest.raises(InvalidReading):
        chip.read()
    with pytest.raises(WrongChip):
        chip.read()


class TestAnSht2x:
    SERIAL = words(0x153A, 0x91C7, start=0)

    @pytest.mark.parametrize(
        ("answers", "temperature", "humidity"),
        [(("683a7c", "4e856b"), 24.686, 32.34), (("3458f6", "7c80f5"), -10.92, 54.79)],
    )
    def test_reads_the_worked_examples(self, answers, temperature, humidity):
        bus = board(*answers)
        bus.answers[IDENTITY] = self.SERIAL
        values = on(bus, Sht2x).read()
        assert values["temperature"] == pytest.approx(temperature, abs=0.005)
        assert values["humidity"] == pytest.approx(humidity, abs=0.005)

    @pytest.mark.parametrize(("identity", "driver"), [(0x32, "htu21d"), (0x15, "si7021"), (0x14, "si7021")])
    def test_is_not_what_has_another_serial_number(self, identity, driver):
        with pytest.raises(WrongChip, match=driver):
            on(board(identity=identity), Sht2x).read()

    def test_without_serial_number_is_known_by_its_checksums(self):
        bus = board()
        bus.react = clone
        assert on(bus, Sht2x).read()["temperature"] == pytest.approx(24.686, abs=0.005)

    def test_is_named_by_a_scan_before_the_drivers_that_also_read_it(self):
        assert Sht2x.questions[0].fits(self.SERIAL)
        assert not Sht2x.questions[0].fits(bytes(6))
        known = list(catalog.names())
        assert known.index("sht2x") < min(known.index("htu21d"), known.index("si7021"))


@pytest.mark.parametrize("name", ["htu21d", "si7021", "sht2x"])
def test_a_heater_that_was_left_on_is_switched_off(name):
    time, chip = FakeTime(), fake_chip(name)
    with FakeBus({0x40: chip}, clock=time, wait=time.sleep) as bus:
        time.sleep(1.0)
        chip.user |= 4
        driver = open_chip(name, bus)
        driver.sleep = time.sleep
        assert driver.read()["temperature"] == pytest.approx(21.5, abs=0.02)
        assert chip.user == chip.user_default

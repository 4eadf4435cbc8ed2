"""What a configuration is warned about, and what it is spared: intervals, deadlines, limits, buses, altitude."""

import pytest
from test_config import AIR, good, mistakes, only

from agent import config
from drivers import catalog


class TestAnInterval:
    @pytest.mark.parametrize("every", ['"0.0000001ms"', '"9ms"', "0.009"])
    @pytest.mark.parametrize("text", ["[agent]\nevery = {}\n" + AIR, AIR + "every = {}"])
    def test_below_ten_milliseconds_is_a_mistake_with_the_reason(self, text, every):
        (found,) = [one for one in config.parse(text.format(every))[1] if not one.is_warning]
        assert "less than 10ms" in found.what
        assert found.fix == 'write "10ms" or more'

    def test_of_ten_milliseconds_may_be_written(self):
        assert good(AIR + 'every = "10ms"').sensors[0].every == 0.01


class TestADeadlineThatIsNotWritten:
    def test_follows_the_interval(self):
        sensor = good(AIR + 'every = "1s"').sensors[0]
        assert sensor.worst_time <= 1.0
        assert good(AIR).sensors[0].timeout == 2.0

    def test_still_leaves_the_chip_the_time_that_it_takes(self):
        light = '[[sensor]]\nid = "light"\ndriver = "bh1750"\nevery = "1s"\n'
        (warning,) = good(light).warnings
        takes = catalog.find("bh1750").takes
        assert good(light).sensors[0].timeout == pytest.approx(min(2.0, 1.5 * takes))
        assert "3 attempts of up to" in warning.what

    def test_is_not_told_fifty_times(self):
        pins = (one for one in range(28) if one not in (2, 3))
        lines = (f'[[sensor]]\nid = "d{pin}"\ndriver = "contact"\npin = {pin}\n' for pin in pins)
        (warning,) = mistakes('[agent]\nevery = "20ms"\n' + "".join(lines))
        assert warning.endswith("; the same for 25 more (sensor d0)")


class TestLimits:
    def test_below_absolute_zero_are_unwise(self):
        assert "nothing is below -273.15 °C" in only(AIR + "limits = { temperature = [-300, 60] }")

    def test_that_make_every_value_suspect_are_unwise(self):
        assert "every value would be suspect" in only(AIR + "limits = { temperature = [200, 300] }")

    def test_see_the_calibrated_value(self):
        fahrenheit = "calibrate = { temperature = { scale = 1.8, offset = 32 } }\n"
        good(AIR + fahrenheit + "limits = { temperature = [200, 300] }")


def test_a_calibration_that_no_number_can_hold_is_a_mistake():
    assert "more than a number can hold" in only(AIR + "calibrate = { temperature = { scale = 1e308 } }")


@pytest.mark.parametrize(
    "calibration", ["scale = 1e300", "offset = 1e308", "offset = -500", "scale = 1.0, offset = 1e13"]
)
def test_a_calibration_to_what_nothing_is_is_unwise(calibration):
    assert "which nothing is" in only(AIR + f"calibrate = {{ temperature = {{ {calibration} }} }}")


class TestABus:
    @pytest.mark.parametrize(
        ("written", "name"),
        [("3", "i2c-3"), ('"/dev/i2c-usb"', "/dev/i2c-usb"), ('"i2c-tiny-usb"', "i2c-tiny-usb")],
    )
    def test_is_a_number_a_path_or_an_adapters_name(self, written, name):
        assert good(AIR + f"bus = {written}").sensors[0].bus_name == name

    @pytest.mark.parametrize("written", ['"1"', '"i2c-1"'])
    def test_that_is_a_number_in_quotes_is_a_mistake(self, written):
        (found,) = config.parse(AIR + f"bus = {written}")[1]
        assert found.fix == "write bus = 1, without quotes"

    def test_has_one_name(self):
        two = AIR + '[[sensor]]\nid = "two"\ndriver = "bh1750"\nbus = "/dev/i2c-1"\n'
        assert only(two) == "7: bus: /dev/i2c-1 is bus 1 of another sensor (sensor two)"


def test_an_altitude_that_nothing_needs_is_unwise():
    assert only(AIR + "altitude = 350") == "4: altitude: warning: nothing here needs it (sensor air)"
    assert "too large" in only(AIR + "altitude = 35000")


class TestASensorsMistake:
    def test_names_the_sensor_or_its_place(self):
        assert only(AIR + "adress = 1") == "4: adress: unknown key (sensor air)"
        assert mistakes(AIR + '[[sensor]]\ndriver = "bh1750"\nx = 1\n')[-1] == "6: x: unknown key (sensor #2)"


class TestASensorOnAPin:
    DOOR = '[[sensor]]\nid = "door"\ndriver = "contact"\npin = 17\n'

    @pytest.fixture
    def without_lgpio(self, monkeypatch, tmp_path):
        monkeypatch.setattr("agent.config.checks.DEVICES", tmp_path)
        monkeypatch.setattr("agent.config.checks.find_spec", lambda name: None)
        monkeypatch.delenv("GPIOZERO_PIN_FACTORY", raising=False)
        return tmp_path

    def test_needs_a_backend_where_there_are_pins(self, without_lgpio):
        (without_lgpio / "gpiochip0").touch()
        assert only(self.DOOR).startswith("3: driver: warning: pins cannot be read: lgpio is not installed")
        assert good(AIR).warnings == ()

    @pytest.mark.usefixtures("without_lgpio")
    def test_is_not_warned_about_on_a_desktop(self):
        assert good(self.DOOR).warnings == ()


@pytest.mark.parametrize(("driver", "device"), [("iio", "iio:device0"), ("hwmon", "hwmon3"), ("dht", "iio:device1")])
def test_a_device_that_may_be_another_one_after_a_reboot_is_unwise(driver, device):
    found = only(f'[[sensor]]\nid = "one"\ndriver = "{driver}"\ndevice = "{device}"\n')
    assert f"device: warning: {device} may be another device after a reboot" in found
    assert "1-0076" in good(f'[[sensor]]\nid = "one"\ndriver = "{driver}"\ndevice = "{device}"\n').warnings[0].fix


@pytest.mark.parametrize("device", ["bme280", "1-0076", "freezer"])
def test_a_device_that_stays_the_same_is_not(device):
    assert not good(f'[[sensor]]\nid = "one"\ndriver = "iio"\ndevice = "{device}"\n').warnings


class TestABusWithTooMuchOnIt:
    def test_is_told_with_its_sum(self):
        lines = [f'[[sensor]]\nid = "t{n}"\ndriver = "ds18b20"\ndevice = "28-0000075a1b{n:02x}"\n' for n in range(16)]
        (warning,) = mistakes("".join(lines))
        assert "the 16 sensors on w1 hold it for 12.8 s, but are due every 10s" in warning
        assert good("".join(lines)).warnings[0].fix.startswith('write every = "13s" or more')

    def test_is_judged_by_what_each_interval_asks_for(self):
        lines = [
            f'[[sensor]]\nid = "t{n}"\ndriver = "ds18b20"\ndevice = "28-0000075a1b{n:02x}"\nevery = "{every}"\n'
            for n, every in enumerate(["10s"] * 8 + ["1m"] * 8)
        ]
        assert good("".join(lines)).warnings == ()

    def test_is_none_where_the_chips_convert_while_the_bus_is_free(self):
        muxes = (f"mux = {{ address = 0x{0x70 + n // 8:02x}, channel = {n % 8} }}" for n in range(40))
        lines = (f'[[sensor]]\nid = "b{n}"\ndriver = "bme280"\n{mux}\n' for n, mux in enumerate(muxes))
        assert good('[agent]\nevery = "5s"\n' + "".join(lines)).warnings == ()


@pytest.mark.parametrize("character", ["\\uFFFE", "\\uFDD0", "\\U0001FFFF", "\\u202E", "\\u0000", "\\u0085"])
@pytest.mark.parametrize(
    "text",
    ['[agent]\ndevice_id = "a{}b"', '[web]\nlisten = "{}127.0.0.1:8080"', '[homeassistant]\nprefix = "h{}a"'],
)
def test_what_is_no_character_of_a_name_is_a_mistake(text, character):
    read, _ = config.parse(text.replace("{}", character) + "\n" + AIR)
    assert read is None

"""Sensors on SPI and on serial ports: the key `port`, one sensor in each place, what a bus can carry."""

import pytest
from test_config import good, mistakes, only

from agent import config
from agent.config import bus_load, port_checks

DUST = '[[sensor]]\nid = "dust"\ndriver = "pms5003"\nport = "/dev/serial0"\n'
CO2 = '[[sensor]]\nid = "co2"\ndriver = "mhz19"\nport = "/dev/ttyAMA3"\n'
KILN = '[[sensor]]\nid = "kiln"\ndriver = "max31855"\n'
ADC = '[[sensor]]\nid = "{}"\ndriver = "mcp3208"\noptions = {{ channel = {} }}\n'


def buses(text):
    return {load.bus: [sensor.id for sensor in load.sensors] for load in bus_load.loads(good(text).sensors)}


class TestAPort:
    def test_is_a_key_of_its_own_and_names_the_bus(self):
        sensor = good(DUST).sensors[0]
        assert sensor.port == "/dev/serial0"
        assert good(DUST).warnings == ()
        assert buses(DUST + CO2 + KILN) == {"/dev/serial0": ["dust"], "/dev/ttyAMA3": ["co2"], "spi0.0": ["kiln"]}

    def test_must_be_written(self):
        assert "a pms5003 needs port" in only(DUST.replace('port = "/dev/serial0"\n', ""))

    @pytest.mark.parametrize("port", ['"ttyUSB0"', "3", '""', '"/dev/tty USB"', '"/dev/serial0 "', "true"])
    def test_is_a_path(self, port):
        assert any("port" in one for one in mistakes(DUST.replace('"/dev/serial0"', port)))

    def test_is_no_option(self):
        assert "write port = … in the sensor's table itself" in "".join(
            one.fix for one in wrong(DUST.replace('port = "/dev/serial0"', 'options = { port = "/dev/serial0" }'))
        )

    def test_is_an_option_of_what_is_on_spi(self):
        assert good(KILN + "options = { port = 1, select = 2 }").sensors[0].options == {"port": 1, "select": 2}
        (found,) = [one for one in wrong(KILN + 'port = "/dev/serial0"') if "serial port" in one.what]
        assert "options" in found.fix

    def test_belongs_to_no_chip_on_i2c(self):
        assert "on no serial port" in only('[[sensor]]\nid = "air"\ndriver = "bme280"\nport = "/dev/serial0"\n')

    def test_that_moves_at_a_reboot_is_unwise(self):
        assert "may be another device after a reboot" in only(DUST.replace("serial0", "ttyUSB0"))

    def test_has_one_sensor(self, tmp_path):
        assert '/dev/serial0 is where "dust" is' in only(DUST + DUST.replace('"dust"', '"more"'))
        (tmp_path / "link").symlink_to("/dev/null")
        two = DUST.replace("/dev/serial0", "/dev/null") + CO2.replace("/dev/ttyAMA3", str(tmp_path / "link"))
        assert 'is where "dust" is' in only(two)

    def test_without_pyserial_is_a_warning_with_the_cure(self, monkeypatch):
        monkeypatch.setattr(port_checks, "find_spec", lambda _: None)
        assert "pyserial is not installed" in only(DUST)

    def test_needs_its_pins(self):
        door = '[[sensor]]\nid = "door"\ndriver = "contact"\npin = 15\n'
        assert "GPIO15 is a wire of /dev/serial0" in only(DUST + door)
        assert "pin 8 is taken by spi0.0" in only(KILN + door.replace("15", "8"))
        good(KILN + door.replace("15", "7"))


class TestAChipSelect:
    def test_has_one_chip(self):
        assert 'spi0.0 is where "kiln" is' in only(KILN + KILN.replace("kiln", "oven"))
        good(KILN + KILN.replace("kiln", "oven") + "options = { select = 1 }")

    def test_has_several_inputs_of_one_converter(self):
        assert buses(ADC.format("a", 0) + ADC.format("b", 1)) == {"spi0.0": ["a", "b"]}
        assert 'is where "a" is' in only(ADC.format("a", 0) + KILN)


class TestABusThatCannotReadWhatIsDue:
    def test_is_told_for_a_uart(self):
        found = mistakes(DUST + 'every = "1s"\nretry = { attempts = 1 }\ntimeout = "900ms"\n')
        assert any("a reading holds /dev/serial0 for 2.3 s, but is due every 1s" in one for one in found)

    def test_is_told_for_spi(self):
        many = "".join(ADC.format(f"a{number}", number) + 'every = "10ms"\n' for number in range(8))
        assert any("the 8 sensors on spi0.0 hold it for 0.016 s" in one for one in mistakes(many))


def wrong(text):
    """Return the mistakes and warnings of a text."""
    return config.parse(text)[1]

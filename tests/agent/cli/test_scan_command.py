"""`limpet scan`: what people, programs and a first configuration get to see of it."""

import json

import pytest

from agent import config
from agent.cli import config_writer, main, scan
from drivers.errors import AccessDenied, AdapterGone
from drivers.fakes import FakeBus, fake_chip
from drivers.kernel.listing import Listed, listing
from drivers.scan import Found

CROWDED = """
[mqtt]
host = "localhost"
[[sensor]]
id = "one"
driver = "bme280"
address = 0x76
[[sensor]]
id = "two"
driver = "bme280"
address = 0x77
[[sensor]]
id = "three"
driver = "tmp117"
bus = 3
[[sensor]]
id = "four"
driver = "sht4x"
mux = { address = 0x70, channel = 4 }
[[sensor]]
id = "light"
driver = "bh1750"
[[sensor]]
id = "cellar"
driver = "dht"
device = "dht11@4"
"""


@pytest.fixture
def limpet(capsys, monkeypatch, tmp_path):
    """Run the command in an empty folder; return its exit code, what it says to programs and what to people."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(config.VARIABLE, raising=False)

    def run(*words):
        code = main.main(["scan", *words])
        out = capsys.readouterr()
        return code, out.out, out.err

    return run


@pytest.fixture
def this_machine(monkeypatch):
    """Make a machine of fake buses: number -> bus, or the error of opening it."""

    def make(buses, kernel=()):
        def opened(number):
            if number not in buses:
                raise AdapterGone(f"i2c-{number}: no such bus")
            if isinstance(buses[number], Exception):
                raise buses[number]
            return buses[number]

        monkeypatch.setattr(scan, "adapters", lambda: sorted(buses))
        monkeypatch.setattr(scan, "open_bus", opened)
        monkeypatch.setattr(scan, "listing", lambda: iter(kernel))

    return make


class TestOnADesktop:
    def test_without_a_bus_it_says_how_to_enable_one(self, limpet, this_machine):
        this_machine({})
        code, out, err = limpet()
        assert (code, out) == (1, "")
        assert "raspi-config nonint do_i2c 0" in err

    def test_simulated_it_scans_a_bench_of_its_own(self, limpet):
        code, out, _ = limpet("--simulate")
        assert code == 0
        assert {"bme280", "sht4x", "bh1750", "ds18b20"} <= set(out.replace(":", " ").split())

    def test_simulated_it_scans_a_bus_that_is_called_by_its_adapters_name(self, limpet, tmp_path):
        text = '[mqtt]\nhost = "x"\n[[sensor]]\nid = "one"\ndriver = "tmp117"\nbus = "i2c-tiny-usb"\n'
        (tmp_path / "limpet.toml").write_text(text)
        _, out, _ = limpet("--simulate")
        assert "i2c-tiny-usb" in out
        assert 'bus = "i2c-tiny-usb"' in limpet("--simulate", "--toml")[1]

    def test_simulated_it_scans_the_buses_of_the_configuration(self, limpet, tmp_path):
        (tmp_path / "limpet.toml").write_text(CROWDED)
        code, out, _ = limpet("--simulate", "--json")
        found = {(one["bus"], one["hex"]): one["mux"] for bus in json.loads(out)["buses"] for one in bus["devices"]}
        assert code == 0
        assert found == {
            (1, "0x23"): None,
            (1, "0x70"): None,
            (1, "0x76"): None,
            (1, "0x77"): None,
            (1, "0x44"): {"address": 0x70, "channel": 4},
            (3, "0x48"): None,
        }

    def test_simulated_it_finds_a_chip_that_takes_two_seconds_until_it_answers(self, limpet, tmp_path):
        text = '[mqtt]\nhost = "x"\n[[sensor]]\nid = "one"\ndriver = "scd30"\n'
        (tmp_path / "limpet.toml").write_text(text)
        assert "scd30" in limpet("--simulate")[1]

    def test_speaks_json_without_a_snake_in_it(self, limpet):
        def keys(value):
            for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
                yield from keys(one)
            yield from value if isinstance(value, dict) else ()

        assert not [key for key in keys(json.loads(limpet("--simulate", "--json")[1])) if "_" in key]

    def test_a_configuration_that_was_named_and_is_not_there_is_a_mistake(self, limpet):
        code, _, err = limpet("--simulate", "-c", "nowhere.toml")
        assert code == 78
        assert "nowhere.toml" in err


class TestOnAMachine:
    def test_a_bus_without_devices_is_no_failure(self, limpet, this_machine):
        with FakeBus() as bus:
            this_machine({1: bus})
            code, out, err = limpet()
        assert (code, out) == (0, "")
        assert "i2c-1: no device answers" in err

    def test_a_bus_that_may_not_be_opened_is_a_failure_and_the_others_are_shown(self, limpet, this_machine):
        with FakeBus({0x76: fake_chip("bme280")}) as bus:
            this_machine({1: bus, 2: AccessDenied("i2c-2: no permission; join the group i2c")})
            code, out, err = limpet()
        assert code == 1
        assert "bme280" in out
        assert "join the group" in err

    def test_one_bus_can_be_chosen(self, limpet, this_machine):
        with FakeBus({0x76: fake_chip("bme280")}) as bus:
            this_machine({1: bus, 3: AccessDenied("i2c-3: no permission")})
            assert limpet("--bus", "1")[0] == 0

    def test_a_bus_that_is_not_there_is_an_error(self, limpet, this_machine):
        this_machine({})
        code, _, err = limpet("--bus", "9")
        assert code == 1
        assert "i2c-9: no such bus" in err

    def test_kernel_sensors_are_shown_by_name(self, limpet, this_machine):
        with FakeBus() as bus:
            this_machine({1: bus}, [Listed("ds18b20", "28-0000075a1b2c", ("temperature °C",))])
            assert "28-0000075a1b2c" in limpet()[1]


def sensors(text):
    settings, mistakes = config.parse(text)
    assert not [one for one in mistakes if not one.is_warning], mistakes
    return settings.sensors


class TestTheConfiguration:
    def test_holds_every_named_device_once_and_is_accepted(self, limpet, tmp_path):
        (tmp_path / "limpet.toml").write_text(CROWDED)
        code, out, _ = limpet("--simulate", "--toml")
        told = {one.id: (one.bus, one.address, one.mux and one.mux.channel) for one in sensors(out)}
        assert code == 0
        assert told == {
            "bme280": (1, 0x76, None),
            "bme280-2": (1, 0x77, None),
            "tmp117": (3, 0x48, None),
            "sht4x": (1, 0x44, 4),
            "dht": (1, None, None),
        }
        assert '# driver = "bh1750"' in out

    def test_can_be_simulated_and_found_again(self, limpet, tmp_path):
        _, first, _ = limpet("--simulate", "--toml")
        (tmp_path / "limpet.toml").write_text(first)
        assert sensors(limpet("--simulate", "--toml")[1]) == sensors(first)

    def test_reads_the_machine_itself_if_there_is_nothing_else(self):
        assert [one.driver for one in sensors(config_writer.draft([], []))] == ["host"]

    @pytest.mark.parametrize(
        ("found", "says"),
        [
            (Found(1, 0x50), "# 0x50 on i2c-1: an unknown device"),
            (Found(1, 0x68, owner="rtc-ds1307"), "rtc-ds1307 owns it"),
            (Found(1, 0x44, (0x70, 2), error="i2c-1: a line is held low"), "channel 2 of the multiplexer 0x70: i2c-1"),
        ],
    )
    def test_mentions_what_it_cannot_configure(self, found, says):
        text = config_writer.draft([found], [])
        assert says in text
        assert [one.driver for one in sensors(text)] == ["host"]

    def test_says_where_several_drivers_fit(self):
        text = config_writer.draft([Found(1, 0x48, driver="ads1115", candidates=("ads1115", "ads1015"))], [])
        assert [one.driver for one in sensors(text)] == ["ads1115"]
        assert "# or ads1015" in text


class TestTheListing:
    def test_names_what_the_kernel_shows(self, tmp_path):
        for name, device in (
            ("ds18b20", "28-0000075a1b2c"),
            ("dht", "dht11@4"),
            ("iio", "bme280"),
            ("hwmon", "ds3231"),
        ):
            fake_chip(name, root=tmp_path, device=device)
        there = {(one.driver, one.device): one.quantities for one in listing(str(tmp_path))}
        assert there == {
            ("ds18b20", "28-0000075a1b2c"): ("temperature °C",),
            ("dht", "dht11@4"): ("temperature °C", "humidity %"),
            ("iio", "bme280"): ("humidity %", "pressure hPa", "temperature °C"),
            ("hwmon", "ds3231"): ("temperature °C",),
        }

    def test_calls_namesakes_by_bus_and_address(self, tmp_path):
        for _ in range(2):
            fake_chip("iio", root=tmp_path, device="bme280")
        assert [one.device for one in listing(str(tmp_path))] == ["1-0060", "1-0061"]

    def test_leaves_the_machine_itself_to_its_own_driver(self, tmp_path):
        fake_chip("hwmon", root=tmp_path, device="cpu_thermal")
        (one,) = listing(str(tmp_path))
        assert "host" in one.note
        assert [one.driver for one in sensors(config_writer.draft([], [one]))] == ["host"]

    def test_of_a_machine_without_any_is_empty(self, tmp_path):
        assert not list(listing(str(tmp_path)))


class TestWhatCannotBeFound:
    def test_is_named_beside_what_was_found(self, limpet, this_machine, monkeypatch):
        this_machine({1: FakeBus({0x44: fake_chip("sht4x")})})
        monkeypatch.setattr(scan, "selects", lambda: ["spi0.0"])
        monkeypatch.setattr(scan, "ports", lambda: ["/dev/serial0"])
        code, out, err = limpet()
        assert code == 0
        assert "sht4x" in out
        assert "spi0.0: what is on it cannot be found out" in err
        assert "/dev/serial0: what is on it cannot be found out" in err
        this_machine({})
        told = json.loads(limpet("--json")[1])["unknowable"]
        assert [one["place"] for one in told] == ["spi0.0", "/dev/serial0"]

    def test_is_named_of_a_simulated_configuration(self, limpet, tmp_path):
        (tmp_path / "limpet.toml").write_text('[[sensor]]\nid = "dust"\ndriver = "sds011"\nport = "/dev/serial0"\n')
        code, _, err = limpet("--simulate")
        assert code == 0
        assert "/dev/serial0: what is on it cannot be found out" in err

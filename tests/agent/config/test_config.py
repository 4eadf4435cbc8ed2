"""The configuration: what is read, in which units, and what is said about what is wrong."""

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent import config
from agent.config import BreakerConfig, MuxConfig, RetryConfig
from drivers import catalog

GOLDEN = Path(__file__).parent / "golden"
AIR = '[[sensor]]\nid = "air"\ndriver = "sht4x"\n'


def good(text: str) -> config.Config:
    read, mistakes = config.parse(text)
    assert read is not None, "\n".join(map(str, mistakes))
    return read


def mistakes(text: str) -> list[str]:
    """Return `LINE: KEY: what` of everything that is found, warnings marked."""
    return [str(one).removeprefix("limpet.toml:").partition("\n")[0] for one in config.parse(text)[1]]


def only(text: str) -> str:
    (found,) = mistakes(text)
    return found


class TestTheSmallestFile:
    def test_needs_a_host_and_a_sensor(self):
        read = good('[mqtt]\nhost = "broker.local"\n\n' + AIR)
        assert read.mqtt.host == "broker.local"
        assert read.sensors[0].address == 0x44
        assert read.warnings == ()

    def test_leaves_the_documented_defaults(self):
        read = good(AIR)
        assert (read.agent.every, read.agent.log_level, read.agent.log_format) == (10.0, "info", "text")
        assert read.agent.device_id
        assert "/" not in read.agent.device_id
        assert (read.mqtt.host, read.mqtt.port, read.mqtt.version) == ("localhost", 1883, 5)
        assert (read.mqtt.topic_root, read.mqtt.keepalive) == ("limpet", 15.0)
        assert read.mqtt.breaker == BreakerConfig(reset_timeout=5.0, max_reset_timeout=60.0)
        assert (read.outbox.max_size, read.outbox.max_age) == (64_000_000, 30 * 86400.0)
        assert (read.outbox.durability, read.outbox.when_full) == ("outage", "drop_oldest")
        assert (read.outbox.backfill_rate, read.outbox.require_subscriber) == (20.0, False)
        assert (read.homeassistant.discovery, read.homeassistant.prefix) == (False, "homeassistant")
        assert (read.commands.allow, read.web.listen) == ((), None)
        sensor = read.sensors[0]
        assert (sensor.bus, sensor.timeout, sensor.fallback, sensor.max_age) == (1, 2.0, "none", 300.0)
        assert (sensor.retry, sensor.breaker) == (RetryConfig(), BreakerConfig())


class TestValues:
    @pytest.mark.parametrize(
        ("written", "seconds"),
        [('"250ms"', 0.25), ('"10s"', 10.0), ('"5m"', 300.0), ('"2h"', 7200.0), ('"7d"', 604800.0), ("0.5", 0.5)],
    )
    def test_durations_become_seconds(self, written, seconds):
        assert good(f"{AIR}retry = {{ attempts = 1 }}\nmax_age = {written}").sensors[0].max_age == seconds

    @pytest.mark.parametrize(
        "written", ["0", "-1", "nan", "inf", "true", '"10"', '"ten"', '"0s"', '"1w"', "[]", "1e30"]
    )
    def test_what_is_no_duration_is_refused(self, written):
        assert only(f"{AIR}max_age = {written}").startswith("4: max_age: ")

    @pytest.mark.parametrize(
        ("written", "size"),
        [
            ('"64MB"', 64_000_000),
            ('"5kB"', 5_000),
            ('"1GB"', 10**9),
            ('"512KiB"', 524_288),
            ('"1MiB"', 2**20),
            ('"1GiB"', 2**30),
            ("4096", 4096),
        ],
    )
    def test_sizes_become_bytes(self, written, size):
        assert good(f"{AIR}[outbox]\nmax_size = {written}").outbox.max_size == size

    @pytest.mark.parametrize("written", ["0", "-1", "true", '"64 potatoes"', "nan", "9" * 400])
    def test_what_is_no_size_is_refused(self, written):
        assert only(f"{AIR}[outbox]\nmax_size = {written}").startswith("5: max_size: ")

    def test_a_mux_calibration_and_limits_become_numbers(self):
        sensor = good(
            f"{AIR}mux = {{ address = 0x70, channel = 3 }}\n"
            "calibrate = { temperature = { offset = -0.4 } }\nlimits = { temperature = [-20, 60] }"
        ).sensors[0]
        assert sensor.mux == MuxConfig(address=0x70, channel=3)
        assert sensor.calibrate == {"temperature": (1.0, -0.4)}
        assert sensor.limits == {"temperature": (-20.0, 60.0)}

    def test_durations_in_options_become_seconds(self):
        door = '[[sensor]]\nid = "door"\ndriver = "contact"\npin = 17\noptions = { pull = "up", bounce = "20ms" }'
        assert good(door).sensors[0].arguments() == {"pull": "up", "bounce": 0.02, "pin": 17}

    def test_tls_moves_the_port_unless_one_is_written(self):
        assert good(AIR + "[mqtt.tls]").mqtt.port == 8883
        assert good(AIR + "[mqtt]\nport = 1884\n[mqtt.tls]").mqtt.port == 1884

    @pytest.mark.parametrize(("written", "read"), [("127.0.0.1:8080", ("127.0.0.1", 8080)), ("[::1]:80", ("::1", 80))])
    def test_listen_is_host_and_port(self, written, read):
        assert good(f'{AIR}[web]\nlisten = "{written}"').web.listen == read

    @pytest.mark.parametrize("written", ["8080", ":8080", "here", "here:http", "here:0", "here:65536", "::1:80"])
    def test_what_is_no_host_and_port_is_refused(self, written):
        assert only(f'{AIR}[web]\nlisten = "{written}"').startswith("5: listen: ")

    @pytest.mark.parametrize("name", ["", "a/", "a+b", "#", "$SYS", " a", "a ", "a\u200b"])
    @pytest.mark.parametrize("key", ["agent]\ndevice_id", "mqtt]\ntopic_root"])
    def test_what_breaks_a_topic_is_refused(self, key, name):
        assert key.split("\n")[1] in only(f'{AIR}[{key} = "{name}"')

    def test_a_boolean_is_no_number(self):
        assert only(f"{AIR}bus = true\n").startswith("4: bus: a boolean")
        assert "a boolean where a number belongs" in only(f"{AIR}calibrate = {{ temperature = {{ scale = true }} }}\n")


class TestMerging:
    def test_a_sensor_inherits_what_it_does_not_say(self):
        text = (
            '[agent]\nevery = "1m"\n[defaults.retry]\nattempts = 2\nmax_delay = "1s"\n'
            '[defaults.breaker]\nreset_timeout = "10s"\n'
            f"{AIR}retry = {{ attempts = 5 }}\nbreaker = {{ failure_threshold = 7 }}\n"
        )
        sensor = good(text).sensors[0]
        assert sensor.every == 60.0
        assert sensor.retry == RetryConfig(attempts=5, max_delay=1.0)
        assert sensor.breaker == BreakerConfig(failure_threshold=7, reset_timeout=10.0)

    def test_a_longest_wait_that_was_not_written_gives_way(self):
        assert good(AIR + 'breaker.reset_timeout = "5m"').sensors[0].breaker.max_reset_timeout == 300.0
        assert good(AIR + 'breaker.max_reset_timeout = "5s"').sensors[0].breaker.reset_timeout == 5.0

    def test_the_broker_keeps_its_own_defaults(self):
        breaker = good(AIR + "[mqtt.breaker]\nfailure_threshold = 9").mqtt.breaker
        assert breaker == BreakerConfig(failure_threshold=9, reset_timeout=5.0, max_reset_timeout=60.0)

    def test_knows_which_deadline_was_written(self):
        assert not good(AIR).sensors[0].explicit_timeout
        assert good(AIR + 'timeout = "1s"').sensors[0].explicit_timeout


class TestMistakes:
    def test_are_all_told_at_once_each_with_line_and_cure(self):
        text = (GOLDEN / "mistakes.toml").read_text()
        read, found = config.parse(text, "mistakes.toml")
        assert read is None
        assert "".join(f"{one}\n" for one in found) == (GOLDEN / "mistakes.txt").read_text()

    def test_never_show_a_secret(self):
        assert "hunter2" not in (GOLDEN / "mistakes.txt").read_text()

    def test_of_syntax_have_their_line(self):
        assert only("[mqtt]\nhost = broker\n").startswith("2: no valid TOML: invalid value")
        assert only("[mqtt]\n[mqtt]\n").startswith("2: no valid TOML: cannot declare")
        assert only('[mqtt]\nhost = """\n\n').startswith("3: no valid TOML: ")
        assert only("x = " + "9" * 5000).startswith("1: no valid TOML: ")

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("", "1: sensor: warning: there is no sensor"),
            ("sensor = 3", "1: sensor: a number where tables belong"),
            ("agent = 3\n" + AIR, "1: agent: a number where a table belongs"),
            ('[[sensor]]\ndriver = "sht4x"', "1: sensor: id is missing"),
            ('[[sensor]]\nid = "air"', "1: sensor: driver is missing"),
            (AIR.replace("air", "broker"), "2: id: 'broker' is what the connection is called in `health`"),
            (AIR + "[mqtt]\nhost = 'x:1883'", "5: host: 'x:1883' has a port in it"),
            (AIR + "[mqtt]\nhost = '[::1]:1883'", "5: host: '[::1]:1883' has a port in it"),
            (AIR + "[mqtt]\nhost = '[::1]'", "5: host: '[::1]' is in brackets"),
            (AIR + "[mqtt]\nhost = 'x:y'", "5: host: 'x:y' is not a host name or address"),
            (AIR + "[outbox]\nmax_size = 63_999", "5: max_size: warning: 63999 bytes hold few batches"),
            (AIR + "adress = 0x44", "4: adress: unknown key"),
            (AIR + "address = 0x78", "4: address: 0x78 is outside of 0x08..0x77"),
            (AIR + "address = 0x76", "4: address: warning: a sht4x cannot be at 0x76"),
            (AIR + 'bus = "i2c-1"', '4: bus: "i2c-1" is a text'),
            (AIR + "mux = { address = 0x70 }", "4: mux: channel is missing"),
            (AIR + "limits = { humidty = [0, 1] }", "4: limits.humidty: a sht4x does not measure this"),
            (AIR + "calibrate = { humidity = { scale = 0 } }", "4: calibrate.humidity.scale: a scale of 0"),
            (AIR + "limits = { humidity = [0] }", "4: limits.humidity: is not two numbers"),
            (AIR + "pin = 17", "4: pin: a sht4x has no pin"),
            (AIR + 'fallback = "sensor:air"', "4: fallback: a sensor cannot step in for itself"),
            (AIR + 'fallback = "first"', "4: fallback: 'first' is not"),
            (AIR + 'fallback = "last"\nmax_age = "1s"', "5: max_age: warning: the last value is never younger"),
            (AIR + '[mqtt]\nversion = "5"', '5: version: "5" is not known here'),
            (AIR + "[mqtt]\nversion = true", "5: version: True is not known here"),
            (AIR + "[commands]\nallow = ['reboot']", '5: allow: "reboot" is not known here'),
            (AIR + "[commands]\nallow = 'read'", "5: allow: a text where a list belongs"),
            (AIR + "[outbox]\nbackfill_rate = 0", "5: backfill_rate: 0 is too small"),
            (AIR + "[[bus]]\nname = 'i2c-1'\nrecovery = 'power'", '6: recovery: "power" needs the pin power'),
            (AIR + "[[bus]]\nname = 'i2c-1'\n[[bus]]\nname = 'i2c-1'", "7: name: i2c-1 is there twice"),
            ('[[sensor]]\nid = "d"\ndriver = "contact"', "1: pin: a contact needs pin"),
            ('[[sensor]]\nid = "d"\ndriver = "contact"\npin = 60', "4: pin: 60 is outside of 0..53"),
            (
                '[[sensor]]\nid = "d"\ndriver = "contact"\npin = 40',
                "4: pin: warning: GPIO40 is not on the 40-pin header",
            ),
            ('[[sensor]]\nid = "d"\ndriver = "contact"\npin = 4\naddress = 9', "5: address: a contact has no address"),
            ('[[sensor]]\nid = "d"\ndriver = "contact"\noptions = {pin = 4}', "4: options.pin: this is no option"),
            ('[[sensor]]\nid = "d"\ndriver = "distance"\noptions = {trigger = 4}', "4: options: a distance needs echo"),
            ('[[sensor]]\nid = "d"\ndriver = "mcp3008"\noptions = {chanel = 4}', "4: options.chanel: a mcp3008 has no"),
            ('[[sensor]]\nid = "d"\ndriver = "mcp3008"\noptions = {channel = 9}', "4: options: channels are [9]"),
            ('[[sensor]]\nid = "b"\ndriver = "ds18b20"\ndevice = "29"', "4: device: device is '29', not an id such as"),
        ],
    )
    def test_name_line_and_key(self, text, says):
        assert only(text).startswith(says)

    @pytest.mark.parametrize("key", ["agent]\ndevice_id", "mqtt]\ntopic_root"])
    def test_a_level_of_a_topic_has_at_most_128_characters(self, key):
        assert good(f"{AIR}[{key} = '{'ü' * 128}'")
        assert only(f"{AIR}[{key} = '{'x' * 70_000}'") == f"5: {key.split()[1]}: has 70000 characters"

    @pytest.mark.parametrize(
        ("host", "cure"),
        [("x:1884", 'write host = "x" and port = 1884'), ("[::1]:1884", 'write host = "::1" and port = 1884'),
         ("[::1]", 'write host = "::1"')],
    )  # fmt: skip
    def test_a_port_in_the_host_is_cured(self, host, cure):
        (found,) = config.parse(f"{AIR}[mqtt]\nhost = '{host}'")[1]
        assert found.fix == cure

    @pytest.mark.parametrize("host", ["broker.local", "192.168.1.2", "::1", "fe80::1%eth0", "::ffff:10.0.0.1"])
    def test_a_host_is_a_name_or_an_address(self, host):
        assert good(f"{AIR}[mqtt]\nhost = '{host}'").mqtt.host == host

    def test_two_sensors_on_one_pin(self):
        door = '[[sensor]]\nid = "{}"\ndriver = "contact"\npin = 17\n'
        assert only(door.format("a") + door.format("b")) == '8: pin: pin 17 is taken by sensor "a" (sensor b)'

    def test_two_chips_at_one_address(self):
        assert only(AIR + AIR.replace("air", "two")) == '4: address: 0x44 on i2c-1 is where "air" is (sensor two)'

    def test_one_address_behind_two_channels_is_well(self):
        mux = "mux = { address = 0x70, channel = %d }\n"
        good(AIR + mux % 1 + AIR.replace("air", "two") + mux % 2)
        assert "is where" in only(AIR + mux % 1 + AIR.replace("air", "two"))

    def test_two_chips_behind_one_channel_need_two_addresses(self):
        mux = "mux = { address = 0x70, channel = 3 }\n"
        assert 'is where "air" is' in only(AIR + mux + AIR.replace("air", "two") + mux)

    def test_a_pin_of_a_recovery_is_free_for_no_sensor(self):
        bus = '[[bus]]\nname = "i2c-1"\nrecovery = "power"\npower = 17\n'
        found = mistakes(bus + '[[sensor]]\nid = "door"\ndriver = "contact"\npin = 17\n')
        assert any("taken by power" in one for one in found)

    def test_a_circle_of_fallbacks_is_told_once(self):
        names = ("a", "b", "c")
        sensors = [
            f'[[sensor]]\nid = "{one}"\ndriver = "sht4x"\naddress = {0x44 + at}\nfallback = "sensor:{names[at - 2]}"\n'
            for at, one in enumerate(names)
        ]
        assert only("".join(sensors)) == "5: fallback: the fallbacks lead in a circle: a -> b -> c -> a (sensor a)"

    def test_a_fallback_that_measures_something_else_is_unwise(self):
        light = '[[sensor]]\nid = "light"\ndriver = "bh1750"\n'
        assert only(AIR + 'fallback = "sensor:light"\n' + light).startswith("4: fallback: warning: light measures")

    def test_time_that_cannot_fit_into_the_interval_is_unwise(self):
        (found,) = config.parse(AIR + 'every = "1s"\ntimeout = "800ms"')[1]
        assert str(found).startswith("limpet.toml:5: timeout: warning: 3 attempts of up to 800ms")
        assert found.fix == 'write timeout = "233ms", or fewer attempts'
        assert good(AIR + 'every = "1s"\ntimeout = "233ms"').warnings == ()


class TestADeadlineOfLessThanTheDriverTakes:
    LIGHT = '[[sensor]]\nid = "light"\ndriver = "bh1750"\n'

    def test_is_unwise(self):
        assert only(self.LIGHT + 'timeout = "200ms"').startswith("4: timeout: warning: a reading of a bh1750 can take")

    @pytest.mark.parametrize("takes", [0.3, 0.5])
    def test_is_unwise_however_short_that_is(self, monkeypatch, takes):
        monkeypatch.setattr(catalog.find("sht4x"), "takes", takes, raising=False)
        (found,) = config.parse(AIR + 'timeout = "200ms"')[1]
        assert found.what == f"a reading of a sht4x can take {takes * 1000:g}ms"
        assert found.fix == f'write timeout = "{takes * 1500:g}ms" or remove it'
        assert good(AIR + f"timeout = {takes}").warnings == ()

    def test_is_not_told_where_the_driver_says_nothing(self):
        assert good(AIR + 'timeout = "50ms"').warnings == ()


def test_importing_it_imports_no_driver_and_no_library():
    code = "import sys, agent.config; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ}
    )
    names = loaded.stdout.split()
    assert not [name for name in names if name.startswith(("drivers.chips", "drivers.bus", "smbus2", "jsonschema"))]


def test_worst_time_counts_every_attempt_and_every_wait():
    sensor = config.SensorConfig(
        id="a", driver="sht4x", timeout=2.0, retry=RetryConfig(attempts=4, base_delay=1.0, max_delay=3.0)
    )
    assert math.isclose(sensor.worst_time, 4 * 2.0 + 1 + 2 + 3)

"""IIO, hwmon, DHT: units of the kernel become ours; channels are chosen, found, told apart."""

import errno

import pytest

from drivers import open_chip
from drivers.bus import sysfs
from drivers.errors import (
    AccessDenied,
    BeyondRange,
    BusError,
    BusTimeout,
    ChecksumError,
    InvalidReading,
    NoAcknowledge,
    NotReady,
    NotSupported,
    PermanentError,
)
from drivers.fakes import FakeTime, fake_chip
from drivers.fakes.iio import FakeHwmon, FakeIio
from drivers.kernel.channels import HWMON, IIO, channel, unique
from drivers.kernel.hwmon import Hwmon
from drivers.kernel.iio import Iio


def device(tmp_path, folder="sys/bus/iio/devices/iio:device0", **files):
    path = tmp_path / folder
    path.mkdir(parents=True)
    for name, text in files.items():
        (path / name).write_text(f"{text}\n")
    return path


class TestIio:
    @pytest.mark.parametrize("name", FakeIio.units)
    def test_reports_each_kind_of_channel_in_our_unit(self, tmp_path, name):
        fake = fake_chip("iio", root=tmp_path, options={"channel": name})
        chip = open_chip("iio", channel=name, **fake.wiring)
        (quantity,) = chip.quantities  # known before anything was read
        assert chip.read() == {quantity.name: pytest.approx(fake.world[quantity.name], rel=1e-3, abs=1e-3)}

    def test_finds_all_channels_that_have_a_unit(self, tmp_path):
        device(tmp_path, name="bme280", in_temp_input=21000, in_pressure_input=101.325, in_intensity_raw=5)
        chip = open_chip("iio", root=str(tmp_path))
        assert chip.read() == {"temperature": 21.0, "pressure": pytest.approx(1013.25)}
        assert {q.name: q.unit for q in chip.quantities} == {"temperature": "°C", "pressure": "hPa"}

    def test_current_and_power_over_a_shunt_at_its_stop_are_beyond_the_scale(self, tmp_path):
        raw = {"in_voltage0_raw": 32000, "in_voltage1_raw": 3000, "in_power2_raw": 1920, "in_current3_raw": 3200}
        scales = {"in_voltage0_scale": 0.01, "in_voltage1_scale": 4, "in_power2_scale": 20, "in_current3_scale": 1}
        device(tmp_path, name="ina219", **raw, **scales)
        chip = open_chip("iio", root=str(tmp_path))
        assert chip.read() == {"a1": 12.0}
        assert {name: error.at_least for name, error in chip.missing.items()} == pytest.approx(
            {"a0": 0.32, "power": 38.4, "current": 3.2}
        )

    def test_a_current_whose_voltage_was_not_chosen_is_beyond_the_scale_with_it(self, tmp_path):
        raw = {"in_voltage0_raw": -32000, "in_voltage0_scale": 0.01, "in_current3_raw": -3200, "in_current3_scale": 1}
        device(tmp_path, name="ina219", **raw)
        with pytest.raises(BeyondRange, match=r"-3\.2 A or less"):
            open_chip("iio", channel="current3", root=str(tmp_path)).read()

    def test_a_humidity_that_the_kernel_clipped_to_zero_is_a_dead_element(self, tmp_path):
        device(tmp_path, name="bme280", in_temp_input=21000, in_humidityrelative_input="0.000000000")
        chip = open_chip("iio", root=str(tmp_path))
        assert chip.read() == {"temperature": 21.0}
        assert isinstance(chip.missing["humidity"], InvalidReading)

    def test_adds_the_offset_before_it_scales(self, tmp_path):
        device(tmp_path, name="adc", in_temp_raw=1000, in_temp_offset=-500, in_temp_scale=50)
        assert open_chip("iio", device="adc", root=str(tmp_path)).read() == {"temperature": 25.0}

    def test_takes_the_channels_own_scale_before_the_shared_one(self, tmp_path):
        device(tmp_path, name="adc", in_voltage0_raw=100, in_voltage1_raw=100, in_voltage_scale=1, in_voltage1_scale=2)
        assert open_chip("iio", root=str(tmp_path)).read() == {"a0": 0.1, "a1": 0.2}

    @pytest.mark.parametrize("where", ["in_voltage0-voltage1", "in_voltage-voltage", "in", ""])
    def test_a_difference_takes_its_own_scale_or_a_shared_one(self, tmp_path, where):
        files = {"in_voltage0-voltage1_raw": -1600, "in_voltage_scale": 99, f"{where}_scale".lstrip("_"): 0.1875}
        device(tmp_path, name="ads1115", **files)
        assert open_chip("iio", root=str(tmp_path)).read() == {"a0_a1": pytest.approx(-0.3)}

    def test_a_difference_does_not_take_the_scale_of_single_inputs(self, tmp_path):
        device(tmp_path, name="adc", **{"in_voltage0-voltage1_raw": 5, "in_voltage_scale": 1})
        with pytest.raises(NotSupported, match="no scale"):
            open_chip("iio", root=str(tmp_path)).read()

    def test_a_numbered_channel_takes_the_scale_of_its_kind(self, tmp_path):
        files = {"in_concentration0_co2_raw": 400, "in_concentration1_voc_raw": 120}
        device(tmp_path, name="gas", **files, in_concentration_co2_scale=0.0001, in_concentration_scale=0.0000001)
        assert open_chip("iio", root=str(tmp_path)).read() == {
            "co2": pytest.approx(400.0),
            "tvoc": pytest.approx(120.0),
        }

    def test_a_current_without_a_scale_is_in_milliamperes(self, tmp_path):
        device(tmp_path, name="meter", in_current0_raw=-250, in_voltage0_supply_raw=5000, in_voltage_scale=1)
        assert open_chip("iio", root=str(tmp_path)).read() == {"current": -0.25, "voltage": 5.0}

    def test_particles_by_size_keep_their_names(self, tmp_path):
        names = {"pm1": 6.2, "pm2p5": 8.4, "pm4": 9.9, "pm10": 10.7}
        device(tmp_path, name="sps30", **{f"in_massconcentration_{name}_input": value for name, value in names.items()})
        chip = open_chip("iio", root=str(tmp_path))
        assert chip.read() == {"pm1": 6.2, "pm2_5": 8.4, "pm4": 9.9, "pm10": 10.7}
        assert {one.unit for one in chip.quantities} == {"µg/m³"}

    def test_two_sensors_of_particles_do_not_mix_up_pm1_and_pm10(self, tmp_path):
        names = ("0_pm1", "1_pm1", "0_pm10")
        device(tmp_path, name="x", **{f"in_massconcentration{name}_input": n for n, name in enumerate(names)})
        assert open_chip("iio", root=str(tmp_path)).read() == {"pm1_0": 0.0, "pm1_1": 1.0, "pm10": 2.0}

    def test_what_has_no_unit_is_told_as_the_chip_counts(self, tmp_path):
        files = {
            "in_proximity_raw": 1800,
            "in_proximity_scale": 0.25,
            "in_intensity_uva_raw": 740,
            "in_uvindex_input": 5,
        }
        device(tmp_path, name="light", **files, in_intensity_scale=3, in_intensity_both_raw=9)
        chip = open_chip("iio", root=str(tmp_path))
        assert chip.read() == {"proximity": 1800.0, "uva": 740.0, "uv_index": 5.0}
        assert {one.unit for one in chip.quantities} == {""}

    def test_refuses_a_raw_number_without_a_scale(self, tmp_path):
        device(tmp_path, name="adc", in_voltage0_raw=100)
        with pytest.raises(NotSupported, match="no scale"):
            open_chip("iio", root=str(tmp_path)).read()

    def test_names_the_channels_that_are_there(self, tmp_path):
        device(tmp_path, name="bmp280", in_temp_input=21000)
        with pytest.raises(NotSupported, match=r"no in_pressure.*in_temp"):
            open_chip("iio", channel=["temp", "pressure"], root=str(tmp_path)).read()

    @pytest.mark.parametrize("which", ["bme280", 1, "1", "iio:device1", "PATH"])
    def test_is_found_by_name_number_or_path(self, tmp_path, which):
        device(tmp_path, name="other", in_temp_input=1000)
        path = device(tmp_path, "sys/bus/iio/devices/iio:device1", name="bme280", in_temp_input=21000)
        which = str(path) if which == "PATH" else which
        assert open_chip("iio", device=which, root=str(tmp_path)).read() == {"temperature": 21.0}

    def test_follows_its_device_to_another_number(self, tmp_path):
        path = device(tmp_path, name="bme280", in_temp_input=21000)
        chip = open_chip("iio", device="bme280", root=str(tmp_path))
        chip.read()
        path.rename(path.with_name("iio:device3"))
        with pytest.raises(NoAcknowledge):
            chip.read()
        assert chip.read() == {"temperature": 21.0}

    @pytest.mark.parametrize("options", [{"channel": "smell"}, {"channel": ["temp", "temp"]}, {"device": 1.5}])
    def test_refuses_a_wrong_option_when_it_is_made(self, options):
        with pytest.raises(ValueError, match=r"channel|device"):
            open_chip("iio", **options)


class TestHwmon:
    @pytest.mark.parametrize("name", FakeHwmon.units)
    def test_reports_each_kind_of_channel_in_our_unit(self, tmp_path, name):
        fake = fake_chip("hwmon", root=tmp_path, options={"channel": name})
        chip = open_chip("hwmon", channel=name, **fake.wiring)
        (quantity,) = chip.quantities
        assert chip.read() == {quantity.name: pytest.approx(fake.world[quantity.name], rel=1e-3)}

    def test_current_and_power_over_a_shunt_at_its_stop_are_beyond_the_scale(self, tmp_path):
        files = {"in0_input": 320, "in1_input": 12000, "curr1_input": 3200, "power1_input": 38400000}
        device(tmp_path, "sys/class/hwmon/hwmon0", name="ina219", **files)
        chip = open_chip("hwmon", root=str(tmp_path))
        assert chip.read() == {"voltage1": 12.0}
        assert {name: error.at_least for name, error in chip.missing.items()} == pytest.approx(
            {"voltage0": 0.32, "power": 38.4, "current": 3.2}
        )

    def test_energy_is_in_joules(self, tmp_path):
        device(tmp_path, "sys/class/hwmon/hwmon0", name="meter", energy1_input=7_200_000_000, energy2_input=500_000)
        chip = open_chip("hwmon", root=str(tmp_path))
        assert chip.read() == {"energy1": pytest.approx(7200.0), "energy2": pytest.approx(0.5)}
        assert {one.unit for one in chip.quantities} == {"J"}

    def test_tells_two_of_a_kind_apart(self, tmp_path):
        device(tmp_path, "sys/class/hwmon/hwmon0", name="x", temp1_input=1000, temp2_input=2000, in0_input=5000)
        values = open_chip("hwmon", root=str(tmp_path)).read()
        assert values == {"temperature1": 1.0, "temperature2": 2.0, "voltage": 5.0}

    def test_refuses_a_sensor_that_the_chip_calls_faulty(self, tmp_path):
        path = device(tmp_path, "sys/class/hwmon/hwmon0", name="x", temp1_input=1000, temp1_fault=1)
        chip = open_chip("hwmon", root=str(tmp_path))
        with pytest.raises(InvalidReading, match="temp1_fault"):
            chip.read()
        (path / "temp1_fault").write_text("0\n")
        assert chip.read() == {"temperature": 1.0}


class TestDht:
    @pytest.fixture
    def fake(self, tmp_path):
        return fake_chip("dht", root=tmp_path)

    @pytest.fixture
    def chip(self, fake):
        chip, time = open_chip("dht", **fake.wiring), FakeTime()
        chip.clock, chip.sleep = time, time.sleep
        return chip

    @pytest.mark.parametrize("temperature", [-40, -0.1, 0, 25.5, 80])
    def test_reports_what_its_fake_feels(self, fake, chip, temperature):
        fake.feel(temperature=temperature, humidity=33.3)
        assert chip.read() == {"temperature": pytest.approx(temperature), "humidity": pytest.approx(33.3)}

    def test_leaves_the_sensor_two_seconds_after_a_failure_and_only_then(self, fake, chip):
        chip.read()
        began = chip.clock.now
        chip.read()
        assert chip.clock.now == began
        fake.suffer("corrupt")
        with pytest.raises(ChecksumError):
            chip.read()
        fake.heal()
        chip.read()
        assert chip.clock.now - began == pytest.approx(2.0)

    def test_no_whole_frame_is_no_answer(self, chip, mocker):
        chip.setup()
        error = sysfs.named(OSError(errno.ETIMEDOUT, "Connection timed out"), "dht", chip.folder)
        mocker.patch.object(sysfs, "read_text", side_effect=error)
        with pytest.raises(NoAcknowledge, match="no whole frame"):
            chip.read()

    def test_is_told_from_other_iio_devices(self, tmp_path, fake):
        fake_chip("iio", root=tmp_path)
        assert open_chip("dht", root=str(tmp_path)).read()["humidity"] == pytest.approx(48.0)

    def test_is_not_another_iio_device(self, tmp_path):
        device(tmp_path, name="bmp280", in_temp_input=1000)
        with pytest.raises(NoAcknowledge, match="no DHT"):
            open_chip("dht", device="bmp280", root=str(tmp_path)).read()

    def test_has_a_bus_of_its_own(self):
        assert open_chip("dht", device="dht11@4").bus_name != open_chip("dht", device="dht11@5").bus_name


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOENT, NoAcknowledge),
        (errno.ENODEV, NoAcknowledge),
        (errno.EBUSY, NotReady),
        (errno.EAGAIN, NotReady),
        (errno.EACCES, AccessDenied),
        (errno.EROFS, AccessDenied),
        (errno.EINVAL, NotSupported),
        (errno.EBADMSG, ChecksumError),
    ],
)
def test_the_kernels_errno_becomes_a_named_error(tmp_path, mocker, number, kind):
    mocker.patch("pathlib.Path.read_bytes", side_effect=OSError(number, "as the kernel says"))
    with pytest.raises(kind, match="me: ") as caught:
        sysfs.read_number(tmp_path / "file", "me")
    assert isinstance(caught.value, PermanentError) or caught.value.errno == number


def test_a_text_that_is_no_number_is_no_reading(tmp_path):
    (tmp_path / "x").write_text("fast\n")
    with pytest.raises(InvalidReading, match="fast"):
        sysfs.read_number(tmp_path / "x", "me")


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("in_distance_input", "-1"),
        ("in_distance_input", "1e300"),
        ("in_uvindex_input", "-1"),
        ("in_concentration_co2_input", "0"),
        ("in_concentration_voc_input", "-0.001"),
        ("in_resistance_input", "-5"),
        ("in_energy_input", "-5"),
    ],
)
def test_what_cannot_be_is_no_reading(tmp_path, file, text):
    device(tmp_path, name="chip", **{file: text})
    with pytest.raises(InvalidReading, match="outside of"):
        open_chip("iio", root=str(tmp_path)).read()


def test_channels_without_a_unit_are_left_out():
    assert channel("in_intensity", IIO) is None
    assert channel("pwm1", HWMON) is None
    assert [c.quantity.name for c in unique([channel("temp1", HWMON)])] == ["temperature"]


class TestWhatStaysTheSameAtAReboot:
    @staticmethod
    def two_alike(root, *, numbers=(0, 1), subsystem="iio"):
        """Two BME280 on one bus; which number each gets depends on the order in which they were found."""
        for number, place, celsius in zip(numbers, ("1-0076", "1-0077"), (-18.0, 21.0), strict=True):
            parent = root / "sys/devices/platform/soc/i2c-1" / place
            node = parent / f"iio:device{number}" if subsystem == "iio" else parent / f"hwmon/hwmon{number}"
            node.mkdir(parents=True)
            (node / "name").write_text("bme280\n")
            (node / ("in_temp_input" if subsystem == "iio" else "temp1_input")).write_text(f"{celsius * 1000:.0f}\n")
            entries = root / ("sys/bus/iio/devices" if subsystem == "iio" else "sys/class/hwmon")
            entries.mkdir(parents=True, exist_ok=True)
            (entries / node.name).symlink_to(node)

    @pytest.mark.parametrize("subsystem", ["iio", "hwmon"])
    @pytest.mark.parametrize("numbers", [(0, 1), (1, 0)])
    def test_bus_and_address_name_the_same_device(self, tmp_path, numbers, subsystem):
        self.two_alike(tmp_path, numbers=numbers, subsystem=subsystem)
        freezer = open_chip(subsystem, device="1-0076", root=str(tmp_path))
        assert freezer.read() == {"temperature": -18.0}

    @pytest.mark.parametrize("numbers", [(0, 1), (1, 0)])
    def test_so_does_the_path_of_the_parent(self, tmp_path, numbers):
        self.two_alike(tmp_path, numbers=numbers)
        path = str(tmp_path / "sys/devices/platform/soc/i2c-1/1-0077")
        assert open_chip("iio", device=path).read() == {"temperature": 21.0}
        self.two_alike(tmp_path / "hwmon", numbers=numbers, subsystem="hwmon")
        path = str(tmp_path / "hwmon/sys/devices/platform/soc/i2c-1/1-0077")
        assert open_chip("hwmon", path=path).read() == {"temperature": 21.0}

    @pytest.mark.parametrize("numbers", [(0, 1), (1, 0)])
    def test_so_does_a_label_of_the_device_tree(self, tmp_path, numbers):
        self.two_alike(tmp_path, numbers=numbers)
        (tmp_path / "sys/devices/platform/soc/i2c-1/1-0076" / f"iio:device{numbers[0]}" / "label").write_text(
            "freezer\n"
        )
        assert open_chip("iio", device="freezer", root=str(tmp_path)).read() == {"temperature": -18.0}

    def test_so_does_the_label_where_only_the_device_tree_itself_shows_it(self, tmp_path):
        self.two_alike(tmp_path)
        node = tmp_path / "sys/devices/platform/soc/i2c-1/1-0076/of_node"
        node.mkdir()
        (node / "label").write_bytes(b"freezer\0")
        assert open_chip("iio", device="freezer", root=str(tmp_path)).read() == {"temperature": -18.0}

    def test_the_error_recommends_it(self, tmp_path):
        self.two_alike(tmp_path)
        with pytest.raises(PermanentError, match='write `device =` one of "1-0076", "1-0077"'):
            open_chip("iio", device="bme280", root=str(tmp_path)).read()

    @pytest.mark.parametrize(
        ("device", "cure"),
        [
            ("iio:device1", '"1-0077"'),
            (1, '"1-0077"'),
            ("1", '"1-0077"'),
            ("/sys/bus/iio/devices/iio:device0", '"1-0076"'),
        ],
    )
    def test_a_number_works_and_has_a_cure(self, tmp_path, device, cure):
        self.two_alike(tmp_path)
        assert Iio.moving(device, str(tmp_path)) == f"write device = {cure}"
        if not str(device).startswith("/"):
            assert open_chip("iio", device=device, root=str(tmp_path)).read() == {"temperature": 21.0}

    @pytest.mark.parametrize("device", [None, "bme280", "1-0076", "freezer", "/sys/bus/i2c/devices/1-0076", "dht11@4"])
    def test_a_name_needs_none(self, tmp_path, device):
        assert Iio.moving(device, str(tmp_path)) is None
        assert Hwmon.moving(device, str(tmp_path)) is None

    def test_the_only_one_of_its_name_is_called_by_it(self, tmp_path):
        fake_chip("hwmon", root=tmp_path)
        assert Hwmon.moving("hwmon0", str(tmp_path)) == 'write device = "ds3231"'

    def test_the_cure_says_what_to_look_for_on_another_machine(self, tmp_path):
        assert "1-0076" in Hwmon.moving("hwmon3", str(tmp_path))


class TestParts:
    def test_a_channel_that_cannot_be_read_costs_only_itself(self, tmp_path):
        path = device(tmp_path, name="bme680", in_temp_input=21000, in_humidityrelative_input=45000)
        (path / "in_resistance_input").mkdir()  # the heater is not stable: reading it fails
        chip = open_chip("iio", root=str(tmp_path))
        assert chip.read() == {"temperature": 21.0, "humidity": 45.0}
        assert isinstance(chip.missing["gas_resistance"], BusError)

    def test_a_faulty_sensor_of_several_costs_only_itself(self, tmp_path):
        device(tmp_path, "sys/class/hwmon/hwmon0", name="x", temp1_input=1000, temp2_input=2000, temp1_fault=1)
        chip = open_chip("hwmon", root=str(tmp_path))
        assert chip.read() == {"temperature2": 2.0}
        assert isinstance(chip.missing["temperature1"], InvalidReading)

    def test_in_fog_the_humidity_is_100_and_the_temperature_is_told(self, tmp_path):
        device(tmp_path, "sys/class/hwmon/hwmon0", name="sht4x", temp1_input=8500, humidity1_input=100350)
        assert open_chip("hwmon", root=str(tmp_path)).read() == {"temperature": 8.5, "humidity": 100.0}

    def test_a_humidity_far_beyond_100_is_no_reading(self, tmp_path):
        device(tmp_path, "sys/class/hwmon/hwmon0", name="sht4x", temp1_input=8500, humidity1_input=247000)
        chip = open_chip("hwmon", root=str(tmp_path))
        assert chip.read() == {"temperature": 8.5}

    def test_a_device_that_does_not_answer_in_time_is_asked_once(self, tmp_path, mocker):
        device(tmp_path, name="bme280", in_temp_input=21000, in_pressure_input=101.3)
        chip = open_chip("iio", root=str(tmp_path))
        chip.setup()
        error = sysfs.named(OSError(errno.ETIMEDOUT, "Connection timed out"), "iio", chip.folder)
        read = mocker.patch.object(sysfs, "read_text", side_effect=error)
        with pytest.raises(BusTimeout):
            chip.read()
        assert read.call_count == 1


@pytest.mark.parametrize(
    ("chip", "channel", "raw", "scale", "bound"),
    [
        ("vl53l0x", "distance", 8190, 0.001, "2000 mm or more"),
        ("vl53l0x", "distance", 8191, 0.001, "2000 mm or more"),
        ("bh1750", "illuminance", 65535, 1, "65535 lx or more"),
        ("ads1115", "voltage0", 32767, 0.125, "4.09588 V or more"),
        ("ads1115", "voltage0", -32768, 0.125, "-4.096 V or less"),
        ("ads1015", "voltage1", 2047, 2, "4.094 V or more"),
        ("mcp3008", "voltage0", 1023, 3.22265625, "3.29678 V or more"),
        ("mcp3208", "voltage7", 4095, 0.8, "3.276 V or more"),
    ],
)
def test_a_raw_number_at_which_the_chip_stops_is_no_value(tmp_path, chip, channel, raw, scale, bound):
    files = {f"in_{channel}_raw": raw, f"in_{channel}_scale": scale}
    path = device(tmp_path, name=chip, **files)
    sensor = open_chip("iio", root=str(tmp_path))
    with pytest.raises(BeyondRange, match=bound):
        sensor.read()
    (path / f"in_{channel}_raw").write_text("700\n")
    assert sensor.read()


@pytest.mark.parametrize("folder", ["scan_elements", "buffer0"])
def test_where_the_kernel_says_how_many_digits_there_are_their_ends_are_no_value(tmp_path, folder):
    path = device(
        tmp_path, name="adc", in_voltage0_raw=511, in_voltage0_scale=1, in_voltage1_raw=5, in_voltage1_scale=1
    )
    (path / folder).mkdir()
    for number, kind in ((0, "le:s10/16>>6"), (1, "be:u12/16>>0")):
        (path / f"{folder}/in_voltage{number}_type").write_text(f"{kind}\n")
    chip = open_chip("iio", root=str(tmp_path))
    assert chip.read() == {"a1": 0.005}
    assert isinstance(chip.missing["a0"], BeyondRange)


@pytest.mark.parametrize(
    ("millidegrees", "celsius"), [(-3275900, -0.9), (-3276700, -0.1), (-3256800, -20.0), (-12300, -12.3)]
)
def test_a_clone_of_the_dht22_that_counts_in_twos_complement_is_understood(tmp_path, millidegrees, celsius):
    device(tmp_path, name="dht11@4", in_temp_input=millidegrees, in_humidityrelative_input=93000)
    assert open_chip("dht", root=str(tmp_path)).read() == {"temperature": pytest.approx(celsius), "humidity": 93.0}

"""IIO, hwmon, DHT: units of the kernel become ours; channels are chosen, found, told apart."""

import errno

import pytest

from drivers import open_chip
from drivers.bus import sysfs
from drivers.errors import (
    AccessDenied,
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

    def test_adds_the_offset_before_it_scales(self, tmp_path):
        device(tmp_path, name="adc", in_temp_raw=1000, in_temp_offset=-500, in_temp_scale=50)
        assert open_chip("iio", device="adc", root=str(tmp_path)).read() == {"temperature": 25.0}

    def test_takes_the_channels_own_scale_before_the_shared_one(self, tmp_path):
        device(tmp_path, name="adc", in_voltage0_raw=100, in_voltage1_raw=100, in_voltage_scale=1, in_voltage1_scale=2)
        assert open_chip("iio", root=str(tmp_path)).read() == {"a0": 0.1, "a1": 0.2}

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


def test_channels_without_a_unit_are_left_out():
    assert channel("in_intensity", IIO) is None
    assert channel("pwm1", HWMON) is None
    assert [c.quantity.name for c in unique([channel("temp1", HWMON)])] == ["temperature"]

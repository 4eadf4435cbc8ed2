"""Laws that every kernel sensor keeps: what its fake feels, or an error, and well again when the fault has passed."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from drivers import open_chip
from drivers.errors import BusError, ChecksumError, NoAcknowledge, TransientError
from drivers.fakes import FakeTime, fake_chip

NAMES = ("ds18b20", "dht", "iio", "hwmon", "host")


def pair(name, root, **options):
    fake = fake_chip(name, root=root, options=options)
    chip = open_chip(name, **{**options, **fake.wiring})
    chip.clock = chip.sleep = None
    time = FakeTime()
    chip.clock, chip.sleep = time, time.sleep
    return fake, chip


@pytest.mark.parametrize("name", NAMES)
class TestEveryKernelSensor:
    def test_touches_nothing_before_it_is_read(self, name, tmp_path):
        open_chip(name, root=str(tmp_path / "nowhere"))

    def test_reports_what_its_fake_feels(self, name, tmp_path):
        fake, chip = pair(name, tmp_path)
        values = chip.read()
        steps = {q.name: max(q.step, 0.001) for q in chip.quantities}
        assert values.keys() >= fake.world.keys()
        for quantity, felt in fake.world.items():
            assert values[quantity] == pytest.approx(felt, abs=steps[quantity])

    def test_raises_or_tells_the_truth_in_every_fault_and_recovers(self, name, tmp_path):
        fake, chip = pair(name, tmp_path)
        good = chip.read()
        for kind in set(fake.kinds) - {"hang", "frozen"}:
            fake.suffer(kind)
            for _ in range(3):
                with pytest.raises(TransientError):
                    chip.read()
            fake.heal()
            assert {**chip.read(), "disk": 0} == {**good, "disk": 0}, kind

    @pytest.mark.skipif(sys.platform != "linux", reason="reading /proc/self/mem is how a file answers EIO")
    def test_names_the_kernels_io_error(self, name, tmp_path):
        fake, chip = pair(name, tmp_path)
        fake.suffer("eio")
        with pytest.raises(ChecksumError if name == "dht" else BusError, match=name):
            chip.read()

    def test_returns_from_a_read_that_hung(self, name, tmp_path):
        fake, chip = pair(name, tmp_path)
        chip.setup()
        fake.suffer("hang")
        outcomes = []

        def read():
            try:
                outcomes.append(chip.read())
            except TransientError as error:
                outcomes.append(error)

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        while reader.is_alive():
            fake.heal()
            fake.suffer("hang")
            reader.join(0.01)
        fake.heal()
        assert outcomes
        assert chip.read()

    def test_says_which_bus(self, name, tmp_path):
        assert pair(name, tmp_path)[1].bus_name.partition("-")[0] in ("w1", "dht", "iio", "hwmon", "host")


@pytest.mark.parametrize("name", ["ds18b20", "dht", "iio", "hwmon"])
class TestEveryKernelDevice:
    def test_says_how_to_get_the_kernels_driver(self, name, tmp_path):
        with pytest.raises(TransientError, match="dtoverlay"):
            open_chip(name, root=str(tmp_path)).read()

    def test_says_which_others_are_there_and_finds_it_when_it_comes(self, name, tmp_path):
        wanted = {"ds18b20": "28-0000000000ff", "dht": "dht11@9", "iio": "bmp280", "hwmon": "lm75"}[name]
        other, _ = pair(name, tmp_path)
        chip = open_chip(name, device=wanted, root=str(tmp_path))
        with pytest.raises(NoAcknowledge) as caught:
            chip.read()
        assert wanted in str(caught.value)
        assert other.device in str(caught.value)
        fake_chip(name, root=tmp_path, device=wanted)
        assert chip.read()["temperature"]

    def test_asks_which_one_where_several_are(self, name, tmp_path):
        from drivers.errors import PermanentError

        fake_chip(name, root=tmp_path)
        fake_chip(name, root=tmp_path)
        with pytest.raises(PermanentError, match="which one"):
            open_chip(name, root=str(tmp_path)).read()

    @pytest.mark.parametrize("device", ["", True, 1.5])
    def test_refuses_a_device_that_can_be_none(self, name, device):
        with pytest.raises((ValueError, TypeError)):
            open_chip(name, device=device)


def test_the_drivers_need_neither_gpiozero_nor_smbus2():
    code = (
        "import sys; sys.modules['smbus2'] = sys.modules['gpiozero'] = None\nfrom drivers.bus import sysfs; sys.exit(0)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("kind", [str, Path])
@pytest.mark.parametrize("name", ["ds18b20", "dht", "iio", "hwmon"])
def test_is_read_by_the_path_of_its_folder(name, kind, tmp_path):
    fake = fake_chip(name, root=tmp_path)
    values = open_chip(name, path=kind(tmp_path / fake.folder)).read()
    assert values == pytest.approx(fake.world, abs=0.1)


@pytest.mark.parametrize("name", ["ds18b20", "dht", "iio", "hwmon"])
def test_a_path_that_is_not_there_is_named(name, tmp_path):
    with pytest.raises(NoAcknowledge, match="nowhere"):
        open_chip(name, path=tmp_path / "nowhere").read()


@pytest.mark.parametrize("name", ["dht", "iio", "hwmon"])
@pytest.mark.parametrize("wrong", [{"path": 5}, {"path": ""}, {"path": "/sys", "device": "x"}])
def test_refuses_a_wrong_path_when_it_is_made(name, wrong):
    with pytest.raises(ValueError, match="path"):
        open_chip(name, **wrong)


@pytest.mark.parametrize(
    ("name", "device"), [("iio", "1-0076"), ("iio", "iio:device3"), ("hwmon", "1-0068"), ("hwmon", "hwmon5")]
)
def test_a_fake_is_found_by_its_place_or_its_number(name, device, tmp_path):
    fake = fake_chip(name, root=tmp_path, device=device)
    assert open_chip(name, **fake.wiring).read() == pytest.approx(fake.world, abs=0.1)
    model = {"iio": "bme280", "hwmon": "ds3231"}[name]
    assert open_chip(name, device=model, root=str(tmp_path)).read()

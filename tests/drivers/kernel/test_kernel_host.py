"""Host: what a machine has is reported, what it lacks is left out, what was asked for must be there."""

import types

import pytest

from drivers import open_chip
from drivers.errors import InvalidReading, NotSupported
from drivers.fakes import fake_chip


@pytest.fixture
def fake(tmp_path):
    return fake_chip("host", root=tmp_path)


def host(tmp_path, **options):
    chip = open_chip("host", root=str(tmp_path), **options)
    chip.usage = lambda path: types.SimpleNamespace(f_blocks=1000, f_bfree=400, f_bavail=300)
    return chip


def test_a_raspberry_pi_has_everything(fake, tmp_path):
    fake.feel(temperature=61.2, load=1.5, memory=75.0)
    values = host(tmp_path).read()
    assert values == {
        "temperature": 61.2,
        "load": 1.5,
        "memory": pytest.approx(75.0),
        "disk": pytest.approx(100 * 600 / 900),  # as df: the reserve of root is not ours
        "under_voltage": 0,
        "throttled": 0,
    }


def test_a_machine_without_a_thermometer_is_still_of_use(tmp_path):
    chip = host(tmp_path)
    assert chip.read().keys() == {"disk"}
    assert [q.name for q in chip.quantities] == ["disk"]


def test_this_very_machine_can_be_read():
    assert "disk" in open_chip("host").read()


def test_what_was_asked_for_must_be_there(tmp_path):
    with pytest.raises(NotSupported, match="temperature"):
        host(tmp_path, quantities=["temperature", "disk"]).read()


def test_only_what_was_asked_for_is_read(fake, tmp_path):
    assert host(tmp_path, quantities=["load"]).read() == {"load": 0.3}


@pytest.mark.parametrize(
    ("text", "under_voltage", "throttled"),
    [("0", 0, 0), ("1", 1, 0), ("50005", 1, 1), ("50000", 0, 0), ("8", 0, 1), ("2", 0, 1)],
)
def test_the_firmwares_flags_count_while_they_last(fake, tmp_path, text, under_voltage, throttled):
    (tmp_path / "sys/devices/platform/soc/soc:firmware/get_throttled").write_text(text + "\n")
    values = host(tmp_path).read()
    assert (values["under_voltage"], values["throttled"]) == (under_voltage, throttled)


def test_an_alarm_of_rpi_volt_is_under_voltage(tmp_path):
    folder = tmp_path / "sys/class/hwmon/hwmon1"
    folder.mkdir(parents=True)
    (folder / "name").write_text("rpi_volt\n")
    (folder / "in0_lcrit_alarm").write_text("1\n")
    assert host(tmp_path, quantities=["under_voltage"]).read() == {"under_voltage": 1}


@pytest.mark.parametrize(("file", "text"), [("proc/loadavg", ""), ("proc/meminfo", "MemTotal: 5 kB\n")])
def test_a_file_that_says_something_else_is_no_reading(fake, tmp_path, file, text):
    (tmp_path / file).write_text(text)
    with pytest.raises(InvalidReading):
        host(tmp_path).read()


@pytest.mark.parametrize("quantities", [["mood"], []])
def test_refuses_a_wrong_option_when_it_is_made(quantities):
    with pytest.raises(ValueError, match="quantities"):
        open_chip("host", quantities=quantities)

"""DS18B20: the frames of the data sheet, and those that are no reading."""

import pytest

from drivers import open_chip
from drivers.errors import ChecksumError, InvalidReading, NoAcknowledge
from drivers.fakes import fake_chip


def slave(tmp_path, frame, millidegrees, verdict="YES"):
    folder = tmp_path / "28-0000075a1b2c"
    folder.mkdir(exist_ok=True)
    crc = frame.split()[-1]
    (folder / "w1_slave").write_text(f"{frame} : crc={crc} {verdict}\n{frame} t={millidegrees}\n")
    return folder


@pytest.mark.parametrize(
    ("frame", "millidegrees", "celsius"),
    [
        ("72 01 4b 46 7f ff 0e 10 57", 23125, 23.125),
        ("5e ff 4b 46 7f ff 02 10 9e", -10125, -10.125),
        ("90 fc 4b 46 7f ff 10 10 b7", -55000, -55.0),
        ("00 00 4b 46 7f ff 10 10 4d", 0, 0.0),
        ("50 05 4b 46 7f ff 10 10 6d", 85000, 85.0),  # a true 85 °C
    ],
)
def test_reads_the_frames_of_the_data_sheet(tmp_path, frame, millidegrees, celsius):
    assert open_chip("ds18b20", path=str(slave(tmp_path, frame, millidegrees))).read() == {"temperature": celsius}


@pytest.mark.parametrize(
    ("frame", "millidegrees", "why"),
    [
        ("50 05 4b 46 7f ff 0c 10 1c", 85000, "power-on value"),
        ("ff 07 4b 46 7f ff 0c 10 b0", 127937, "no power during the conversion"),
        ("00 00 00 00 00 00 00 00 00", 0, "no pull-up"),
        ("ff ff ff ff ff ff ff ff c9", -62, "no device drives"),
        ("00 08 4b 46 7f ff 10 10 00", 128000, "outside"),
    ],
)
def test_refuses_what_is_whole_but_no_reading(tmp_path, frame, millidegrees, why):
    with pytest.raises(InvalidReading, match=why):
        open_chip("ds18b20", path=str(slave(tmp_path, frame, millidegrees))).read()


def test_refuses_a_damaged_frame_whatever_its_temperature_says(tmp_path):
    folder = slave(tmp_path, "72 01 4b 46 7f ff 0e 10 57", 23125, verdict="NO")
    with pytest.raises(ChecksumError, match="72 01"):
        open_chip("ds18b20", path=str(folder)).read()


def test_an_empty_file_is_a_failed_read_and_the_next_one_works(tmp_path):
    folder = slave(tmp_path, "72 01 4b 46 7f ff 0e 10 57", 23125)
    chip = open_chip("ds18b20", path=str(folder))
    text = (folder / "w1_slave").read_text()
    (folder / "w1_slave").write_text("")
    with pytest.raises(NoAcknowledge, match="empty"):
        chip.read()
    (folder / "w1_slave").write_text(text)
    assert chip.read() == {"temperature": 23.125}


@pytest.mark.parametrize("text", ["garbage", "72 01 4b : crc=57 YES\n72 01 4b t=23125", "\x00\xff\n"])
def test_refuses_what_is_no_frame(tmp_path, text):
    (tmp_path / "w1_slave").write_text(text)
    with pytest.raises(InvalidReading, match="no frame"):
        open_chip("ds18b20", path=str(tmp_path)).read()


def test_takes_the_file_as_well_as_its_folder(tmp_path):
    folder = slave(tmp_path, "72 01 4b 46 7f ff 0e 10 57", 23125)
    assert open_chip("ds18b20", path=str(folder / "w1_slave")).read() == {"temperature": 23.125}


@pytest.mark.parametrize("sixteenths", range(-55 * 16, 125 * 16 + 1, 37))
def test_reports_what_its_fake_feels_over_the_whole_range(tmp_path, sixteenths):
    fake = fake_chip("ds18b20", root=tmp_path, temperature=sixteenths / 16)
    assert open_chip("ds18b20", **fake.wiring).read()["temperature"] == pytest.approx(sixteenths / 16, abs=0.001)


@pytest.mark.parametrize(
    "options", [{"device": "28-xyz"}, {"device": "99-000000000001"}, {"device": "28-000000000001", "path": "x"}]
)
def test_refuses_a_wrong_option_when_it_is_made(options):
    with pytest.raises(ValueError, match="device"):
        open_chip("ds18b20", **options)


def test_says_that_the_file_is_missing_when_the_folder_stayed(tmp_path):
    folder = slave(tmp_path, "72 01 4b 46 7f ff 0e 10 57", 23125)
    chip = open_chip("ds18b20", path=folder)
    chip.read()
    (folder / "w1_slave").unlink()
    for _ in range(2):
        with pytest.raises(NoAcknowledge, match=r"w1_slave.*missing"):
            chip.read()


@pytest.mark.parametrize("path", ["", 5, True])
def test_refuses_what_is_no_path(path):
    with pytest.raises(ValueError, match="path"):
        open_chip("ds18b20", path=path)

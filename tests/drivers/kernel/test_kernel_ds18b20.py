"""DS18B20: the frames of the data sheet, and those that are no reading."""

import pytest

from drivers import open_chip
from drivers.bus import sysfs
from drivers.errors import AccessDenied, ChecksumError, InvalidReading, NoAcknowledge
from drivers.fakes import FakeTime, fake_chip
from drivers.kernel.ds18b20 import Ds18b20
from drivers.kernel.together import Conversions


def slave(tmp_path, frame, millidegrees, verdict="YES", device="28-0000075a1b2c"):
    folder = tmp_path / device
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


@pytest.mark.parametrize(
    ("device", "frame", "millidegrees"),
    [
        ("10-000801b1d1c4", "aa 00 4b 46 ff ff 0c 10 87", 85000),  # DS18S20
        ("22-000000000001", "50 05 4b 46 7f ff 0c 10 1c", 85000),  # DS1822
        ("3b-000000000001", "50 05 4b 46 7f ff 0c 10 1c", 85000),  # DS1825
        ("42-000000000001", "50 05 4b 46 7f ff 0c 10 1c", 85000),  # DS28EA00
    ],
)
def test_refuses_the_power_on_value_of_each_family(tmp_path, device, frame, millidegrees):
    with pytest.raises(InvalidReading, match="power-on value"):
        open_chip("ds18b20", path=slave(tmp_path, frame, millidegrees, device=device)).read()


@pytest.mark.parametrize(
    ("frame", "millidegrees", "celsius"),
    [
        ("aa 00 4b 46 ff ff 0b 10 00", 85062, 85.062),
        ("a8 00 4b 46 ff ff 0c 10 00", 84000, 84.0),
        ("32 00 4b 46 ff ff 0c 10 00", 25000, 25.0),
        ("ff ff 4b 46 ff ff 0c 10 00", -1000, -1.0),
    ],
)
def test_reads_a_ds18s20(tmp_path, frame, millidegrees, celsius):
    chip = open_chip("ds18b20", path=slave(tmp_path, frame, millidegrees, device="10-000801b1d1c4"))
    assert chip.read() == {"temperature": celsius}


class TestAThermocouple:
    """A MAX31850, which shares its family with the DS1825."""

    @pytest.mark.parametrize(
        ("frame", "millidegrees", "celsius"),
        [
            ("40 38 90 19 f0 ff ff ff 00", 900000, 900.0),
            ("40 38 90 19 f3 ff ff ff 00", -123953, 900.0),  # as newer kernels misread it
            ("90 01 90 19 f0 ff ff ff 00", 25000, 25.0),
            ("fc ff 90 19 f0 ff ff ff 00", -250, -0.25),
            ("60 f0 90 19 f0 ff ff ff 00", -250000, -250.0),
            ("00 64 90 19 f0 ff ff ff 00", 1600000, 1600.0),
        ],
    )
    def test_is_read_over_its_whole_range(self, tmp_path, frame, millidegrees, celsius):
        chip = open_chip("ds18b20", path=slave(tmp_path, frame, millidegrees, device="3b-000000000001"))
        assert chip.read() == {"temperature": celsius}

    @pytest.mark.parametrize(("bits", "fault"), [(1, "open"), (2, "shorted to ground"), (4, "shorted to VDD")])
    def test_that_is_broken_is_named(self, tmp_path, bits, fault):
        frame = f"41 38 9{bits} 19 f0 ff ff ff 00"
        with pytest.raises(InvalidReading, match=fault):
            open_chip("ds18b20", path=slave(tmp_path, frame, 0, device="3b-000000000001")).read()

    def test_has_a_range_of_its_own(self):
        assert open_chip("ds18b20", device="3b-000000000001").quantities[0].high == 1768.0
        assert open_chip("ds18b20", device="28-000000000001").quantities[0].high == 125.0

    def test_is_not_a_ds1825(self, tmp_path):
        folder = slave(tmp_path, "72 01 4b 46 7f ff 0e 10 57", 23125, device="3b-000000000001")
        assert open_chip("ds18b20", path=folder).read() == {"temperature": 23.125}


@pytest.mark.parametrize("device", ["10-000801b1d1c4", "22-000000000001", "3b-000000000001", "42-000000000001"])
@pytest.mark.parametrize("celsius", [-20.5, -0.5, 0.0, 21.25, 84.75])
def test_reports_what_a_fake_of_each_family_feels(tmp_path, device, celsius):
    fake = fake_chip("ds18b20", root=tmp_path, device=device, temperature=celsius)
    assert open_chip("ds18b20", **fake.wiring).read()["temperature"] == pytest.approx(celsius, abs=0.001)


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


class TestSeveralOnABus:
    """The bulk conversion, as w1_therm.c has it: a file that takes `trigger`, and reads that are instant after it."""

    CONVERTING = 0.75

    @pytest.fixture
    def time(self):
        return FakeTime()

    @pytest.fixture
    def conversions(self, monkeypatch, time):
        fresh = Conversions(time)
        monkeypatch.setattr(Ds18b20, "conversions", fresh)
        return fresh

    @pytest.fixture
    def master(self, tmp_path, mocker, time):
        """A bus of which the kernel can convert all sensors at once; counts what it costs."""
        folder = tmp_path / "sys/devices/w1_bus_master1"
        converted = set()
        read_text = sysfs.read_text

        def trigger(path, text, who):
            assert (path, text) == (folder / "therm_bulk_read", "trigger\n")
            time.sleep(self.CONVERTING)
            converted.update(entry.name for entry in folder.iterdir() if entry.is_dir())

        def read(path, who):
            if path.name == "w1_slave":
                if path.parent.name not in converted:
                    time.sleep(self.CONVERTING)
                converted.discard(path.parent.name)
            return read_text(path, who)

        mocker.patch.object(sysfs, "write_text", side_effect=trigger)
        mocker.patch.object(sysfs, "read_text", side_effect=read)
        folder.mkdir(parents=True)
        (folder / "therm_bulk_read").write_text("0\n")
        return folder

    @staticmethod
    def sensors(root, count):
        fakes = [fake_chip("ds18b20", root=root, temperature=20.0 + n) for n in range(count)]
        return [open_chip("ds18b20", **fake.wiring) for fake in fakes]

    def test_are_converted_together(self, tmp_path, master, conversions, time):
        chips = self.sensors(tmp_path, 16)
        for expected in (2 * self.CONVERTING, self.CONVERTING, self.CONVERTING):
            began = time.now
            assert [chip.read()["temperature"] for chip in chips] == [20.0 + n for n in range(16)]
            assert time.now - began == pytest.approx(expected)
            time.sleep(10)

    def test_never_report_a_conversion_of_an_earlier_round(self, tmp_path, master, conversions, time):
        often, seldom = self.sensors(tmp_path, 2)
        for chip in (often, seldom, often, often):
            chip.read()
            time.sleep(10)
        began = time.now
        seldom.read()
        assert time.now - began == pytest.approx(self.CONVERTING)

    def test_convert_one_by_one_where_this_user_may_not_start_all(self, tmp_path, master, conversions, time, mocker):
        refused = mocker.patch.object(sysfs, "write_text", side_effect=AccessDenied("w1: no permission"))
        chips = self.sensors(tmp_path, 3)
        for _ in range(2):
            began = time.now
            assert [chip.read()["temperature"] for chip in chips] == [20.0, 21.0, 22.0]
            assert time.now - began == pytest.approx(3 * self.CONVERTING)
        assert refused.call_count == 1

    def test_convert_one_by_one_where_the_kernel_cannot(self, tmp_path, master, conversions, time):
        (master / "therm_bulk_read").unlink()
        chips = self.sensors(tmp_path, 3)
        assert [chip.read()["temperature"] for chip in chips] == [20.0, 21.0, 22.0]
        assert not sysfs.write_text.called

    def test_wait_while_the_kernel_says_that_they_convert(self, tmp_path, master, conversions, time, mocker):
        began = []

        def trigger(path, text, who):
            began.append(time.now)
            path.write_text("-1\n")

        def sleep(seconds):
            time.sleep(seconds)
            if began and time.now >= began[-1] + self.CONVERTING:
                (master / "therm_bulk_read").write_text("1\n")

        mocker.patch.object(sysfs, "write_text", side_effect=trigger)
        mocker.patch.object(sysfs, "read_text", side_effect=lambda path, who: path.read_text().strip())
        chips = self.sensors(tmp_path, 3)
        for chip in chips:
            chip.sleep = sleep
        for _ in range(2):
            for chip in chips:
                chip.read()
                assert (master / "therm_bulk_read").read_text() != "-1\n"
            time.sleep(10)
        assert len(began) == 2

    def test_one_alone_starts_nothing_for_others(self, tmp_path, master, conversions, time):
        (chip,) = self.sensors(tmp_path, 1)
        chip.read()
        chip.read()
        assert not sysfs.write_text.called

    def test_are_found_below_their_bus_where_nothing_is_a_link(self, tmp_path, conversions, time, mocker):
        written = mocker.patch.object(sysfs, "write_text")
        (tmp_path / "w1_bus_master1").mkdir()
        (tmp_path / "w1_bus_master1/therm_bulk_read").write_text("0\n")
        for n in (1, 2):
            folder = slave(tmp_path, "72 01 4b 46 7f ff 0e 10 57", 23125, device=f"28-00000000000{n}")
            open_chip("ds18b20", path=folder).read()
        assert written.call_args[0][:2] == (tmp_path / "w1_bus_master1/therm_bulk_read", "trigger\n")

    def test_a_ds28ea00_converts_by_itself(self, tmp_path, master, conversions, time):
        first, second = self.sensors(tmp_path, 2)
        fake = fake_chip("ds18b20", root=tmp_path, device="42-000000000001")
        third = open_chip("ds18b20", **fake.wiring)
        for chip in (first, second, third):
            chip.read()
        began = time.now
        third.read()
        assert time.now - began == pytest.approx(self.CONVERTING)

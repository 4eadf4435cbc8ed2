"""A bus that is missing at the start, vanishes, may not be opened, or is called by its name."""

import errno

import pytest
from smbus2 import i2c_msg

from drivers import open_chip
from drivers.bus import i2c
from drivers.bus.i2c import find_bus, open_bus, stable_bus
from drivers.bus.lasting import LastingBus
from drivers.errors import AccessDenied, AdapterGone, PermanentError
from drivers.fakes import FakeBus, FakeTime, fake_chip


class Socket:
    """Where a USB adapter is plugged in, or not."""

    def __init__(self):
        self.time = FakeTime()
        self.plugged, self.opened = True, 0

    def open(self):
        if not self.plugged:
            raise AdapterGone("i2c-7: no such bus")
        self.opened += 1
        return FakeBus({0x44: fake_chip("sht4x")}, clock=self.time)


@pytest.fixture
def socket():
    return Socket()


@pytest.fixture
def chip(socket):
    chip = open_chip("sht4x", LastingBus("i2c-7", socket.open))
    chip.sleep = socket.time.sleep
    return chip


def test_a_bus_that_is_missing_at_the_start_is_used_as_soon_as_it_is_there(socket, chip):
    socket.plugged = False
    with pytest.raises(AdapterGone, match="i2c-7"):
        chip.read()
    socket.plugged = True
    assert "temperature" in chip.read()


@pytest.mark.parametrize("number", [errno.ENODEV, 108, errno.EBADF])
def test_an_adapter_that_vanishes_is_opened_anew(socket, chip, mocker, number):
    chip.read()
    bus = chip.device.bus._bus
    mocker.patch.object(bus, "i2c_rdwr", side_effect=OSError(number, "gone"))
    with pytest.raises(AdapterGone, match="plug it in"):
        chip.read()
    assert "temperature" in chip.read()
    assert socket.opened == 2
    assert bus.fd is None, "the old descriptor is closed"


def test_a_chip_that_is_missing_closes_no_bus(socket, chip):
    chip.read()
    chip.device.bus._bus.chips.clear()
    for _ in range(3):
        with pytest.raises(OSError, match="no acknowledge"):
            chip.read()
    assert socket.opened == 1


@pytest.mark.parametrize(
    ("number", "error", "cure"),
    [(errno.ENOENT, AdapterGone, "raspi-config"), (errno.EACCES, AccessDenied, "usermod -aG i2c")],
)
def test_a_bus_that_cannot_be_opened_names_the_cure(mocker, number, error, cure):
    mocker.patch.object(i2c, "SMBus", side_effect=OSError(number, "no"))
    with pytest.raises(error, match=cure):
        open_bus(1)


def test_when_no_descriptor_is_left_the_reading_fails_and_works_again_later(socket, chip, mocker):
    refusal = OSError(errno.EMFILE, "Too many open files")
    open_it = mocker.patch.object(chip.device.bus, "opener", side_effect=refusal)
    with pytest.raises(OSError, match="Too many"):
        chip.read()
    open_it.side_effect = socket.open
    assert "temperature" in chip.read()


class TestABusThatIsCalledByName:
    @pytest.fixture
    def names(self, monkeypatch):
        """Adapters by number; a USB adapter's name says where it is plugged in."""
        names = {1: "bcm2835 (i2c@7e804000)", 11: "i2c-tiny-usb at bus 001 device 004"}
        monkeypatch.setattr(i2c, "adapters", lambda: iter(sorted(names)))
        monkeypatch.setattr(i2c, "adapter_name", lambda number: names[number])
        return names

    @pytest.mark.parametrize("name", ["i2c-tiny-usb", "i2c-tiny-usb at bus 001 device 004"])
    def test_is_found_wherever_it_is_now(self, names, name):
        assert find_bus(name) == 11
        names[7] = names.pop(11)
        assert find_bus(name) == 7

    def test_is_missing_until_it_is_plugged_in(self, names):
        usb = names.pop(11)
        with pytest.raises(AdapterGone, match=r"there: bcm2835 .* \(i2c-1\)"):
            find_bus("i2c-tiny-usb")
        names[4] = usb
        assert find_bus("i2c-tiny-usb") == 4

    def test_asks_which_one_where_two_are_called_so(self, names):
        names[12] = "i2c-tiny-usb at bus 001 device 005"
        with pytest.raises(PermanentError, match="which"):
            find_bus("i2c-tiny-usb")
        assert find_bus("i2c-tiny-usb at bus 001 device 005") == 12

    def test_a_number_and_a_path_stay_what_they_are(self, tmp_path):
        assert find_bus(3) == 3
        (tmp_path / "i2c-usb").touch()
        assert find_bus(str(tmp_path / "i2c-usb")) == str(tmp_path / "i2c-usb")

    def test_a_path_that_is_not_there_is_named(self, tmp_path):
        with pytest.raises(AdapterGone, match="i2c-usb"):
            find_bus(str(tmp_path / "i2c-usb"))
        with pytest.raises(AdapterGone, match="i2c-usb"):
            open_bus(str(tmp_path / "i2c-usb"))

    def test_an_adapter_on_usb_is_written_by_its_name(self, names, mocker):
        places = {
            1: "/sys/devices/platform/soc/fe804000.i2c/i2c-1",
            11: "/sys/devices/platform/scb/usb1/1-1/1-1:1.0/i2c-11",
        }
        mocker.patch("pathlib.Path.resolve", lambda path: places[int(path.parent.name.removeprefix("i2c-"))])
        assert [stable_bus(number) for number in (1, 11)] == [1, "i2c-tiny-usb"]
        names[12], places[12] = "i2c-tiny-usb at bus 001 device 005", places[11]
        assert stable_bus(11) == 11


class TestAPreparedQuery:
    """`write_read` sends what it has built before, so nothing of an earlier transfer may show."""

    @pytest.fixture
    def board(self):
        return FakeBus({0x48: fake_chip("lm75"), 0x49: fake_chip("lm75")})

    @pytest.fixture
    def lasting(self, board):
        return LastingBus("i2c-1", lambda: board)

    def test_answers_as_a_transfer_of_two_messages_does(self, lasting, board):
        for address, celsius in ((0x48, 21.5), (0x49, -3.0), (0x48, 22.0)):
            board.chips[address].feel(temperature=celsius)
            answer = i2c_msg.read(address, 2)
            lasting.i2c_rdwr(i2c_msg.write(address, [0]), answer)
            assert lasting.write_read(address, b"\x00", 2) == bytes(answer)

    def test_shows_no_earlier_answer_where_an_adapter_delivers_nothing(self, lasting, monkeypatch):
        assert lasting.write_read(0x48, b"\x02", 2) == b"\x4b\x00"
        monkeypatch.setattr("smbus2.smbus2.ioctl", lambda *arguments: 2)
        assert lasting.write_read(0x48, b"\x02", 2) == b"\x00\x00"

    @pytest.mark.parametrize("number", [errno.ENODEV, 108, errno.EBADF])
    def test_closes_the_bus_where_its_adapter_is_gone(self, lasting, board, mocker, number):
        lasting.write_read(0x48, b"\x02", 2)
        mocker.patch.object(board, "ioctl", side_effect=OSError(number, "gone"))
        with pytest.raises(OSError, match="gone"):
            lasting.write_read(0x48, b"\x02", 2)
        assert lasting.fd is None

    def test_is_forgotten_before_a_driver_that_never_repeats_itself_fills_the_memory(self, lasting):
        for number in range(2000):
            lasting.write_read(0x48, b"\x00" + number.to_bytes(2, "big"), 2)
        assert len(lasting._queries) < 1000

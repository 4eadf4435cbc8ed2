"""The serial ports of a machine: which there are, what they are called, who else uses them."""

import errno

import pytest

from drivers import open_chip
from drivers.bus import serial
from drivers.errors import AccessDenied, AdapterGone, BusTimeout, PermanentError

ADAPTER = "dev/serial/by-id/usb-FTDI_FT232R_A50285BI-if00-port0"


@pytest.fixture
def machine(tmp_path):
    """Return a function that makes a machine of files and links."""

    def make(files=(), links=()):
        for name, text in dict(files).items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        for name, target in dict(links).items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).symlink_to(tmp_path / target)
        return str(tmp_path)

    return make


PI = {"dev/ttyS0": "", "dev/ttyUSB0": ""}
LINKS = {"dev/serial0": "dev/ttyS0", ADAPTER: "dev/ttyUSB0"}


def test_a_port_is_listed_once_by_the_name_that_does_not_move(machine):
    assert serial.ports(machine(PI, LINKS)) == [f"/{ADAPTER}", "/dev/serial0"]


def test_a_usb_adapter_has_a_name_that_does_not_move(machine):
    root = machine(PI, LINKS)
    assert serial.stable("/dev/ttyUSB0", root) == f"/{ADAPTER}"
    moving = type(open_chip("pms5003", port="/dev/ttyUSB0")).moving
    assert moving("/dev/ttyUSB0", root) == f'write port = "/{ADAPTER}"'
    assert "by-id" in moving("/dev/ttyUSB7", root)
    assert moving("/dev/serial0", root) is moving(None, root) is None


@pytest.mark.parametrize(
    ("files", "port"),
    [
        ({"proc/cmdline": "console=serial0,115200 console=tty1 root=/dev/x"}, "/dev/serial0"),
        ({"proc/cmdline": "console=ttyS0,115200"}, "/dev/serial0"),
        ({"boot/firmware/cmdline.txt": "console=serial0,115200 rootwait"}, "/dev/serial0"),
        ({"boot/firmware/cmdline.txt": "console=serial0,115200 rootwait"}, "/dev/ttyS0"),
        ({"boot/cmdline.txt": "console=ttyS0"}, "/dev/ttyS0"),
        ({"sys/class/tty/console/active": "tty0 ttyS0\n"}, "/dev/serial0"),
    ],
)
def test_the_console_is_found_wherever_it_is_told(machine, files, port):
    root = machine(PI | files, LINKS)
    assert "console" in serial.console(port, root)
    assert serial.console("/dev/ttyUSB0", root) == ""


def test_on_a_pi_5_serial0_is_another_port(machine):
    root = machine(
        {"dev/ttyAMA10": "", "boot/firmware/cmdline.txt": "console=serial0,115200 rootwait"},
        {"dev/serial0": "dev/ttyAMA10"},
    )
    assert "console" in serial.console("/dev/ttyAMA10", root)
    assert serial.console("/dev/ttyAMA0", root) == ""


def test_a_login_is_found_by_its_unit(machine):
    root = machine(PI, LINKS)
    units = serial.Path(root, "run/systemd/units")
    units.mkdir(parents=True)
    (units / "invocation:serial-getty@ttyS0.service").symlink_to("0123456789abcdef")
    assert "serial-getty@ttyS0.service" in serial.console("/dev/serial0", root)


def test_a_port_that_nothing_else_uses_has_no_owner(machine):
    root = machine(PI | {"proc/cmdline": "console=tty1 root=/dev/ttyS0x"}, LINKS)
    assert serial.console("/dev/serial0", root) == ""


def test_an_error_of_a_port_that_the_console_uses_names_the_cure(sensor, monkeypatch):
    monkeypatch.setattr(serial, "console", lambda path: "the kernel's console uses it")
    with pytest.raises(OSError, match="raspi-config nonint do_serial_cons 1"):
        sensor("pms5003").read()
    with pytest.raises(OSError, match="raspi-config nonint do_serial_cons 1"):
        sensor("mhz19").read()


def refusing(monkeypatch, error):
    """Let pyserial fail like this when it opens a port."""

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(serial, "_keeping", lambda _: fail)


@pytest.mark.parametrize(
    ("number", "kind", "says"),
    [
        (errno.EACCES, AccessDenied, "usermod -aG dialout"),
        (errno.EBUSY, PermanentError, "fuser -v /dev/serial0"),
        (errno.EAGAIN, PermanentError, "in use by another program"),
        (errno.ENOENT, AdapterGone, "raspi-config nonint do_serial_hw 0"),
        (errno.ENODEV, AdapterGone, "is gone"),
        (errno.EIO, AdapterGone, "is gone"),
    ],
)
def test_what_cannot_be_opened_says_what_to_do(monkeypatch, number, kind, says):
    refusing(monkeypatch, OSError(number, "could not open port"))
    with pytest.raises(kind, match=says):
        open_chip("sds011", port="/dev/serial0").read()


def test_a_port_that_takes_no_bytes_is_a_timeout(line, sensor, mocker):
    import serial as pyserial

    chip = sensor("mhz19")
    chip.port.open()
    mocker.patch.object(chip.port._port, "write", side_effect=pyserial.SerialTimeoutException("Write timeout"))
    with pytest.raises(BusTimeout, match="takes no bytes"):
        chip.read()

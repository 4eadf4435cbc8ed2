"""A serial port over pyserial: opened when used, for us alone, never waiting, errors named with what cures them.

pyserial is imported on first use; it is the extra `uart`.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import re
from pathlib import Path
from typing import Any

from ..errors import AccessDenied, AdapterGone, BusError, BusTimeout, PermanentError, TransientError

# Bytes that one `read` returns at most: more than a port keeps, so that what is old is gone after it.
MOST = 65536
# Seconds that a few bytes may take: the other end of a pseudo-terminal may not read them.
WRITING = 0.5
GONE = (errno.ENOENT, errno.EIO, errno.ENODEV, errno.ENXIO, errno.ENOTCONN, errno.ESHUTDOWN, errno.EBADF)
MISSING = "the package pyserial is missing: `sudo sh deploy/install.sh`, or `pip install 'limpet[uart]'`"
FREE = "`sudo raspi-config nonint do_serial_cons 1`, then reboot"
CMDLINES = ("proc/cmdline", "boot/firmware/cmdline.txt", "boot/cmdline.txt")
# Pins 8 and 10 of the header, by the names that Raspberry Pi OS gives them.
HEADER = ("serial0", "ttyAMA0", "ttyS0", "ttyAMA10")


class SerialPort:
    """One serial port, 8 data bits, no parity, one stop bit. Nothing is opened before `open`.

    Attributes:
        path: as the configuration calls it.
        written: bytes sent since it was made.
    """

    def __init__(self, path: str, who: str, baud: int = 9600) -> None:
        self.path, self.who, self.baud = path, who, baud
        self.written = 0
        self._port: Any = None

    @property
    def is_open(self) -> bool:
        """Whether it is open."""
        return self._port is not None

    def open(self) -> None:
        """Open the port, for this program alone.

        Raises:
            PermanentError: pyserial is missing, or another program has the port. AccessDenied: no right to use it.
            AdapterGone: there is no such port now.
        """
        self.close()
        try:
            from serial import Serial
        except ImportError as error:
            raise PermanentError(f"{self.who}: {MISSING}") from error
        try:
            self._port = _keeping(Serial)(self.path, self.baud, timeout=0, write_timeout=WRITING, exclusive=True)
        # Also what is no OSError, such as termios.error.
        except Exception as error:
            raise self._named(error, opening=True) from error

    def read(self) -> bytes:
        """Return what has come since the last `read`, without waiting.

        Raises:
            AdapterGone: the port has gone.
        """
        data = b""
        try:
            while self._port is not None and len(data) < MOST and (more := self._port.read(4096)):
                data += more
        except Exception as error:
            if data:
                # The next `read` raises what ended this one.
                return data
            raise self._lost(error) from error
        if self._port is None:
            raise BusError(f"{self.who}: {self.path} is closed")
        return data

    def write(self, data: bytes) -> None:
        """Send bytes.

        Raises:
            AdapterGone: the port has gone. BusTimeout: it takes no bytes.
        """
        try:
            if self._port is None:
                raise BusError(f"{self.who}: {self.path} is closed")
            self._port.write(data)
        except TransientError:
            raise
        except Exception as error:
            raise self._lost(error) from error
        self.written += len(data)

    def close(self) -> None:
        """Give the port back. Never raises."""
        port, self._port = self._port, None
        if port is not None:
            with contextlib.suppress(Exception):
                port.close()

    def hint(self) -> str:
        """Return what else may be wrong with this port, as the end of a message; empty if nothing is known."""
        owner = console(self.path)
        return f"; {owner}, free it: {FREE}" if owner else ""

    def _lost(self, error: Exception) -> Exception:
        self.close()
        return self._named(error)

    def _named(self, error: Exception, *, opening: bool = False) -> Exception:
        where, text, number = f"{self.who}: {self.path}", str(error), _number(error)
        if type(error).__name__ == "SerialTimeoutException":
            return BusTimeout(f"{where} takes no bytes")
        if opening and (refusal := self._refusal(error, number)):
            return refusal
        if number in GONE or "returned no data" in text:
            return AdapterGone(f"{where} is gone ({text}); is the adapter plugged in?", errno=number)
        return BusError(f"{where}: {text}", errno=number)

    def _refusal(self, error: Exception, number: int | None) -> Exception | None:
        """Return why a port cannot be opened, where that has a cure."""
        where = f"{self.who}: {self.path}"
        if number in (errno.EACCES, errno.EPERM):
            return AccessDenied(f"{where} is not open to this user; `sudo usermod -aG dialout $USER`{self.hint()}")
        if number in (errno.EAGAIN, errno.EBUSY):
            cure = f"is it the service (`limpet status`)? find it: `sudo fuser -v {self.path}`"
            return PermanentError(f"{where} is in use by another program; {cure}")
        if number == errno.ENOENT:
            return AdapterGone(f"{where}: there is no such port; {absent(self.path)}", errno=number)
        if number in (errno.ENOTTY, errno.EISDIR) or not isinstance(error, OSError):
            return PermanentError(f"{where} is no serial port ({error})")
        return None


@functools.cache
def _keeping(serial: Any) -> Any:
    """Return pyserial's class without the flush when it is opened: what lies in a port then has come just now."""
    return type("Serial", (serial,), {"_reset_input_buffer": lambda _: None})


def _number(error: Exception) -> int | None:
    """Return an error's errno, which pyserial often has in its text alone."""
    number = getattr(error, "errno", None)
    found = re.search(r"(?:\[Errno |\()(\d+)[],]", str(error))
    return number if isinstance(number, int) else int(found[1]) if found else None


def absent(path: str) -> str:
    """Return what to do about a port that is not there."""
    if Path(path).name in HEADER:
        return "switch the UART on: `sudo raspi-config nonint do_serial_hw 0`, then reboot"
    if found := re.fullmatch(r"/dev/ttyAMA(\d+)", path):
        return f"switch it on: `dtoverlay=uart{found[1]}` in /boot/firmware/config.txt, then reboot"
    there = ports()
    return f"is the adapter plugged in? there: {', '.join(there) or 'none'}"


def ports(root: str = "/") -> list[str]:
    """Return the serial ports of this machine, by names that do not move at a reboot where they have one.

    Args:
        root: where the file system begins, for tests.
    """
    top, named = Path(root), []
    known = [*sorted(top.glob("dev/serial/by-id/*")), *sorted(top.glob("dev/serial[0-9]"))]
    known += sorted(one for kind in ("USB", "ACM", "AMA") for one in top.glob(f"dev/tty{kind}*"))
    seen: set[Path] = set()
    for one in known:
        if (real := one.resolve()) not in seen and one.exists():
            seen.add(real)
            named.append("/" + str(one.relative_to(top)))
    return named


def stable(path: str, root: str = "/") -> str | None:
    """Return a name of a USB adapter's port that stays the same after a reboot, if it has one."""
    real = Path(root, path.lstrip("/")).resolve()
    links = sorted(Path(root).glob("dev/serial/by-id/*"))
    return next(("/" + str(one.relative_to(root)) for one in links if one.resolve() == real), None)


def console(path: str, root: str = "/") -> str:
    """Return what of the system's console uses a port; empty if nothing does.

    Args:
        root: where the file system begins, for tests.
    """
    real = Path(root, path.lstrip("/")).resolve().name
    names = {real, Path(path).name}
    if Path(root, "dev/serial0").resolve().name == real:
        names.add("serial0")
    for name in sorted(names):
        if Path(root, "run/systemd/units", f"invocation:serial-getty@{name}.service").is_symlink():
            return f"the login of serial-getty@{name}.service uses it"
    active = _text(Path(root, "sys/class/tty/console/active")).split()
    if names & set(active):
        return "the kernel's console uses it"
    for file in CMDLINES:
        if names & set(re.findall(r"\bconsole=(?:/dev/)?(\w+)", _text(Path(root, file)))):
            return f"the kernel's console uses it (console= in /{file})"
    return ""


def _text(file: Path) -> str:
    with contextlib.suppress(OSError):
        return file.read_text(encoding="ascii", errors="replace")
    return ""

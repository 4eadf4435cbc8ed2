"""Files of the kernel's sensor drivers: small texts, read whole, and the kernel's errno as a named error.

Source: Linux, Documentation/filesystems/sysfs.rst; the errnos are those of drivers/w1, drivers/iio and drivers/hwmon.
"""

from __future__ import annotations

import errno
from pathlib import Path

from ..errors import (
    AccessDenied,
    BusError,
    BusTimeout,
    ChecksumError,
    InvalidReading,
    NoAcknowledge,
    NotReady,
    NotSupported,
    PermanentError,
    TransientError,
)

_MEANINGS: tuple[tuple[tuple[int, ...], type[TransientError] | type[PermanentError], str], ...] = (
    ((errno.ENOENT, errno.ENOTDIR), NoAcknowledge,
     "this file is missing, so the device is gone; check power and wiring, and the dtoverlay"),
    ((errno.ENODEV, errno.ENXIO, errno.EREMOTEIO), NoAcknowledge,
     "the device is gone; check power and wiring, and the dtoverlay"),
    ((errno.EIO,), BusError, "the kernel's driver could not read the sensor; check wiring and pull-up"),
    ((errno.EISDIR,), BusError, "this is a folder, not a value"),
    ((errno.ETIMEDOUT,), BusTimeout, "the sensor did not answer in time; check wiring and pull-up"),
    ((errno.EBADMSG, errno.EPROTO), ChecksumError, "the bytes arrived damaged; shorten or shield the cable"),
    ((errno.EBUSY,), NotReady, "it is in use (an IIO buffer, a running conversion)"),
    ((errno.EAGAIN, errno.ENODATA), NotReady, "there is no finished measurement"),
    ((errno.ERANGE, errno.EOVERFLOW), InvalidReading, "the sensor is saturated"),
    ((errno.EACCES, errno.EPERM, errno.EROFS), AccessDenied, "no permission; check the rights of this file"),
    ((errno.EINVAL, errno.EOPNOTSUPP), NotSupported, "the kernel's driver does not know this value"),
)  # fmt: skip


def named(error: OSError, who: str, path: Path) -> TransientError | PermanentError:
    """Return the named error for an errno: who, which file, and what to do."""
    for numbers, kind, text in _MEANINGS:
        if error.errno in numbers:
            message = f"{who}: {path}: {text}"
            return kind(message, errno=error.errno) if issubclass(kind, TransientError) else kind(message)
    return BusError(f"{who}: {path}: {error.strerror or error}", errno=error.errno)


def read_text(path: Path, who: str) -> str:
    """Return a file's text without surrounding whitespace. May block as long as the kernel's driver needs.

    Raises:
        TransientError, PermanentError: as `named` says.
    """
    try:
        return path.read_bytes().decode("ascii", "replace").strip()
    except OSError as error:
        raise named(error, who, path) from error


def write_text(path: Path, text: str, who: str) -> None:
    """Write a text to a file. May block as long as the kernel's driver needs.

    Raises:
        TransientError, PermanentError: as `named` says.
    """
    try:
        path.write_bytes(text.encode("ascii"))
    except OSError as error:
        raise named(error, who, path) from error


def read_number(path: Path, who: str) -> float:
    """Return the number in a file.

    Raises:
        InvalidReading: it holds none. TransientError, PermanentError: as `named` says.
    """
    text = read_text(path, who)
    try:
        return float(text)
    except ValueError:
        raise InvalidReading(f"{who}: {path} says {text[:40]!r}, which is no number") from None


def read_if_there(path: Path, who: str, default: float) -> float:
    """Return the number in a file, or `default` where the file does not exist."""
    return read_number(path, who) if exists(path, who) else default


def exists(path: Path, who: str) -> bool:
    """Return whether a file is there.

    Raises:
        AccessDenied: this user may not know.
    """
    try:
        path.stat()
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return False
        raise named(error, who, path) from error
    return True


def entries(folder: Path, who: str) -> list[str]:
    """Return the names in a folder, sorted; none where there is no such folder.

    Raises:
        TransientError, PermanentError: as `named` says.
    """
    try:
        return sorted(entry.name for entry in folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise named(error, who, folder) from error

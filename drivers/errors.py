"""Errors between a program and a chip. The class says what to do next.

`TransientError`: try again, it may pass. `PermanentError`: a person has to change something.
Every message names the device and the bus, what was found and what cures it; attributes hold the same values.
"""

from __future__ import annotations


class TransientError(OSError):
    """Trying again can help. It counts against the sensor and is retried."""

    # The errno to report if the kernel gave none.
    code: int | None = None

    def __init__(self, message: str, *, errno: int | None = None) -> None:
        super().__init__(message)
        self.errno = errno if errno is not None else self.code


class NoAcknowledge(TransientError):
    """No device answers at the address (errno 121 or 6), or it refused a byte."""

    code = 121


class BusTimeout(TransientError):
    """A transfer, or one attempt to read, did not end in time (errno 110)."""

    code = 110


class BusStuck(TransientError):
    """The bus is still busy with a transfer that never ended; nothing was tried."""

    code = 110


class BusError(TransientError):
    """The transfer failed on the wire: lost arbitration, a short transfer (errno 5, 11)."""

    code = 5


class AdapterGone(TransientError):
    """The bus adapter is missing or was unplugged (errno 2, 6, 19, 108). It may come back."""

    code = 19


class ChecksumError(TransientError):
    """The bytes that arrived do not match their checksum."""

    code = 74


class NotReady(TransientError):
    """The chip had no finished measurement when it should have."""

    code = 11


class InvalidReading(TransientError):
    """The bytes arrived intact, but are no measurement (never converted, saturated, out of range)."""

    code = 61


class BeyondRange(InvalidReading):
    """The device works, and the value lies beyond its range. The message says what is known: `3.2 A or more`.

    Attributes:
        at_least, at_most: the known bound, in the quantity's unit.
    """

    def __init__(self, message: str, *, at_least: float | None = None, at_most: float | None = None) -> None:
        super().__init__(message)
        self.at_least, self.at_most = at_least, at_most


class LostPower(TransientError):
    """The chip lost its configuration with its power. The next attempt sets it up again."""

    code = 61


class NoEcho(TransientError):
    """No echo came back: nothing in range, or a wire is loose."""

    code = 110


class PermanentError(Exception):
    """Trying again does not help: wiring, configuration or rights must change. It is never retried, only probed."""


class WrongChip(PermanentError):
    """A device answered, but it is not the chip that the configuration names."""

    def __init__(self, chip: str, address: int, *, expected: object, found: object, hint: str = "") -> None:
        super().__init__(
            f"0x{address:02x} answers {_shown(found)}, but a {chip} answers {_shown(expected)}; "
            + (hint or "check the address, or the driver named in the configuration")
        )
        self.chip, self.address, self.expected, self.found = chip, address, expected, found


class AccessDenied(PermanentError):
    """The device node may not be opened by this user (errno 13, 1)."""


class AddressClaimed(PermanentError):
    """A kernel driver owns the address (errno 16)."""


class NotSupported(PermanentError):
    """The adapter or the kernel cannot do this (errno 95, 22)."""


class UnknownDriver(PermanentError, LookupError):
    """No driver has this name."""


def _shown(value: object) -> str:
    return f"0x{value:02x}" if isinstance(value, int) else str(value)

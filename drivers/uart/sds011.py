"""Nova Fitness SDS011, SDS018, SDS021: particles, on a UART.

Sources: Nova Fitness "Laser PM2.5 Sensor specification SDS011" V1.3 and "Laser Dust Sensor Control Protocol" V1.3. It
sends once a second; after it was woken the fan needs 30 seconds.
"""

from __future__ import annotations

from typing import ClassVar

from ..chip import Quantity, Reading, TalkingDevice, Told
from ..errors import InvalidReading, NotReady

FRAME = 10
TAIL = 0xAB
# The most that it tells, in tenths of µg/m³.
STOP = 9999


def command(*data: int) -> bytes:
    """Return a command for any SDS011: 13 bytes of data, device FF FF, the sum of these, tail."""
    body = bytes(data).ljust(13, b"\0") + b"\xff\xff"
    return b"\xaa\xb4" + body + bytes([sum(body) & 0xFF, TAIL])


class Sds011(TalkingDevice):
    """One SDS011. It sends by itself, every second; it is woken where it sleeps."""

    name = "sds011"
    header = b"\xaa\xc0"
    # Query data (protocol, command 4).
    ask = command(4)
    # Work instead of sleep; report actively instead of when asked (protocol, commands 6 and 2).
    wake: ClassVar[tuple[bytes, ...]] = (command(6, 1, 1), command(2, 1, 0))
    silence: ClassVar[float] = 2.5
    takes = 8.0
    holds = 1.5
    lead = 1.5
    quantities = (
        Quantity("pm2_5", "µg/m³", "pm25", 0.0, 999.9, 0.1, accuracy=10.0),
        Quantity("pm10", "µg/m³", "pm10", 0.0, 999.9, 0.1, accuracy=10.0),
    )

    def size(self, start: bytes) -> int | None:  # noqa: ARG002
        """Return the length of a frame."""
        return FRAME

    def is_intact(self, frame: bytes) -> bool:
        """Return whether the frame ends as it should, with the sum of its data before that."""
        return frame[9] == TAIL and sum(frame[2:8]) & 0xFF == frame[8]

    def measure(self) -> Reading:
        """Return pm2_5 and pm10 in µg/m³.

        Raises:
            NotReady, BusTimeout, ChecksumError, InvalidReading: as `latest` says; NotReady: it has not measured yet.
        """
        return self.told((yield from self.latest()))

    def told(self, frame: bytes) -> Told:
        """Return the values of a frame."""
        fine, coarse = (int.from_bytes(frame[at : at + 2], "little") for at in (2, 4))
        if not fine and not coarse:
            raise NotReady(f"{self.name}: both values are 0: it has started, and not measured yet")
        if max(fine, coarse) > STOP:
            raise InvalidReading(f"{self.name}: {frame[2:6].hex(' ')} is beyond what it can tell: no value")
        return {"pm2_5": self.below("pm2_5", fine / 10, STOP / 10), "pm10": self.below("pm10", coarse / 10, STOP / 10)}

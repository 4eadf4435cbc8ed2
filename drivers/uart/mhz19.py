"""Winsen MH-Z19, MH-Z19B, MH-Z19C: carbon dioxide, on a UART.

Sources: Winsen "MH-Z19B" V1.0 (command 0x86, its example 544 ppm), "MH-Z19C" V1.0. The meaning of its last bytes is not
in the data sheets: during its start the word in bytes 6 and 7 is 15000, and an MH-Z19 shows 1 in byte 5, as Tasmota
(xsns_15_mhz19.ino) and EspEasy found.
"""

from __future__ import annotations

from typing import Annotated

from ..chip import PORT, Among, Quantity, Reading, Told, UartDevice, likeness
from ..errors import InvalidReading, NotReady

FRAME = 9
READ = b"\xff\x01\x86\x00\x00\x00\x00\x00\x79"
# Seconds: 18 bytes take 19 ms at 9600 baud. An answer that has begun may trickle in, as through a network.
ANSWERS_WITHIN = 0.8
ENDS_WITHIN = 0.4
# More bytes than these are no answer: among so many, one of its checksums may fit by chance.
MOST_HEARD = 300
RANGES = (2000, 3000, 5000, 10000)
STARTING_WORD, STARTING_STATUS = 15000, 1


class Mhz19(UartDevice):
    """One MH-Z19. It is asked; what it has sent before that is dropped. After power-on it needs three minutes.

    Args:
        range: ppm that the sensor is set to measure at most, where it stops; it is not changed.
    """

    name = "mhz19"
    header = b"\xff\x86"
    takes = 1.2
    holds = 0.1
    quantities = (Quantity("co2", "ppm", "carbon_dioxide", 0.0, 10000.0, 1.0),)

    def __init__(
        self,
        port: Annotated[str, PORT],
        *,
        range: Annotated[int, Among(RANGES)] = 5000,
    ) -> None:
        if isinstance(range, bool) or range not in RANGES:
            raise ValueError(f"range is {range!r}, not one of {', '.join(map(str, RANGES))}")
        super().__init__(port)
        self.stop = float(range)
        self.quantities = (Quantity("co2", "ppm", "carbon_dioxide", 0.0, self.stop, 1.0),)

    def size(self, start: bytes) -> int | None:  # noqa: ARG002
        """Return the length of an answer."""
        return FRAME

    def is_intact(self, frame: bytes) -> bool:
        """Return whether the sum of all bytes but the first is 0 in its lowest eight bits."""
        return sum(frame[1:]) & 0xFF == 0

    def measure(self) -> Reading:
        """Return co2 in ppm; at the end of the range a `BeyondRange`.

        Raises:
            BusTimeout: it does not answer. ChecksumError: the answer is damaged. NotReady: it is still starting.
            InvalidReading: what comes is no answer.
        """
        self.frames()
        unasked, self.is_fresh, was_fresh = likeness(self.sample), False, self.is_fresh
        self.forget()
        self.port.write(READ)
        frame = yield from self.next(ANSWERS_WITHIN)
        if frame is None and 0 < self.heard < FRAME:
            frame = yield from self.next(ENDS_WITHIN)
        if self.heard > MOST_HEARD:
            raise InvalidReading(f"{self.name}: {self.bus_name}: {self.heard} bytes came instead of {FRAME}")
        if frame is None:
            error = self.nothing(ANSWERS_WITHIN)
            if not self.heard and not was_fresh:
                # Opened again by the next reading: another device may stand behind this path by then.
                self.port.close()
            if not self.heard and unasked and self.name not in unasked:
                error = InvalidReading(f"{self.name}: {self.bus_name}: no answer; bytes came unasked, and {unasked}")
            raise error
        return self.told(frame)

    def told(self, frame: bytes) -> Told:
        """Return the value of an answer."""
        co2, word = (int.from_bytes(frame[at : at + 2], "big") for at in (2, 6))
        if word == STARTING_WORD or frame[5] == STARTING_STATUS:
            raise NotReady(f"{self.name}: it has started, and not measured yet")
        if not co2:
            raise InvalidReading(f"{self.name}: 0 ppm: it has not measured yet")
        if co2 > RANGES[-1]:
            raise InvalidReading(f"{self.name}: {co2} ppm is beyond what any of them can tell: no value")
        return {"co2": self.below("co2", co2, self.stop)}

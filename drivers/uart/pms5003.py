"""Plantower PMS5003 and its siblings PMS1003, PMS3003, PMS7003, PMSA003, PMS5003T, PMS5003ST: particles, on a UART.

Sources: Plantower "PMS5003 series data manual" V2.3, "PMS7003" V2.5 (appendix I: frame, II: commands), "PMS3003";
frames of all siblings as seen and listed by PyPMS (docs/sensors/Plantower.md). The length tells the siblings apart, but
for the PMS5003T. "Stable data should be got at least 30 seconds after the sensor wakes up".
"""

from __future__ import annotations

import struct
from typing import Annotated, ClassVar

from ..chip import PORT, Among, Measurement, Quantity, TalkingDevice, Told
from ..errors import InvalidReading, NotReady

# Bytes after the length field -> the whole frame.
LENGTHS = {20: 24, 28: 32, 36: 40}
# The particle counts are those in 0.1 l.
CUBIC_CENTIMETRES = 100.0
# Where a word stops.
STOP = 65535.0
MOST = STOP - 1
NAMES = ("pm1", "pm2_5", "pm10")
COUNTS = ("number_0_3", "number_0_5", "number_1", "number_2_5", "number_5", "number_10")
# In clean air the mass stands at 0 or 1 for hours.
MASSES = tuple(
    Quantity(name, "µg/m³", kind, 0.0, MOST, 1.0, noisy=False, accuracy=10.0)
    for name, kind in zip(NAMES, ("pm1", "pm25", "pm10"), strict=True)
)
NUMBERS = tuple(
    Quantity(name, "1/cm³", None, 0.0, MOST / CUBIC_CENTIMETRES, 0.01, noisy=name == "number_0_3") for name in COUNTS
)
AIR = (
    Quantity("temperature", "°C", "temperature", -40.0, 125.0, 0.1),
    Quantity("humidity", "%", "humidity", 0.0, 100.0, 0.1),
)
# Words of a frame in which each sibling has temperature and humidity.
AIR_OF_T, AIR_OF_ST = 10, 13


class Pms5003(TalkingDevice):
    """One PMS5003 or sibling. It sends by itself, every 0.2 to 2.3 s; it is woken where it sleeps.

    Args:
        model: `pms5003t` where it is one, with temperature and humidity; the others are told apart by themselves.
    """

    name = "pms5003"
    header = b"\x42\x4d"
    # Read in passive mode; wake up; send unasked (appendix II).
    ask = b"\x42\x4d\xe2\x00\x00\x01\x71"
    wake = (b"\x42\x4d\xe4\x00\x01\x01\x74", b"\x42\x4d\xe1\x00\x01\x01\x71")
    # The longest time between two frames.
    holds = 2.3
    lead = 2.6
    quantities = (*MASSES, *NUMBERS)
    siblings: ClassVar[dict[int, tuple[Quantity, ...]]] = {
        24: MASSES,
        32: (*MASSES, *NUMBERS),
        40: (*MASSES, *NUMBERS, *AIR),
    }

    def __init__(
        self,
        port: Annotated[str, PORT],
        *,
        model: Annotated[str, Among(("pms5003", "pms5003t"))] = "pms5003",
    ) -> None:
        if model not in ("pms5003", "pms5003t"):
            raise ValueError(f"model is {model!r}, not pms5003 or pms5003t")
        super().__init__(port)
        self.has_air = model == "pms5003t"
        if self.has_air:
            self.quantities = (*MASSES, *NUMBERS[:4], *AIR)

    def size(self, start: bytes) -> int | None:
        """Return the length of a frame: header, length, words, checksum."""
        return None if len(start) < 4 else LENGTHS.get(start[2] << 8 | start[3], 0)

    def is_intact(self, frame: bytes) -> bool:
        """Return whether the last word is the sum of all bytes before it."""
        return sum(frame[:-2]) == frame[-2] << 8 | frame[-1]

    def measure(self) -> Measurement:
        """Return pm1, pm2_5, pm10 in µg/m³ (of the atmosphere), and what else the sibling has.

        The numbers, 1/cm³, are of particles larger than this, in µm: `number_0_3` of all that it sees.

        Raises:
            NotReady, BusTimeout, ChecksumError, InvalidReading: as `latest` says; NotReady: it has not measured yet.
        """
        return self.told((yield from self.latest()))

    def told(self, frame: bytes) -> Told:
        """Return the values of a frame."""
        words = struct.unpack(f">{len(frame) // 2 - 3}H", frame[4:-2])
        with_air = self.has_air and len(frame) == 32
        counted = 10 if with_air else 12
        if set(words[:counted]) == {int(STOP)}:
            raise InvalidReading(f"{self.name}: every word is ff ff, which is no value")
        # A PMS3003 has no counts, and its masses are 0 in clean air.
        if len(frame) > 24 and not any(words[:counted]):
            raise NotReady(f"{self.name}: every value is 0: it has started, and not measured yet")
        self.quantities = (*MASSES, *NUMBERS[:4], *AIR) if with_air else self.siblings[len(frame)]
        told = {name: self.below(name, word, STOP) for name, word in zip(NAMES, words[3:6], strict=True)}
        if len(frame) > 24:
            # As many as come before the other words.
            numbers = ((name, word / CUBIC_CENTIMETRES) for name, word in zip(COUNTS, words[6:counted], strict=False))
            told |= {name: self.below(name, number, STOP / CUBIC_CENTIMETRES) for name, number in numbers}
        if with_air or len(frame) == 40:
            at = AIR_OF_T if with_air else AIR_OF_ST
            told |= {"temperature": celsius(words[at]), "humidity": words[at + 1] / 10}
        return told


def celsius(word: int) -> float:
    """Return °C from the signed word of a PMS5003T or PMS5003ST."""
    return (word - (word >> 15 << 16)) / 10

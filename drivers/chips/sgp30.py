"""Sensirion SGP30: equivalent CO₂ and volatile organic compounds on I2C.

Source: Sensirion "Datasheet SGP30", sections "Sensor Commands" and "Feature Set".
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from .. import crc
from ..chip import I2cChip, Probe, Quantity, Reading, Waits
from ..errors import ChecksumError, LostPower, NoAcknowledge, WrongChip

POWER_UP_TAKES = 0.001
FEATURE_SET, FEATURE_TAKES = b"\x20\x2f", 0.011
START, STARTING_TAKES = b"\x20\x03", 0.011
MEASURE, MEASURING_TAKES = b"\x20\x08", 0.0135  # 12 ms at most, and 10 %
BASELINE, BASELINE_TAKES = b"\x20\x15", 0.011
WARM_UP = 17  # seconds: 15, and 10 %
WARMING_UP = (400, 0)  # what it answers meanwhile: not a reading


class Sgp30(I2cChip):
    """One SGP30. The chip wants to be asked every second (`every = "1s"`): it tracks its baseline with each question.

    After a loss of power it answers 400 ppm and 0 ppb, as in clean air; then its baseline is gone, too, which tells.
    Where the baseline has not moved, either, clean air is believed when it is still there after another warm-up.
    """

    name = "sgp30"
    addresses = (0x58,)
    probes = (Probe(FEATURE_SET, 3, lambda answer: crc.words(answer)[0] & 0xF0F0 == 0x0020, FEATURE_TAKES),)
    takes = 18.0
    quantities = (
        Quantity("eco2", "ppm", "carbon_dioxide", 400.0, 60_000.0, 1.0),
        Quantity("tvoc", "ppb", "volatile_organic_compounds_parts", 0.0, 60_000.0, 1.0, needs="eco2"),
    )

    def __init__(self, bus: Any, address: int | None = None) -> None:
        super().__init__(bus, address)
        self.baseline: tuple[int, ...] = ()  # as it was after the warm-up
        self.last: tuple[int, ...] = ()  # what was told last since then
        self.doubted = False  # it answered as in clean air, and was set up again for it

    def identify(self) -> Waits:
        """Read the feature set: product type 0, feature set 0x20 or later.

        Raises:
            WrongChip: something else answers.
        """
        yield POWER_UP_TAKES
        self.write(FEATURE_SET)
        yield FEATURE_TAKES
        answer = self.read_bytes(3)
        try:
            (features,) = crc.words(answer)
        except ChecksumError:
            raise WrongChip(self.name, self.address, expected="a word with checksum", found=answer.hex(" ")) from None
        if features & 0xF0F0 != 0x0020:
            raise WrongChip(self.name, self.address, expected=0x0022, found=features)

    def configure(self) -> Waits:
        """Start the air quality algorithm and feed it a question a second until it has warmed up."""
        self.write(START)
        yield STARTING_TAKES
        for _ in range(WARM_UP):
            yield 1.0 - MEASURING_TAKES
            yield from self._ask(MEASURE, MEASURING_TAKES)
        self.last, self.baseline = (), (yield from self._baseline())

    def measure(self) -> Reading:
        """Return eco2 in ppm and tvoc in ppb.

        Raises:
            LostPower: the baseline is gone, or it may be. ChecksumError: a word arrived damaged.
        """
        answer = yield from self._ask(MEASURE, MEASURING_TAKES)
        if answer == WARMING_UP:
            baseline = yield from self._baseline()
            if not any(baseline) and any(self.baseline):
                raise LostPower(f"{self.name}: the baseline is gone")
            moved = self.baseline and baseline not in ((), self.baseline)
            if not moved and self.last != WARMING_UP and not self.doubted:
                self.doubted = True
                raise LostPower(f"{self.name}: 400 ppm and 0 ppb all at once: clean air, or power was lost")
        else:
            self.doubted = False
        self.last = answer
        return {"eco2": float(answer[0]), "tvoc": float(answer[1])}

    def _baseline(self) -> Generator[float, None, tuple[int, ...]]:
        try:
            return (yield from self._ask(BASELINE, BASELINE_TAKES))
        except NoAcknowledge:  # it has none
            return ()

    def _ask(self, command: bytes, takes: float) -> Generator[float, None, tuple[int, ...]]:
        self.write(command)
        yield takes
        return crc.words(self.read_bytes(6))

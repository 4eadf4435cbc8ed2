"""Sensirion SGP30: equivalent CO₂ and volatile organic compounds on I2C.

Source: Sensirion "Datasheet SGP30", sections "Sensor Commands" and "Feature Set".
"""

from __future__ import annotations

from .. import crc
from ..chip import Quantity, Question, Reading, Waits
from ..errors import LostPower, WrongChip
from .sensirion import SensirionChip

POWER_UP_TAKES = 0.001
FEATURE_SET, FEATURE_TAKES = b"\x20\x2f", 0.011
# Product type 0, and the feature set; the lower four bits are its version.
FEATURES, SGP30 = 0xF0F0, 0x0020
START, STARTING_TAKES = b"\x20\x03", 0.011
# 12 ms at most, and 10 %.
MEASURE, MEASURING_TAKES = b"\x20\x08", 0.0135
BASELINE, BASELINE_TAKES = b"\x20\x15", 0.011
# Seconds: 15, and 10 %; what it answers meanwhile is no reading.
WARM_UP = 17
WARMING_UP = (400, 0)
# ppm and ppb: the chip goes no further, so that there it is as much or more.
STOP = 60_000


class Sgp30(SensirionChip):
    """One SGP30. The chip wants to be asked every second (`every = "1s"`): it tracks its baseline with each question.

    After a loss of power it answers 400 ppm and 0 ppb, as in clean air. Then it has no baseline, which tells.
    """

    name = "sgp30"
    addresses = (0x58,)
    questions = (Question(FEATURE_SET, 3, lambda answer: crc.words(answer)[0] & FEATURES == SGP30, FEATURE_TAKES),)
    takes = 18.0
    quantities = (
        Quantity("eco2", "ppm", "carbon_dioxide", 400.0, STOP - 1.0, 1.0, noisy=False),
        Quantity("tvoc", "ppb", "volatile_organic_compounds_parts", 0.0, STOP - 1.0, 1.0, needs="eco2", noisy=False),
    )

    def identify(self) -> Waits:
        """Read the feature set: product type 0, feature set 0x20 or later.

        Raises:
            WrongChip: something else answers.
        """
        yield POWER_UP_TAKES
        (features,) = yield from self.proof(FEATURE_SET, FEATURE_TAKES, 1)
        if features & FEATURES != SGP30:
            raise WrongChip(self.name, self.address, expected=0x0022, found=features)

    def configure(self) -> Waits:
        """Start the air quality algorithm and feed it a question a second until it has warmed up."""
        self.write(START)
        yield STARTING_TAKES
        for _ in range(WARM_UP):
            yield 1.0 - MEASURING_TAKES
            yield from self.ask(MEASURE, MEASURING_TAKES, 2)

    def measure(self) -> Reading:
        """Return eco2 in ppm and tvoc in ppb; of one at its stop, what is known.

        Raises:
            LostPower: it has no baseline. ChecksumError: a word arrived damaged.
        """
        answer = yield from self.ask(MEASURE, MEASURING_TAKES, 2)
        if answer == WARMING_UP and not any((yield from self.ask(BASELINE, BASELINE_TAKES, 2))):
            raise LostPower(f"{self.name}: 400 ppm and 0 ppb without a baseline: it was not started since it had power")
        eco2, tvoc = answer
        return {"eco2": self.below("eco2", eco2, STOP), "tvoc": self.below("tvoc", tvoc, STOP)}

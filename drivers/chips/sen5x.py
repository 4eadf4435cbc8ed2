"""Sensirion SEN50, SEN54, SEN55: particulate matter, and what else the model has: air, VOC index, NOx index; on I2C.

Source: Sensirion "Datasheet SEN5x" v2 (2022), sections 1 (specifications) and 6 (I2C).
"""

from __future__ import annotations

from collections.abc import Generator

from .. import crc
from ..chip import Quantity, Question, Reading, Untold, Waits
from ..errors import InvalidReading, NotReady, WrongChip
from ..registers import signed
from .sensirion import REFUSED, SensirionChip, text

# Section 6.1: commands, with the longest time that they take, and a tenth.
START, STARTING_TAKES = b"\x00\x21", 0.055
IS_READY, READ, STATUS, CLEAR = b"\x02\x02", b"\x03\xc4", b"\xd2\x06", b"\xd2\x10"
COMMAND_TAKES = 0.022
PRODUCT, PRODUCT_WORDS, PRODUCT_TAKES = b"\xd0\x14", 16, 0.055
# Of the eight numbers of an answer, how many a model has.
MODELS = {"SEN50": 4, "SEN54": 7, "SEN55": 8}
# What stands for a number that is not known, or that the model does not have.
UNKNOWN, UNKNOWN_SIGNED = 0xFFFF, 0x7FFF
# Humidity and temperature, and what they are together where neither was measured: no air is at 0 °C and 0 %.
AIR, NO_AIR = slice(4, 6), ((0x0000, 0x0000), (UNKNOWN, UNKNOWN))
# Section 6.1.10: bits of the status, and which of the eight numbers they spoil.
FAULTS = (
    (1 << 5, "the laser fails", range(4)),
    (1 << 4, "the fan does not turn: it is blocked or broken", range(4)),
    (1 << 21, "the fan is too fast or too slow", range(4)),
    (1 << 19, "the fan is being cleaned", range(4)),
    (1 << 6, "the element for temperature and humidity fails", range(4, 6)),
    (1 << 7, "the element for gases fails", range(6, 8)),
)
# Those of errors stay until they are cleared; those of the fan's speed and cleaning do not.
LASTING = 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7
# Seconds until the status shows a fault that lasts, after it was cleared.
SHOWS_AGAIN = 5
# Seconds until particles are stable and there is an index of nitrogen oxides: 8 and 11, and a tenth.
STARTS_UP = 13
# Seconds: a value comes every second, 10 % slow.
POLLS, POLL = 6, 0.25
MASS_STOP = 1_000.0


def mass(name: str, kind: str | None, accuracy: float) -> Quantity:
    """Return the quantity of a mass concentration; in filtered air it stands at 0."""
    return Quantity(name, "µg/m³", kind, 0.0, MASS_STOP, 0.1, noisy=False, accuracy=accuracy)


class Sen5x(SensirionChip):
    """One SEN50, SEN54 or SEN55, measuring every second. Which it is, and so what it tells, is known once it is set up.

    It has no VOC index in the first minute, and no particles while it cleans its fan, 10 s a week.
    """

    name = "sen5x"
    addresses = (0x69,)
    questions = (
        Question(PRODUCT, 3 * PRODUCT_WORDS, lambda answer: text(crc.words(answer))[:5] in MODELS, PRODUCT_TAKES),
    )
    takes = 17.0
    # The answers are up to 48 bytes long.
    holds = 0.01
    # In the order of the answer.
    quantities: tuple[Quantity, ...] = (
        mass("pm1", "pm1", 5.0),
        mass("pm2_5", "pm25", 5.0),
        mass("pm4", None, 25.0),
        mass("pm10", "pm10", 25.0),
        Quantity("humidity", "%", "humidity", 0.0, 100.0, 0.01, needs="temperature", accuracy=4.5),
        Quantity("temperature", "°C", "temperature", -40.0, 85.0, 0.005, accuracy=0.45),
        Quantity("voc_index", "", None, 1.0, 500.0, 0.1, noisy=False),
        Quantity("nox_index", "", None, 1.0, 500.0, 0.1, noisy=False),
    )
    scales = (10, 10, 10, 10, 100, 200, 10, 10)

    def identify(self) -> Waits:
        """Read the product's name, which says what the model measures.

        Raises:
            WrongChip: something else answers.
        """
        product = text((yield from self.proof(PRODUCT, PRODUCT_TAKES, PRODUCT_WORDS)))
        if product[:5] not in MODELS:
            raise WrongChip(self.name, self.address, expected=" or ".join(MODELS), found=product or "no name")
        self.quantities = type(self).quantities[: MODELS[product[:5]]]

    def configure(self) -> Waits:
        """Start measuring, unless it does: its indices would begin again, too."""
        if (yield from self.measures_already()):
            return
        self.write(START)
        yield STARTING_TAKES
        for _ in range(STARTS_UP):
            yield 1.0

    def measures_already(self) -> Generator[float, None, bool]:
        """Return whether the chip measures, and not gases only, as another program may have left it."""
        try:
            if not (yield from self.has_new_values()):
                return False
            words = yield from self.ask(READ, COMMAND_TAKES, 8)
        except REFUSED:
            # It idles.
            return False
        return words[0] != UNKNOWN

    def measure(self) -> Reading:
        """Return what the model measures: µg/m³, °C, %, indices; of what it does not know, why.

        Raises:
            NotReady: no value came. ChecksumError: a word arrived damaged. InvalidReading: it has not measured.
        """
        words, status = yield from self.new_values()
        if status & LASTING:
            # The chip keeps these until they are cleared, also of a fault that has passed.
            self.write(CLEAR)
            for _ in range(SHOWS_AGAIN):
                yield 1.0
            words, status = yield from self.new_values()
        if not any(words):
            raise InvalidReading(f"{self.name}: all its numbers are 0; it has not measured")
        return {one.name: self.told(index, words, status) for index, one in enumerate(self.quantities)}

    def new_values(self) -> Generator[float, None, tuple[tuple[int, ...], int]]:
        """Wait for new values; return the eight numbers, and the status.

        Raises:
            NotReady: none came. ChecksumError: a word arrived damaged.
        """
        if not (yield from self.has_new_values()):
            raise NotReady(
                f"{self.name}: no value within {POLLS * POLL:g} s; it does not measure, and is started again"
            )
        words = yield from self.ask(READ, COMMAND_TAKES, 8)
        high, low = yield from self.ask(STATUS, COMMAND_TAKES, 2)
        return words, high << 16 | low

    def has_new_values(self) -> Generator[float, None, bool]:
        """Return whether there are new values; wait for them."""
        for _ in range(POLLS):
            (ready,) = yield from self.ask(IS_READY, COMMAND_TAKES, 1)
            if ready & 0xFF == 1:
                return True
            yield POLL
        return False

    def told(self, index: int, words: tuple[int, ...], status: int) -> float | Untold:
        """Return one of the eight numbers, or why it cannot be told."""
        one, word, is_mass = self.quantities[index], words[index], index < MODELS["SEN50"]
        wrong = [what for bit, what, spoilt in FAULTS if status & bit and index in spoilt]
        if wrong:
            return InvalidReading(f"{self.name}: no {one.name}: {' and '.join(wrong)} (status 0x{status:08x})")
        is_no_air = one.name in ("humidity", "temperature") and words[AIR] in NO_AIR
        if is_no_air or word == (UNKNOWN if is_mass else UNKNOWN_SIGNED):
            return InvalidReading(f"{self.name}: {one.name} is not known (0x{word:04x})")
        value = (word if is_mass else signed(word, 16)) / self.scales[index]
        if one.name.endswith("_index") and value == 0:
            return InvalidReading(f"{self.name}: {one.name} is 0; it takes up to a minute from the start")
        return self.beyond(one.name, at_least=one.high) if is_mass and value > one.high else value

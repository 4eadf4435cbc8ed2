"""Sensirion SPS30: particulate matter by mass and by number, on I2C.

Source: Sensirion "Datasheet SPS30" v1.0 (2020), sections 1 (specifications), 4 (functional overview) and 6 (I2C).
"""

from __future__ import annotations

import math
from collections.abc import Generator

from .. import crc
from ..chip import Quantity, Question, Reading, Waits
from ..errors import ChecksumError, InvalidReading, NoAcknowledge, NotReady, WrongChip
from .sensirion import REFUSED, SensirionChip, text

# Section 6.3: commands, with the longest time that they take, and a tenth.
START, STARTING_TAKES = b"\x00\x10", 0.022
STOP, STOPPING_TAKES = b"\x01\x04", 0.022
AS_FLOATS = crc.word(0x0300)
WAKE_UP, WAKING_TAKES, SLEEP = b"\x11\x03", 0.0055, b"\x10\x01"
PRODUCT, IS_SPS30 = b"\xd0\x02", "00080000"
VERSION, IS_READY, READ = b"\xd1\x00", b"\x02\x02", b"\x03\x00"
STATUS, CLEAR = b"\xd2\x06", b"\xd2\x10"
# The datasheet names no time between a command that reads and its answer; Sensirion's own driver waits.
COMMAND_TAKES = 0.005
# Firmware 2.2 and later has the status (section 4.4).
HAS_STATUS = 0x0202
FAULTS = {
    1 << 5: "the laser fails",
    1 << 4: "the fan does not turn: it is blocked or broken",
    1 << 21: "the fan is too fast or too slow",
}
LASTING = sum(FAULTS)
# Seconds until the status shows a fault that lasts, after it was cleared.
SHOWS_AGAIN = 5
# Seconds until a measurement is stable, of air with 200 particles/cm³ or more, and a tenth. Cleaner air takes up to
# 30 s, but is within the accuracy that is promised before.
STARTS_UP = 9
# Seconds: a value comes every second, 10 % slow.
POLLS, POLL = 6, 0.25
MASS_STOP, NUMBER_STOP = 1_000.0, 3_000.0


def mass(name: str, kind: str | None, accuracy: float) -> Quantity:
    """Return the quantity of a mass concentration; in filtered air it stands at 0."""
    return Quantity(name, "µg/m³", kind, 0.0, MASS_STOP, 0.1, noisy=False, accuracy=accuracy)


def number(name: str, accuracy: float) -> Quantity:
    """Return the quantity of a number concentration."""
    return Quantity(name, "1/cm³", None, 0.0, NUMBER_STOP, 0.1, noisy=False, accuracy=accuracy)


class Sps30(SensirionChip):
    """One SPS30, measuring every second with its fan on. Once a week it cleans its fan, and has no value for 10 s."""

    name = "sps30"
    addresses = (0x69,)
    questions = (
        Question(
            PRODUCT,
            12,
            lambda answer: text(crc.words(answer)) == IS_SPS30,
            COMMAND_TAKES,
            wakes_in=WAKING_TAKES,
            wake=WAKE_UP,
            sleep=SLEEP,
        ),
    )
    takes = 13.0
    # The answer is 60 bytes long.
    holds = 0.01
    quantities = (
        mass("pm1", "pm1", 5.0),
        mass("pm2_5", "pm25", 5.0),
        mass("pm4", None, 25.0),
        mass("pm10", "pm10", 25.0),
        number("number_0_5", 100.0),
        number("number_1", 100.0),
        number("number_2_5", 100.0),
        number("number_4", 250.0),
        number("number_10", 250.0),
    )
    has_status = True

    def identify(self) -> Waits:
        """Read the product type, and the version, which says what the firmware can do. A chip that sleeps is woken.

        Raises:
            WrongChip: something else answers.
        """
        try:
            words = yield from self.proof(PRODUCT, COMMAND_TAKES, 4)
        except NoAcknowledge:
            yield from self.wake()
            words = yield from self.proof(PRODUCT, COMMAND_TAKES, 4)
        if text(words) != IS_SPS30:
            raise WrongChip(self.name, self.address, expected=IS_SPS30, found=text(words))
        (version,) = yield from self.ask(VERSION, COMMAND_TAKES, 1)
        self.has_status = version >= HAS_STATUS

    def wake(self) -> Waits:
        """Wake the chip: the first command switches its interface on, the second one, within 100 ms, is obeyed."""
        try:
            self.write(WAKE_UP)
        except NoAcknowledge:
            yield WAKING_TAKES
            self.write(WAKE_UP)
        yield WAKING_TAKES

    def configure(self) -> Waits:
        """Start measuring, unless it does, and wait until the fan and the flow of air are stable."""
        try:
            yield from self.new_values()
            return
        except ChecksumError:
            # Another program has started it to tell integers, which are shorter.
            self.write(STOP)
            yield STOPPING_TAKES
        except (NotReady, *REFUSED):
            # It idles.
            yield COMMAND_TAKES
        self.write(START + AS_FLOATS)
        yield STARTING_TAKES
        for _ in range(STARTS_UP):
            yield 1.0

    def measure(self) -> Reading:
        """Return mass concentrations in µg/m³ and number concentrations in 1/cm³; of one at its stop, what is known.

        Raises:
            NotReady: no value came. InvalidReading: the laser or the fan fails. ChecksumError: a word arrived damaged.
        """
        values = yield from self.new_values()
        if (yield from self.status()) & LASTING:
            # The chip keeps these until they are cleared, also of a fault that has passed.
            self.write(CLEAR)
            for _ in range(SHOWS_AGAIN):
                yield 1.0
            values = yield from self.new_values()
            self.well((yield from self.status()))
        # The last number is the typical size of the particles.
        return {
            one.name: self.beyond(one.name, at_least=one.high) if one.high < value < math.inf else value
            for one, value in zip(self.quantities, values[:-1], strict=True)
        }

    def new_values(self) -> Generator[float, None, tuple[float, ...]]:
        """Wait for new values and return them.

        Raises:
            NotReady: none came. ChecksumError: a word arrived damaged.
        """
        for _ in range(POLLS):
            if (yield from self.ask(IS_READY, COMMAND_TAKES, 1)) == (1,):
                return (yield from self.floats(READ, COMMAND_TAKES, 10))
            yield POLL
        raise NotReady(f"{self.name}: no value within {POLLS * POLL:g} s; it does not measure, or cleans its fan")

    def status(self) -> Generator[float, None, int]:
        """Return the status (section 4.4); 0 of a firmware that has none."""
        if not self.has_status:
            return 0
        high, low = yield from self.ask(STATUS, COMMAND_TAKES, 2)
        return high << 16 | low

    def well(self, status: int) -> None:
        """Look at the status.

        Raises:
            InvalidReading: the laser or the fan fails, so that what it measures is not true.
        """
        wrong = [what for bit, what in FAULTS.items() if status & bit]
        if wrong:
            raise InvalidReading(f"{self.name}: {' and '.join(wrong)} (status 0x{status:08x})")

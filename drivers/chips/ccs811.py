"""ams CCS811: equivalent CO₂ and volatile organic compounds on I2C. End of life; it stretches the clock.

Source: ams (ScioSense) "CCS811" datasheet, section "Register Overview". On a Pi Zero to 4 it needs a slow bus
(`dtparam=i2c_arm_baudrate=10000`) or the bit-banged adapter (`dtoverlay=i2c-gpio`).
"""

from __future__ import annotations

from ..chip import I2cChip, Quantity, Question, Reading, Waits, says
from ..errors import ChecksumError, InvalidReading, LostPower, NotReady, WrongChip
from ..registers import Field, Register

STATUS, MODE, IDENTITY, ERROR = Register(0x00), Register(0x01), Register(0x20), Register(0xE0)
RESULT, VALUES = Register(0x02, 8), Register(0x02, 4)
# Of the result: eCO2, TVOC, and then the status and the error once more.
BOTH, RESULT_STATUS, RESULT_ERROR = Field(63, 32), Field(31, 24), Field(23, 16)
ECO2, TVOC = Field(31, 16), Field(15, 0)
# A mailbox without a value: to name it starts the application.
START_APP = b"\xf4"
CCS811 = 0x81
APP_RUNS, READY, ALWAYS_ZERO, HAS_ERROR = 0x80, 0x08, 0x06, 0x01
EVERY_SECOND = 0x10
# 20 ms and 1 ms, and 10 %.
POWER_UP_TAKES = 0.022
STARTING_TAKES = 0.002
# Up to 1.25 s: a result comes every second, 10 % slow.
POLLS, POLL = 6, 0.25
# The chip goes no further.
ECO2_STOP, TVOC_STOP = 29_206, 32_768
ERRORS = (
    "bad register written",
    "bad register read",
    "bad mode",
    "heater resistance",
    "heater current",
    "heater supply",
)


class Ccs811(I2cChip):
    """One CCS811, measuring every second. Its first 20 minutes after power-on are less exact (datasheet: run-in)."""

    name = "ccs811"
    addresses = (0x5A, 0x5B)
    questions = (Question(bytes([IDENTITY.address]), 1, says(bytes([CCS811]))),)
    takes = 1.6
    quantities = (
        Quantity("eco2", "ppm", "carbon_dioxide", 400.0, ECO2_STOP - 1.0, 1.0, noisy=False),
        Quantity(
            "tvoc", "ppb", "volatile_organic_compounds_parts", 0.0, TVOC_STOP - 1.0, 1.0, needs="eco2", noisy=False
        ),
    )

    def identify(self) -> Waits:
        """Look at the hardware identity.

        Raises:
            WrongChip: something else answers.
        """
        yield POWER_UP_TAKES
        found = self.get(IDENTITY)
        if found != CCS811:
            raise WrongChip(self.name, self.address, expected=CCS811, found=found)

    def configure(self) -> Waits:
        """Start the application, unless it runs, and measure every second.

        Raises:
            NotReady: the application does not start.
        """
        status = self.get(STATUS)
        if not status & APP_RUNS:
            self.write(START_APP)
            yield STARTING_TAKES
            status = self.get(STATUS)
        if not status & APP_RUNS:
            raise NotReady(f"{self.name}: the application does not start (status 0x{status:02x})")
        self.put(MODE, EVERY_SECOND)

    def measure(self) -> Reading:
        """Return eco2 in ppm and tvoc in ppb; waits for a new result.

        Raises:
            LostPower: the chip is back in its boot loader. NotReady: no result came.
            InvalidReading: it reports an error. ChecksumError: two reads differ.
        """
        for _ in range(POLLS):
            # Asked again where it says so: a damaged bit would pass what it shows before its first result.
            if self.checked(self.get(STATUS)) & READY and self.checked(self.get(STATUS)) & READY:
                break
            yield POLL
        else:
            if self.get(MODE) != EVERY_SECOND:
                raise LostPower(f"{self.name}: it does not measure any more")
            raise NotReady(f"{self.name}: no result within {(POLLS - 1) * POLL:g} s")
        result = self.get(RESULT)
        self.checked(RESULT_STATUS.of(result), RESULT_ERROR.of(result))
        values = BOTH.of(result)
        # Shorter reads: where the line goes dead within a message, they differ.
        again = self.get_twice(VALUES)
        if values != again:
            raise ChecksumError(f"{self.name}: two reads differ: {values:08x} and {again:08x}; shorten the cable")
        return {
            "eco2": self.below("eco2", ECO2.of(values), ECO2_STOP),
            "tvoc": self.below("tvoc", TVOC.of(values), TVOC_STOP),
        }

    def checked(self, status: int, error: int | None = None) -> int:
        """Return a status that speaks of no trouble.

        Raises:
            InvalidReading: it reports an error, or has bits that are always 0. LostPower: the application is gone.
        """
        if status & HAS_ERROR:
            bits = self.get(ERROR) if error is None else error
            names = [name for bit, name in enumerate(ERRORS) if bits >> bit & 1]
            raise InvalidReading(f"{self.name}: error 0x{bits:02x} ({', '.join(names) or 'unknown'})")
        if not status & APP_RUNS:
            raise LostPower(f"{self.name}: it is back in its boot loader")
        if status & ALWAYS_ZERO:
            raise InvalidReading(f"{self.name}: impossible status 0x{status:02x}")
        return status

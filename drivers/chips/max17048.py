"""Maxim MAX17048: voltage, charge and its rate of a lithium cell on I2C.

Source: Maxim Integrated data sheet "MAX17048/MAX17049", register summary.
"""

from __future__ import annotations

from ..chip import I2cChip, Measurement, Quantity, Question, Waits
from ..errors import ChecksumError, InvalidReading, LostPower, WrongChip
from ..registers import Field, Register

VERSION, CONFIGURATION, STATUS = Register(0x08, 2), Register(0x0C, 2), Register(0x1A, 2)
VOLTAGE, CHARGE, RATE = Register(0x02, 2), Register(0x04, 2), Register(0x16, 2, is_signed=True)
# Of the version; the lower four bits are the revision.
PRODUCTION = 0x0010
ASLEEP, WAS_RESET = Field(7, 7), Field(8, 8)  # of the configuration; of the status (RI)
# Of the configuration: the chip sets it by itself when the charge is low.
ALERTS = Field(5, 5)
RATE_STOPS = (0x7FFF, -0x8000)
# seconds; the voltage takes 17 ms, the charge 192 ms after a reset, and an oscillator may be slow
FIRST_ESTIMATE = 0.22


class Max17048(I2cChip):
    """One MAX17048, estimating all the time. Its status says by itself that it was reset since that was cleared.

    It lives on the cell that it measures: without a cell it does not answer.
    """

    name = "max17048"
    addresses = (0x36,)
    takes = 0.25
    questions = (Question(b"\x08", 2, lambda version: version[0] == 0 and version[1] & 0xF0 == PRODUCTION),)
    quantities = (
        Quantity("voltage", "V", "voltage", 2.5, 5.0, 0.00125, noisy=False, accuracy=0.0075),
        Quantity("charge", "%", "battery", 0.0, 100.0, 1 / 256, clips=True, noisy=False),
        Quantity("charge_rate", "%/h", None, -6815.5, 6815.3, 0.208, noisy=False),
    )
    configuration = 0

    def identify(self) -> None:
        """Read the production version.

        Raises:
            WrongChip: something else answers at this address.
        """
        found = self.get_twice(VERSION)
        if found & 0xFFF0 != PRODUCTION:
            raise WrongChip(self.name, self.address, expected=PRODUCTION, found=found)

    def configure(self) -> Waits:
        """Wake it if it was sent to sleep, clear the sign of a reset, and wait for the first estimate."""
        configuration = self.get_twice(CONFIGURATION)
        if ASLEEP.of(configuration):
            configuration &= ~ASLEEP.put(1)
            self.put(CONFIGURATION, configuration)
        self.configuration = configuration & ~ALERTS.put(1)
        self._clear()
        yield FIRST_ESTIMATE
        if WAS_RESET.of(self.get_twice(STATUS)):
            # once more: it may have been reset meanwhile
            self._clear()
            yield FIRST_ESTIMATE

    def _clear(self) -> None:
        self.put(STATUS, self.get_twice(STATUS) & ~WAS_RESET.put(1))

    def measure(self) -> Measurement:
        """Return voltage in V, charge in % and its rate in %/h.

        Raises:
            LostPower: it was reset. InvalidReading: it has no voltage yet. ChecksumError: two reads differ.
        """
        first = [self.get(register) for register in (VOLTAGE, CHARGE, RATE)]
        # Read between the two: a line that fails for a moment cannot damage both of them unseen.
        configuration = self.get(CONFIGURATION) & ~ALERTS.put(1)
        second = [self.get(register) for register in (VOLTAGE, CHARGE, RATE)]
        # The status last: what was read before it is from before a reset.
        was_reset = WAS_RESET.of(self.get(STATUS))
        if was_reset or configuration != self.configuration:
            raise LostPower(f"{self.name}: it was reset; its estimate begins again")
        if first != second:
            raise ChecksumError(f"{self.name}: two reads differ; shorten or shield the cable")
        voltage, charge, rate = first
        if voltage == charge == rate & 0xFFFF:
            raise InvalidReading(f"{self.name}: all of them are 0x{voltage:04x}: a line is stuck")
        if voltage in (0, 0xFFFF):
            raise InvalidReading(f"{self.name}: voltage 0x{voltage:04x} is no reading")
        told = {"voltage": volts(voltage), "charge": percent(charge)}
        if rate in RATE_STOPS:
            return told | {"charge_rate": InvalidReading(f"{self.name}: a rate at its stop is no reading")}
        return told | {"charge_rate": percent_per_hour(rate)}


def volts(code: int) -> float:
    """Return V from VCELL."""
    return code * 78.125e-6


def percent(code: int) -> float:
    """Return % from SOC. A full cell may be estimated a little above 100."""
    return code / 256


def percent_per_hour(code: int) -> float:
    """Return %/h from the signed CRATE."""
    return code * 0.208

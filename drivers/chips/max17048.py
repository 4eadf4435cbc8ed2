"""Maxim MAX17048: voltage, charge and its rate of a lithium cell on I2C.

Source: Maxim Integrated data sheet "MAX17048/MAX17049", register summary.
"""

from __future__ import annotations

from .. import crc
from ..chip import I2cChip, Probe, Quantity, Values, Waits
from ..errors import InvalidReading, LostPower, NoAcknowledge, WrongChip
from ..registers import Field, Register

VERSION, CONFIGURATION, STATUS = Register(0x08, 2), Register(0x0C, 2), Register(0x1A, 2)
VOLTAGE, CHARGE, RATE = Register(0x02, 2), Register(0x04, 2), Register(0x16, 2, is_signed=True)
PRODUCTION = 0x0010  # of the version; the lower four bits are the revision
ASLEEP, WAS_RESET = Field(7, 7), Field(8, 8)  # of the configuration; of the status (RI)
FIRST_ESTIMATE = (
    0.22  # seconds; the voltage takes 17 ms, the charge 192 ms after a reset, and an oscillator may be slow
)


class Max17048(I2cChip):
    """One MAX17048, estimating all the time. Its status says by itself that it was reset since that was cleared.

    It lives on the cell that it measures: without a cell it does not answer. Where the sign of a reset stays though it
    was just cleared (an emulator), it tells nothing; then an estimate that is not zero is believed.
    """

    name = "max17048"
    addresses = (0x36,)
    probes = (Probe(b"\x08", 2, lambda version: version[0] == 0 and version[1] & 0xF0 == PRODUCTION),)
    quantities = (
        Quantity("voltage", "V", "voltage", 2.5, 5.0, 0.00125),
        Quantity("charge", "%", "battery", 0.0, 100.0, 1 / 256),
        Quantity("charge_rate", "%/h", None, -6815.8, 6815.6, 0.208),
    )

    sign_stays = False

    def identify(self) -> None:
        """Read the production version.

        Raises:
            WrongChip: something else answers at this address.
        """
        found = self.register(VERSION)
        if found & 0xFFF0 != PRODUCTION:
            raise WrongChip(self.name, self.address, expected=PRODUCTION, found=found)

    def configure(self) -> Waits:
        """Wake it if somebody sent it to sleep, clear the sign of a reset, and wait for the first estimate."""
        configuration = self.register(CONFIGURATION)
        if ASLEEP.of(configuration):
            self.write(CONFIGURATION.encode(configuration & ~ASLEEP.put(1)))
        self.sign_stays = self.clear()
        yield FIRST_ESTIMATE
        if WAS_RESET.of(self.register(STATUS)):  # once more: it may have been reset meanwhile
            self.sign_stays = self.clear()
            yield FIRST_ESTIMATE

    def clear(self) -> bool:
        """Clear the sign of a reset; return whether it is still there."""
        status = self.register(STATUS)
        try:
            self.write(STATUS.encode(status & ~WAS_RESET.put(1)))
        except NoAcknowledge:  # an emulator that cannot be written to, or a disturbance
            return bool(WAS_RESET.of(status))
        return bool(WAS_RESET.of(self.register(STATUS)))

    def measure(self) -> Values:
        """Return voltage in V, charge in % and its rate in %/h.

        Raises:
            LostPower: it was reset. InvalidReading: it has no voltage yet. ChecksumError: two reads differ.
        """
        voltage, charge, rate = (self.register(r) for r in (VOLTAGE, CHARGE, RATE))
        was_reset = WAS_RESET.of(self.register(STATUS))  # last: what was read before it is from before a reset
        if was_reset and not self.sign_stays:
            raise LostPower(f"{self.name}: it was reset; its estimate begins anew")
        if voltage in (0, 0xFFFF) or (self.sign_stays and charge == 0):
            raise InvalidReading(f"{self.name}: voltage 0x{voltage:04x} is no reading")
        return {"voltage": volts(voltage), "charge": percent(charge), "charge_rate": percent_per_hour(rate)}

    def register(self, register: Register) -> int:
        """Return a register that was read twice the same."""
        where = bytes([register.address])
        return register.decode(crc.agreed(self.write_read(where, 2), self.write_read(where, 2)))


def volts(code: int) -> float:
    """Return V from VCELL."""
    return code * 78.125e-6


def percent(code: int) -> float:
    """Return % from SOC. A full cell may be estimated a little above 100: that is clipped, more than that is not."""
    charge = code / 256
    return 100.0 if 100 < charge <= 110 else charge


def percent_per_hour(code: int) -> float:
    """Return %/h from the signed CRATE."""
    return code * 0.208

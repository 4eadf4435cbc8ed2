"""Texas Instruments INA226: bus voltage and, over a shunt, current and power on I2C.

Source: Texas Instruments "INA226" (SBOS547), sections "Register Maps" and "Electrical Characteristics".
"""

from __future__ import annotations

from ..chip import Reading
from ..registers import Register
from .one_shot import OneShotMonitor
from .shunt import ShuntMonitor

SHUNT_STOPS = (0x7FFF, -0x8000)
# 36 V, the most that the chip is specified for; the register goes on to 40.96 V.
BUS_STOP = 28_800


class Ina226(OneShotMonitor, ShuntMonitor):
    """One INA226. Begins each conversion itself: a value is of now, and its registers stand still to be read twice."""

    name = "ina226"
    die = 0x2260
    # No averaging, 1.1 ms each, both, begun by writing it; 0x4127 after power-on.
    one_shot = 0x4123
    # 2 × 1.21 ms at most, and 10 %
    converting_takes = 0.0027
    results = (Register(0x01, 2, is_signed=True), Register(0x02, 2))
    # Mask/Enable
    flags, converted, overflow = Register(0x06, 2), 0x0008, 0x0004
    most = (0x7FFE / 400_000, (BUS_STOP - 1) / 800)
    steps = (2.5e-6, 0.00125)

    def measure(self) -> Reading:
        """Return bus_voltage and shunt_voltage in V, current in A (negative: backwards), power in W.

        Raises:
            NotReady, LostPower, ChecksumError, InvalidReading: as `convert` says.
        """
        shunt, bus = yield from self.convert()
        stops = {"shunt_stops": shunt in SHUNT_STOPS, "bus_stops": bus >= BUS_STOP}
        return self.told(shunt_volts(shunt), bus_volts(bus), **stops)


def shunt_volts(code: int) -> float:
    """Return volts over the shunt from the signed shunt register, 2.5 µV a digit (section "Shunt Voltage Register")."""
    return code / 400_000


def bus_volts(code: int) -> float:
    """Return volts from the bus register, 1.25 mV a digit (section "Bus Voltage Register")."""
    return code / 800

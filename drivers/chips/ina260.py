"""Texas Instruments INA260: bus voltage, current and power over a shunt of its own on I2C.

Source: Texas Instruments "INA260" (SBOS656C), sections "Electrical Characteristics" and "Register Maps".
"""

from __future__ import annotations

from typing import ClassVar

from ..chip import Quantity, Reading, Untold
from ..registers import Register
from .one_shot import OneShotMonitor

# 15 A, the most that the chip is specified for; the register goes on to 40.96 A.
CURRENT_STOP = 12_000
# 36 V, likewise.
BUS_STOP = 28_800
# Accuracies below: the offset, and the gain's error at the end of the range.
MOST_AMPERES, MOST_VOLTS = (CURRENT_STOP - 1) / 800, (BUS_STOP - 1) / 800


class Ina260(OneShotMonitor):
    """One INA260. Power is computed here: the chip's own has no sign and steps of 10 mW."""

    name = "ina260"
    addresses: ClassVar[tuple[int, ...]] = tuple(range(0x40, 0x50))
    quantities = (
        Quantity("bus_voltage", "V", "voltage", 0.0, MOST_VOLTS, 0.00125, accuracy=0.0435),
        Quantity("current", "A", "current", -MOST_AMPERES, MOST_AMPERES, 0.00125, accuracy=0.0275),
        Quantity("power", "W", "power", -MOST_VOLTS * MOST_AMPERES, MOST_VOLTS * MOST_AMPERES, 0.045),
    )
    die = 0x2270
    # No averaging, 1.1 ms each, both, begun by writing it; 0x6127 after power-on.
    one_shot = 0x6123
    # 2 × 1.21 ms at most, and 10 %
    converting_takes = 0.0027
    results = (Register(0x01, 2, is_signed=True), Register(0x02, 2))
    # Mask/Enable
    flags, converted, overflow = Register(0x06, 2), 0x0008, 0x0004

    def measure(self) -> Reading:
        """Return bus_voltage in V, current in A (negative: backwards), power in W.

        Raises:
            NotReady, LostPower, ChecksumError, InvalidReading: as `convert` says.
        """
        current, bus = yield from self.convert()
        a = amperes(max(-CURRENT_STOP, min(CURRENT_STOP, current)))
        v = volts(min(BUS_STOP, bus))
        told: dict[str, float | Untold] = {"bus_voltage": v, "current": a, "power": v * a}
        if abs(current) >= CURRENT_STOP:
            told["current"] = self._stopped("current", a, "it bears 15 A")
        if bus >= BUS_STOP:
            told["bus_voltage"] = self._stopped("bus_voltage", v, "it bears 36 V")
        if abs(current) >= CURRENT_STOP or bus >= BUS_STOP:
            told["power"] = self._stopped("power", v * a, "it bears 15 A and 36 V")
        return told

    def _stopped(self, name: str, value: float, hint: str) -> Untold:
        if value < 0:
            return self.beyond(name, at_most=value, hint=hint)
        return self.beyond(name, at_least=value, hint=hint)


def amperes(code: int) -> float:
    """Return A from the signed current register, 1.25 mA a digit (section "Current Register")."""
    return code / 800


def volts(code: int) -> float:
    """Return V from the bus register, 1.25 mV a digit (section "Bus Voltage Register")."""
    return code / 800

"""Texas Instruments INA3221: three bus voltages and, over three shunts, three currents on I2C.

Source: Texas Instruments "INA3221" (SBOS576B), sections "Electrical Characteristics" and "Register Maps".
"""

from __future__ import annotations

from typing import Any, ClassVar

from ..chip import Quantity, Reading, Untold
from ..errors import InvalidReading
from ..registers import Field, Register
from .one_shot import OneShotMonitor
from .shunt import Ohms, checked_ohms

CHANNELS = (1, 2, 3)
# Of every result: twelve bits and a sign above three that are always 0.
RESULT, ALWAYS_ZERO = Field(15, 3, is_signed=True), Field(2, 0)
# ±163.8 mV: the register goes no further.
SHUNT_STOP = 0x0FFF
# 26 V, the most that the chip is specified for; the register goes on to 32.76 V.
BUS_STOP = 3250
# Digits below 0 V that the offset of ±16 mV may take a bus without voltage.
OFFSET = 2


class Ina3221(OneShotMonitor):
    """One INA3221. Measures its three channels in one conversion that it begins itself.

    Args:
        shunt_ohms: the resistance of each of the three shunts; 0.1 on most boards.
    """

    name = "ina3221"
    addresses: ClassVar[tuple[int, ...]] = (0x40, 0x41, 0x42, 0x43)
    die = 0x3220
    # All channels, no averaging, 1.1 ms each, begun by writing it; 0x7127 after power-on.
    one_shot = 0x7123
    # 6 × 1.21 ms at most, and 10 %
    converting_takes = 0.008
    # The shunt and the bus of channel 1, 2, 3.
    results = tuple(Register(address, 2) for address in range(0x01, 0x07))
    # Mask/Enable
    flags, converted = Register(0x0F, 2), 0x0001

    def __init__(
        self,
        bus: Any,
        address: int | None = None,
        *,
        shunt_ohms: Ohms = 0.1,
        identity: str = "strict",
    ) -> None:
        super().__init__(bus, address, identity=identity)
        self.shunt_ohms = checked_ohms(shunt_ohms)
        self.quantities = quantities_with(shunt_ohms)

    def measure(self) -> Reading:
        """Return bus_voltage_1..3 in V and current_1..3 in A (negative: backwards).

        Raises:
            NotReady, LostPower, ChecksumError, InvalidReading: as `convert` says.
        """
        words = yield from self.convert()
        if any(ALWAYS_ZERO.of(word) for word in words):
            shown = " ".join(f"{word:04x}" for word in words)
            raise InvalidReading(f"{self.name}: its registers are {shown}: bits that are always 0 are not")
        codes = [RESULT.of(word) for word in words]
        told: dict[str, float | Untold] = {}
        for channel, shunt, bus in zip(CHANNELS, codes[0::2], codes[1::2], strict=True):
            told[f"bus_voltage_{channel}"] = self._bus(f"bus_voltage_{channel}", bus)
            told[f"current_{channel}"] = self._current(f"current_{channel}", shunt)
        return told

    def _bus(self, name: str, code: int) -> float | Untold:
        if code < BUS_STOP:
            return 0.0 if -OFFSET <= code < 0 else bus_volts(code)
        return self.beyond(name, at_least=bus_volts(BUS_STOP), hint="the bus voltage is too high for this chip")

    def _current(self, name: str, code: int) -> float | Untold:
        amperes = shunt_volts(code) / self.shunt_ohms
        if abs(code) < SHUNT_STOP:
            return amperes
        bound = {"at_most": amperes} if code < 0 else {"at_least": amperes}
        return self.beyond(name, hint="take a smaller shunt", **bound)


def quantities_with(shunt_ohms: float) -> tuple[Quantity, ...]:
    """Return what is measured with shunts of `shunt_ohms`: their resistance sets the range of the currents."""
    most, volts = shunt_volts(SHUNT_STOP - 1) / shunt_ohms, bus_volts(BUS_STOP - 1)
    step = shunt_volts(1) / shunt_ohms
    return tuple(
        Quantity(f"{name}_{channel}", unit, kind, low, high, digit)
        for channel in CHANNELS
        for name, unit, kind, low, high, digit in (
            ("bus_voltage", "V", "voltage", 0.0, volts, 0.008),
            ("current", "A", "current", -most, most, step),
        )
    )


def shunt_volts(code: int) -> float:
    """Return volts over a shunt from the signed 13 bits, 40 µV a digit (section "Shunt-Voltage Registers")."""
    return code / 25_000


def bus_volts(code: int) -> float:
    """Return volts from the signed 13 bits, 8 mV a digit (section "Bus-Voltage Registers")."""
    return code / 125


Ina3221.quantities = quantities_with(0.1)

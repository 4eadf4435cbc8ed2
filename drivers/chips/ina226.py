"""Texas Instruments INA226: bus voltage and, over a shunt, current and power on I2C.

Source: Texas Instruments "INA226" (SBOS547), sections "Register Maps" and "Electrical Characteristics".
"""

from __future__ import annotations

from typing import Any

from .. import crc
from ..chip import I2cChip, Probe, Quantity, Reading, says
from ..errors import InvalidReading, LostPower, NotReady, WrongChip
from ..registers import Register

CONFIG = Register(0x00, 2)
SHUNT = Register(0x01, 2, is_signed=True)
BUS = Register(0x02, 2)
FLAGS = Register(0x06, 2)  # Mask/Enable; reading it clears CONVERTED
MANUFACTURER, MANUFACTURER_ID = Register(0xFE, 2), 0x5449
DIE, DIE_ID = Register(0xFF, 2), 0x2260

ONE_SHOT = 0x4123  # no averaging, 1.1 ms each, both, begun by writing it; 0x4127 after power-on
CONVERTED = 0x0008
OVERFLOW = 0x0004
CONVERTING_TAKES = 0.0027  # 2 × 1.21 ms at most, and 10 %
POLLS = 3
SHUNT_ENDS = (0x7FFF, -0x8000)
BUS_END = 0x7FFF


class Ina226(I2cChip):
    """One INA226. Begins each conversion itself, so a value is of now; current and power are computed here.

    Args:
        shunt_ohms: the shunt's resistance; 0.1 or 0.01 on most boards.
    """

    name = "ina226"
    addresses = tuple(range(0x40, 0x50))
    probes = (Probe(b"\xff", 2, says(b"\x22\x60")), Probe(b"\xfe", 2, says(b"\x54\x49")))  # 0xfe resets an HTU21D

    def __init__(self, bus: Any, address: int | None = None, *, shunt_ohms: float = 0.1) -> None:
        super().__init__(bus, address)
        if isinstance(shunt_ohms, bool) or not isinstance(shunt_ohms, int | float) or not 0 < shunt_ohms < 1e6:
            raise ValueError(f"shunt_ohms: {shunt_ohms!r} is no resistance; write ohms above 0, such as 0.1")
        self.shunt_ohms = shunt_ohms
        self.quantities = quantities(shunt_ohms)

    def identify(self) -> None:
        """Look at both identity registers.

        Raises:
            WrongChip: something else answers.
        """
        for register, expected in ((MANUFACTURER, MANUFACTURER_ID), (DIE, DIE_ID)):
            if (found := self._word(register)) != expected:
                raise WrongChip(self.name, self.address, expected=expected, found=found)

    def measure(self) -> Reading:
        """Return bus_voltage and shunt_voltage in V, current in A (negative: backwards), power in W.

        Raises:
            NotReady: the conversion never ended. LostPower: the configuration is gone. InvalidReading: out of range.
            ChecksumError: two reads differ.
        """
        self.write(CONFIG.encode(ONE_SHOT))
        for _ in range(POLLS):
            yield CONVERTING_TAKES
            flags = self._word(FLAGS)
            if flags & CONVERTED:
                break
        else:
            raise NotReady(f"{self.name}: the conversion did not end")
        shunt, bus, config = self._twice(SHUNT), self._twice(BUS), self._word(CONFIG)
        if config != ONE_SHOT:
            raise LostPower(f"{self.name}: the configuration is 0x{config:04x}, written was 0x{ONE_SHOT:04x}")
        if flags & OVERFLOW or shunt in SHUNT_ENDS or bus >= BUS_END:
            raise InvalidReading(f"{self.name}: out of range (shunt ±81.9 mV, bus 36 V); take a smaller shunt")
        across, volts = shunt_volts(shunt), bus_volts(bus)
        amperes = across / self.shunt_ohms
        return {"bus_voltage": volts, "shunt_voltage": across, "current": amperes, "power": volts * amperes}

    def _twice(self, register: Register) -> int:
        address = bytes([register.address])
        return register.decode(crc.agreed(self.write_read(address, 2), self.write_read(address, 2)))

    def _word(self, register: Register) -> int:
        return register.decode(self.write_read(bytes([register.address]), 2))


def quantities(shunt_ohms: float) -> tuple[Quantity, ...]:
    """Return what is measured with a shunt of `shunt_ohms`: its resistance sets the range of current and power."""
    most, step = 0.081915 / shunt_ohms, 2.5e-6 / shunt_ohms
    return (
        Quantity("bus_voltage", "V", "voltage", 0.0, 36.0, 0.00125),
        Quantity("shunt_voltage", "V", "voltage", -0.081915, 0.081915, 2.5e-6),
        Quantity("current", "A", "current", -most, most, step),
        Quantity("power", "W", "power", -36.0 * most, 36.0 * most, 36.0 * step),
    )


Ina226.quantities = quantities(0.1)


def shunt_volts(code: int) -> float:
    """Return volts over the shunt from the signed shunt register, 2.5 µV a digit (section "Shunt Voltage Register")."""
    return code / 400_000


def bus_volts(code: int) -> float:
    """Return volts from the bus register, 1.25 mV a digit (section "Bus Voltage Register")."""
    return code / 800

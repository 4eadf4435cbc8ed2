"""Texas Instruments INA219: bus voltage and, over a shunt, current and power on I2C.

Source: Texas Instruments "INA219" (SBOS448), sections "Register Maps" and "Electrical Characteristics".
"""

from __future__ import annotations

from typing import Any

from ..chip import I2cChip, Probe, Quantity, Reading
from ..errors import InvalidReading, NotReady, WrongChip
from ..registers import Field, Register

CONFIG = Register(0x00, 2)
SHUNT = Register(0x01, 2, is_signed=True)
BUS = Register(0x02, 2)
CALIBRATION = Register(0x05, 2)

RESET = 0x8000
AFTER_RESET = 0x399F  # 32 V, ±320 mV, 12 bit, continuous
ONE_SHOT = 0x399B  # the same, one conversion of both, begun by writing it
BUS_FIELD = Field(15, 3)
ALWAYS_ZERO = 0x0004
CONVERTED = 0x0002
OVERFLOW = 0x0001
CALIBRATION_TRIAL = 0x2AAB  # bit 0 cannot be set
CONVERTING_TAKES = 0.0013  # 2 × 586 µs at most, and 10 %
POLLS = 3
SHUNT_LIMIT = 32000  # ±320 mV


class Ina219(I2cChip):
    """One INA219. Begins each conversion itself: a value is of now, and a chip that lost power still tells the truth.

    Current and power are computed here: the chip's own need a calibration that a brown-out wipes. It has no identity
    register; proven is what a reset does to the configuration, and that bit 0 of the calibration stays 0. An emulator
    that keeps every bit it is given, as Linux's i2c-stub, is taken for one.

    Args:
        shunt_ohms: the shunt's resistance; 0.1 on most boards.
    """

    name = "ina219"
    addresses = tuple(range(0x40, 0x50))
    probes = (
        Probe(b"\x05", 2, lambda calibration: not calibration[1] & 1),
        Probe(b"\x00", 2, lambda config: CONFIG.decode(config) in (AFTER_RESET, ONE_SHOT), decides=False),
    )

    def __init__(self, bus: Any, address: int | None = None, *, shunt_ohms: float = 0.1) -> None:
        super().__init__(bus, address)
        if isinstance(shunt_ohms, bool) or not isinstance(shunt_ohms, int | float) or not 0 < shunt_ohms < 1e6:
            raise ValueError(f"shunt_ohms: {shunt_ohms!r} is no resistance; write ohms above 0, such as 0.1")
        self.shunt_ohms = shunt_ohms
        self.quantities = quantities(shunt_ohms)

    def identify(self) -> None:
        """Reset the chip and look at what a reset leaves.

        Raises:
            WrongChip: something else answers.
        """
        self.write(CONFIG.encode(RESET))
        found = self._word(CONFIG)
        if found not in (AFTER_RESET, RESET):
            hint = "0x4127 is an INA226" if found == 0x4127 else ""
            raise WrongChip(self.name, self.address, expected=AFTER_RESET, found=found, hint=hint)
        if found == RESET:
            self._refuse_memory()
        self.write(CALIBRATION.encode(CALIBRATION_TRIAL))
        kept = self._word(CALIBRATION)
        self.write(CALIBRATION.encode(0))
        fits = CALIBRATION_TRIAL if found == RESET else CALIBRATION_TRIAL & ~1
        if kept != fits:
            expected = f"0x{fits:04x} as calibration after 0x{CALIBRATION_TRIAL:04x} was written"
            raise WrongChip(self.name, self.address, expected=expected, found=f"0x{kept:04x}")

    def _refuse_memory(self) -> None:
        """Raise WrongChip if the shunt register begins with what was last written to the one before: bytes in a row."""
        for config in (ONE_SHOT, AFTER_RESET):
            self.write(CONFIG.encode(config))
            if self._word(SHUNT) >> 8 & 0xFF != config & 0xFF:
                return
        raise WrongChip(self.name, self.address, expected="registers of 16 bits", found="a memory of bytes")

    def measure(self) -> Reading:
        """Return bus_voltage and shunt_voltage in V, current in A (negative: backwards), power in W.

        Raises:
            NotReady: the conversion never ended. InvalidReading: out of range, or nobody drives the lines.
        """
        self.write(CONFIG.encode(ONE_SHOT))
        for _ in range(POLLS):
            yield CONVERTING_TAKES
            # the flag last: it is gone if power went while the shunt was read
            shunt, bus = self._word(SHUNT), self._word(BUS)
            if bus & CONVERTED:
                break
        else:
            raise NotReady(f"{self.name}: the conversion did not end")
        if bus & (OVERFLOW | ALWAYS_ZERO):
            raise InvalidReading(f"{self.name}: the bus register is 0x{bus:04x}: overflow, or nobody drives the lines")
        if abs(shunt) > SHUNT_LIMIT:
            raise InvalidReading(f"{self.name}: the shunt has more than ±320 mV; take a smaller shunt")
        across, volts = shunt_volts(shunt), bus_volts(bus)
        amperes = across / self.shunt_ohms
        return {"bus_voltage": volts, "shunt_voltage": across, "current": amperes, "power": volts * amperes}

    def _word(self, register: Register) -> int:
        return register.decode(self.write_read(bytes([register.address]), 2))


def quantities(shunt_ohms: float) -> tuple[Quantity, ...]:
    """Return what is measured with a shunt of `shunt_ohms`: its resistance sets the range of current and power."""
    most, step = 0.32 / shunt_ohms, 10e-6 / shunt_ohms
    return (
        Quantity("bus_voltage", "V", "voltage", 0.0, 32.0, 0.004),
        Quantity("shunt_voltage", "V", "voltage", -0.32, 0.32, 10e-6),
        Quantity("current", "A", "current", -most, most, step),
        Quantity("power", "W", "power", -32.0 * most, 32.0 * most, 32.0 * step),
    )


Ina219.quantities = quantities(0.1)


def shunt_volts(code: int) -> float:
    """Return volts over the shunt from the signed shunt register, 10 µV a digit (section "Shunt Voltage Register")."""
    return code / 100_000


def bus_volts(register: int) -> float:
    """Return volts from the whole bus register: 4 mV a digit above three flag bits (section "Bus Voltage Register")."""
    return BUS_FIELD.of(register) / 250

"""Texas Instruments INA219: bus voltage and, over a shunt, current and power on I2C.

Source: Texas Instruments "INA219" (SBOS448), sections "Register Maps" and "Electrical Characteristics".
"""

from __future__ import annotations

from ..chip import Question, Reading
from ..errors import ChecksumError, InvalidReading, LostPower, NotReady, WrongChip
from ..registers import Field, Register
from .shunt import ShuntMonitor

CONFIG = Register(0x00, 2)
SHUNT = Register(0x01, 2, is_signed=True)
BUS = Register(0x02, 2)
POWER = Register(0x03, 2)
CALIBRATION = Register(0x05, 2)

RESET = 0x8000
AFTER_RESET = 0x399F  # 32 V, ±320 mV, 12 bit, continuous
# The same, one conversion of both, begun by writing it.
ONE_SHOT = 0x399B
BUS_FIELD = Field(15, 3)
ALWAYS_ZERO = 0x0004
CONVERTED = 0x0002
OVERFLOW = 0x0001
CALIBRATION_TRIAL = 0x2AAB  # bit 0 cannot be set
CONVERTING_TAKES = 0.0013  # 2 × 586 µs at most, and 10 %
POLLS = 3
SHUNT_STOP = 32000  # ±320 mV: the register goes no further
BUS_STOP = 8000  # 32 V, likewise


class Ina219(ShuntMonitor):
    """One INA219. Begins each conversion itself, so a value is of now, and its registers stand still to be read twice.

    It has no identity register. What identifies it is what a reset does to the configuration, and that bit 0 of the
    calibration stays 0.
    """

    name = "ina219"
    questions = (
        Question(b"\x05", 2, lambda calibration: not calibration[1] & 1),
        Question(b"\x00", 2, lambda config: CONFIG.decode(config) in (AFTER_RESET, ONE_SHOT), decides=False),
    )
    most = ((SHUNT_STOP - 1) / 100_000, (BUS_STOP - 1) / 250)
    steps = (10e-6, 0.004)

    def identify(self) -> None:
        """Reset the chip and look at what a reset leaves.

        Raises:
            WrongChip: something else answers.
        """
        self.put(CONFIG, RESET)
        found = self.get(CONFIG)
        if found != AFTER_RESET:
            hint = "0x4127 is an INA226" if found == 0x4127 else ""
            raise WrongChip(self.name, self.address, expected=AFTER_RESET, found=found, hint=hint)
        self.put(CALIBRATION, CALIBRATION_TRIAL)
        kept = self.get(CALIBRATION)
        self.put(CALIBRATION, 0)
        if kept != CALIBRATION_TRIAL & ~1:
            expected = f"0x{CALIBRATION_TRIAL & ~1:04x} as calibration after 0x{CALIBRATION_TRIAL:04x} was written"
            raise WrongChip(self.name, self.address, expected=expected, found=f"0x{kept:04x}")

    def measure(self) -> Reading:
        """Return bus_voltage and shunt_voltage in V, current in A (negative: backwards), power in W.

        Raises:
            NotReady: the conversion never ended. LostPower: the configuration is gone. ChecksumError: two reads differ.
            InvalidReading: no chip drives the lines.
        """
        self.put(CONFIG, ONE_SHOT)
        for _ in range(POLLS):
            yield CONVERTING_TAKES
            shunt, bus = self.get(SHUNT), self.get(BUS)
            if bus & CONVERTED:
                break
        else:
            raise NotReady(f"{self.name}: the conversion did not end")
        # Read between the two: a line that fails for a moment cannot damage both of them unseen.
        config = self.get(CONFIG)
        # Reading the power puts the flag out: next time it is there only if that conversion was begun.
        self.get(POWER)
        again, bus_again = self.get(SHUNT), self.get(BUS)
        if (shunt, bus & ~CONVERTED) != (again, bus_again & ~CONVERTED):
            raise ChecksumError(f"{self.name}: two reads of one conversion differ; shorten or shield the cable")
        if bus_again & CONVERTED:
            self.get(POWER)
        if config != ONE_SHOT:
            raise LostPower(f"{self.name}: the configuration is 0x{config:04x}, written was 0x{ONE_SHOT:04x}")
        if bus & (OVERFLOW | ALWAYS_ZERO):
            raise InvalidReading(f"{self.name}: the bus register is 0x{bus:04x}: overflow, or an open line")
        stops = {"shunt_stops": abs(shunt) >= SHUNT_STOP, "bus_stops": BUS_FIELD.of(bus) >= BUS_STOP}
        return self.told(shunt_volts(shunt), bus_volts(bus), **stops)


def shunt_volts(code: int) -> float:
    """Return volts over the shunt from the signed shunt register, 10 µV a digit (section "Shunt Voltage Register")."""
    return code / 100_000


def bus_volts(register: int) -> float:
    """Return volts from the whole bus register: 4 mV a digit above three flag bits (section "Bus Voltage Register")."""
    return BUS_FIELD.of(register) / 250

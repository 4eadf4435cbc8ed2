"""Texas Instruments INA226: bus voltage and, over a shunt, current and power on I2C.

Source: Texas Instruments "INA226" (SBOS547), sections "Register Maps" and "Electrical Characteristics".
"""

from __future__ import annotations

from ..chip import Question, Reading, says
from ..errors import ChecksumError, InvalidReading, LostPower, NotReady, WrongChip
from ..registers import Register
from .shunt import ShuntMonitor

CONFIG = Register(0x00, 2)
SHUNT = Register(0x01, 2, is_signed=True)
BUS = Register(0x02, 2)
FLAGS = Register(0x06, 2)  # Mask/Enable; reading it clears CONVERTED
MANUFACTURER, MANUFACTURER_ID = Register(0xFE, 2), 0x5449
DIE, DIE_ID = Register(0xFF, 2), 0x2260

# No averaging, 1.1 ms each, both, begun by writing it; 0x4127 after power-on.
ONE_SHOT = 0x4123
CONVERTED = 0x0008
OVERFLOW = 0x0004
CONVERTING_TAKES = 0.0027  # 2 × 1.21 ms at most, and 10 %
POLLS = 3
SHUNT_STOPS = (0x7FFF, -0x8000)
# 36 V, the most that the chip is specified for; the register goes on to 40.96 V.
BUS_STOP = 28_800


class Ina226(ShuntMonitor):
    """One INA226. Begins each conversion itself: a value is of now, and its registers stand still to be read twice."""

    name = "ina226"
    questions = (
        Question(b"\xff", 2, says(b"\x22\x60")),
        Question(b"\xfe", 2, says(b"\x54\x49")),
    )  # 0xfe resets an HTU21D
    most = (0x7FFE / 400_000, (BUS_STOP - 1) / 800)
    steps = (2.5e-6, 0.00125)

    def identify(self) -> None:
        """Look at both identity registers.

        Raises:
            WrongChip: something else answers.
        """
        for register, expected in ((MANUFACTURER, MANUFACTURER_ID), (DIE, DIE_ID)):
            if (found := self.get(register)) != expected:
                raise WrongChip(self.name, self.address, expected=expected, found=found)

    def measure(self) -> Reading:
        """Return bus_voltage and shunt_voltage in V, current in A (negative: backwards), power in W.

        Raises:
            NotReady: the conversion never ended. LostPower: the configuration is gone. ChecksumError: two reads differ.
            InvalidReading: the chip says that its arithmetic overflowed.
        """
        self.put(CONFIG, ONE_SHOT)
        for _ in range(POLLS):
            yield CONVERTING_TAKES
            flags = self.get(FLAGS)
            if flags & CONVERTED:
                break
        else:
            raise NotReady(f"{self.name}: the conversion did not end")
        # The configuration is read between the two: a line that fails for a moment cannot damage both of them unseen.
        shunt, bus, config = self.get(SHUNT), self.get(BUS), self.get(CONFIG)
        if (shunt, bus) != (self.get(SHUNT), self.get(BUS)):
            raise ChecksumError(f"{self.name}: two reads of one conversion differ; shorten or shield the cable")
        if config != ONE_SHOT:
            raise LostPower(f"{self.name}: the configuration is 0x{config:04x}, written was 0x{ONE_SHOT:04x}")
        if flags & OVERFLOW:
            raise InvalidReading(f"{self.name}: its flags are 0x{flags:04x}: overflow, or an open line")
        stops = {"shunt_stops": shunt in SHUNT_STOPS, "bus_stops": bus >= BUS_STOP}
        return self.told(shunt_volts(shunt), bus_volts(bus), **stops)


def shunt_volts(code: int) -> float:
    """Return volts over the shunt from the signed shunt register, 2.5 µV a digit (section "Shunt Voltage Register")."""
    return code / 400_000


def bus_volts(code: int) -> float:
    """Return volts from the bus register, 1.25 mV a digit (section "Bus Voltage Register")."""
    return code / 800

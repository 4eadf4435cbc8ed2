"""Maxim MAX31856: thermocouples of eight types and their cold junction on SPI.

Source: Maxim "MAX31856" (19-7534), sections "Register Map", "Fault Status Register", "Open-Circuit Fault Detection" and
"Electrical Characteristics". The chip has no identity and no checksum: it is known by the settings that it keeps, which
are read back in the burst that holds the result.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from ..chip import Among, Quantity, Reading, SpiChip, Told, Untold
from ..errors import InvalidReading, LostPower, NotReady
from ..registers import signed

CR0, REGISTERS = 0x00, 16
# Registers 02h to 09h after power-on: the widest thresholds, no offset. They are written as well, and read back with
# each result, since nothing else shows an offset that another program left, or a damaged write.
DEFAULTS = bytes.fromhex("ff 7f c0 7f ff 80 00 00")
ONE_SHOT = 0x40
# Open-circuit test for thermocouples of less than 5 kΩ, begun with each conversion.
OPEN_TEST = 0x10
CLEAR_FAULTS = 0x02
FILTER_50_HZ = 0x01
# Seconds of a one-shot conversion at most, with the open-circuit test (15 ms), and 10 %.
TAKES = {60: 0.187, 50: 0.22}
POLLS = 3
# CR1's lowest bits, and the range that the chip linearises (table "Thermocouple Types").
TYPES = {
    "B": (0, 250.0, 1820.0),
    "E": (1, -200.0, 1000.0),
    "J": (2, -210.0, 1200.0),
    "K": (3, -200.0, 1372.0),
    "N": (4, -200.0, 1300.0),
    "R": (5, -50.0, 1768.0),
    "S": (6, -50.0, 1768.0),
    "T": (7, -200.0, 400.0),
}
OPEN, VOLTAGE, TOO_COLD, TOO_HOT, JUNCTION_COLD, JUNCTION_HOT, HOT_RANGE, COLD_RANGE = (1 << bit for bit in range(8))
WIRES = {
    OPEN: "the thermocouple is open: T+ or T- is broken or loose",
    VOLTAGE: "T+ or T- is below 0 V or above the supply: a wire touches another voltage",
    TOO_COLD: "the thermocouple is below the chip's low threshold",
    TOO_HOT: "the thermocouple is above the chip's high threshold",
    JUNCTION_COLD: "the cold junction is below the chip's low threshold",
    JUNCTION_HOT: "the cold junction is above the chip's high threshold",
    COLD_RANGE: "the cold junction is outside of -55..125 °C",
}
OF_JUNCTION = JUNCTION_COLD | JUNCTION_HOT | COLD_RANGE


class Max31856(SpiChip):
    """One MAX31856. Begins each conversion itself, so that a value is of now.

    Args:
        thermocouple: its type.
        mains: the frequency in Hz whose hum is filtered.
    """

    name = "max31856"
    mode: ClassVar[int] = 1
    takes = 0.8
    quantities = (
        Quantity("temperature", "°C", "temperature", -210.0, 1820.0, 0.0078125, needs="reference_temperature"),
        Quantity("reference_temperature", "°C", "temperature", -55.0, 125.0, 0.015625, accuracy=0.7),
    )

    def __init__(
        self,
        *,
        thermocouple: Annotated[str, Among(tuple(TYPES))] = "K",
        mains: Annotated[int, Among(tuple(TAKES))] = 50,
        port: Annotated[int, Among((0, 1))] = 0,
        select: Annotated[int, Among((0, 1, 2))] = 0,
    ) -> None:
        if thermocouple not in TYPES or mains not in TAKES:
            raise ValueError(f"thermocouple {thermocouple!r}, mains {mains!r}: not one of {', '.join(TYPES)}; 50, 60")
        super().__init__(port=port, select=select)
        kind, self.low, self.high = TYPES[thermocouple]
        self.converting = TAKES[mains]
        self.settings = bytes([OPEN_TEST | (FILTER_50_HZ if mains == 50 else 0), kind]) + DEFAULTS
        hot, cold = type(self).quantities
        self.quantities = (
            Quantity(hot.name, hot.unit, hot.kind, self.low, self.high, hot.step, needs=hot.needs),
            cold,
        )

    def identify(self) -> None:
        """Make sure that a chip keeps our settings, which no constant line shows.

        Raises:
            NoAcknowledge: no chip drives the line. InvalidReading: another one answers.
        """
        for register, value in enumerate(self.settings[1:], CR0 + 1):
            self.put(register, value)
        self.put(CR0, self.settings[0] | CLEAR_FAULTS)
        found = self.agreed(lambda: self.get(CR0, REGISTERS))
        if not found.startswith(self.settings):
            raise InvalidReading(f"max31856: {self.differing(found)}; check port, select and wiring")

    def measure(self) -> Reading:
        """Return temperature (of the thermocouple) and reference_temperature (of the chip) in °C.

        Raises:
            NotReady: the conversion did not end. LostPower: the settings are gone. ChecksumError: no two reads agree.
        """
        self.begin(CR0, self.settings[0] | ONE_SHOT, ONE_SHOT)
        for _ in range(POLLS):
            yield self.converting
            found = self.agreed(lambda: self.get(CR0, REGISTERS))
            if not found[0] & ONE_SHOT:
                break
        else:
            raise NotReady("max31856: the conversion did not end")
        if not found.startswith(self.settings):
            raise LostPower(f"max31856: {self.differing(found)}: it lost power, or another chip answers")
        return self.told(found)

    def differing(self, found: bytes) -> str:
        """Return what the settings are, and what they should be."""
        return f"the settings are {found[: len(self.settings)].hex(' ')}, written was {self.settings.hex(' ')}"

    def told(self, found: bytes) -> Told:
        """Return the values in the registers, or in their places what the fault register says of the wires."""
        faults = found[15]
        hot: float | Untold = thermocouple_celsius(found[12:15])
        cold: float | Untold = junction_celsius(found[10:12])
        if faults & OF_JUNCTION:
            cold = InvalidReading(self.worded(faults & OF_JUNCTION))
        if faults & ~HOT_RANGE:
            hot = InvalidReading(self.worded(faults & ~HOT_RANGE))
        elif faults & HOT_RANGE:
            is_cold = thermocouple_celsius(found[12:15]) < (self.low + self.high) / 2
            bound = {"at_most": self.low} if is_cold else {"at_least": self.high}
            hot = self.beyond("temperature", **bound, hint="outside of the range of this type of thermocouple")
        return {"temperature": hot, "reference_temperature": cold}

    def worded(self, faults: int) -> str:
        """Return what the set bits of the fault register mean."""
        return "max31856: " + "; ".join(text for bit, text in WIRES.items() if faults & bit)


def thermocouple_celsius(registers: bytes) -> float:
    """Return °C of the thermocouple from its three registers: 19 bits, 2⁻⁷ °C each (0Ch to 0Eh)."""
    return signed(int.from_bytes(registers, "big") >> 5, 19) / 128


def junction_celsius(registers: bytes) -> float:
    """Return °C of the cold junction from its two registers: 14 bits, 2⁻⁶ °C each (0Ah, 0Bh)."""
    return signed(int.from_bytes(registers, "big") >> 2, 14) / 64

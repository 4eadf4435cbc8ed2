"""Maxim MAX31865: platinum thermometers (Pt100, Pt1000) on SPI.

Source: Maxim "MAX31865" (19-6478), sections "Configuration Register", "Fault Status Register" (table 7), "RTD Data
Registers", "Fault-Detection Cycle" and "Electrical Characteristics"; IEC 60751 for resistance and temperature. The chip
has no identity and no checksum: it is known by the thresholds that it keeps, read back in the burst that holds
the result.
"""

from __future__ import annotations

import math
from typing import Annotated, ClassVar

from ..chip import Among, Quantity, Reading, SpiChip, Waits, Within
from ..errors import InvalidReading, LostPower, NotReady

CONFIG, THRESHOLDS, REGISTERS = 0x00, 0x03, 8
BIAS, ONE_SHOT, THREE_WIRES, DETECT, CLEAR_FAULTS, FILTER_50_HZ = 0x80, 0x20, 0x10, 0x04, 0x02, 0x01
# Input filter of the usual boards: ten time constants and 1 ms after the bias is switched on.
BIAS_SETTLES = 0.012
DETECTING_TAKES = 0.001  # at most 600 µs
# Seconds of a one-shot conversion at most, and 10 %.
TAKES = {60: 0.061, 50: 0.073}
TOP = 0x7FFF
# Table 7, with the wires that it names.
WIRES = {
    0x80: "the resistance is above its range: the RTD is open, or RTDIN+ touches the supply",
    0x40: "the resistance is below its range: RTDIN+ and RTDIN- touch each other, or RTDIN+ touches ground",
    0x20: "REFIN- is above 0.85 × Vbias: the RTD is open, or RTDIN- or FORCE- is loose",
    0x10: "REFIN- is below 0.85 × Vbias with FORCE- open: RTDIN- touches ground",
    0x08: "RTDIN- is below 0.85 × Vbias with FORCE- open: RTDIN- or RTDIN+ touches ground",
    0x04: "an input is below 0 V or above the supply: a wire touches another voltage",
}
# IEC 60751
A, B, C = 3.9083e-3, -5.775e-7, -4.183e-12
LOW, HIGH = -200.0, 850.0


class Max31865(SpiChip):
    """One MAX31865. Supplies the RTD only while it measures, so that it does not warm it.

    Args:
        wires: how many lead to the RTD.
        nominal: ohms at 0 °C: 100 for a Pt100, 1000 for a Pt1000.
        reference: ohms of the reference resistor on the board; 4.3 × nominal unless given.
        mains: the frequency in Hz whose hum is filtered.
    """

    name = "max31865"
    mode: ClassVar[int] = 1
    takes = 0.4
    quantities = (
        Quantity("temperature", "°C", "temperature", LOW, HIGH, 0.04, accuracy=0.5),
        Quantity("resistance", "Ω", None, 0.0, 430.0, 430.0 / (TOP + 1)),
    )

    def __init__(
        self,
        *,
        wires: Annotated[int, Among((2, 3, 4))] = 2,
        nominal: Annotated[float, Within(10.0, 5000.0, "Ω")] = 100.0,
        reference: Annotated[float, Within(40.0, 20000.0, "Ω")] | None = None,
        mains: Annotated[int, Among(tuple(TAKES))] = 50,
        port: Annotated[int, Among((0, 1))] = 0,
        select: Annotated[int, Among((0, 1, 2))] = 0,
    ) -> None:
        self.nominal, self.reference = nominal, 4.3 * nominal if reference is None else reference
        if wires not in (2, 3, 4) or mains not in TAKES:
            raise ValueError(f"wires {wires!r}, mains {mains!r}: not 2, 3, 4; 50, 60")
        if not 10.0 <= self.nominal <= 5000.0 or not 40.0 <= self.reference <= 21500.0:
            raise ValueError(f"nominal {nominal!r}, reference {reference!r}: not 10..5000 Ω, 40..20000 Ω")
        super().__init__(port=port, select=select)
        self.settings = (THREE_WIRES if wires == 3 else 0) | (FILTER_50_HZ if mains == 50 else 0)
        self.converting = TAKES[mains]
        step = self.reference / (TOP + 1)
        # A result at a threshold is a fault already, and both ends of the scale are values.
        most = min(TOP - 1, math.ceil(ohms(HIGH, nominal) / step) + 1)
        least = min(TOP - 1, math.floor(ohms(LOW, nominal) / step) - 1)
        self.thresholds = (most << 1).to_bytes(2, "big") + (least << 1).to_bytes(2, "big")
        # At 0 °C, where an ohm of a Pt100 is 2.56 °C.
        of_celsius = Quantity("temperature", "°C", "temperature", LOW, HIGH, step / (A * nominal), accuracy=0.5)
        self.quantities = (of_celsius, Quantity("resistance", "Ω", None, 0.0, self.reference, step))

    def identify(self) -> None:
        """Make sure that a chip keeps our settings and thresholds, which no constant line shows.

        Raises:
            NoAcknowledge: no chip drives the line. InvalidReading: another one answers.
        """
        self.put(CONFIG, self.settings)
        self.put(THRESHOLDS, *self.thresholds)
        found = self.agreed(lambda: self.get(CONFIG, REGISTERS))
        if (found[0], found[3:7]) != (self.settings, self.thresholds):
            raise InvalidReading(
                f"max31865: the settings read {found.hex(' ')}, written was {self.settings:02x} and "
                f"{self.thresholds.hex(' ')}; check port, select and wiring"
            )

    def measure(self) -> Reading:
        """Return temperature in °C and resistance in Ω.

        Raises:
            InvalidReading: the fault register names the wire. NotReady: the conversion did not end.
            LostPower: the settings are gone. ChecksumError: no two reads agree.
        """
        supplied = self.settings | BIAS
        try:
            yield from self._converted(supplied)
            found = self.agreed(lambda: self.get(CONFIG, REGISTERS))
        finally:
            self.put(CONFIG, self.settings)
        if found[0] & ONE_SHOT:
            raise NotReady("max31865: the conversion did not end")
        if (found[0], found[3:7]) != (supplied, self.thresholds):
            raise LostPower(
                f"max31865: the registers are {found.hex(' ')}, written was {supplied:02x} and "
                f"{self.thresholds.hex(' ')}: it lost power, or another chip answers"
            )
        code, faults = int.from_bytes(found[1:3], "big"), found[7]
        texts = [text for bit, text in WIRES.items() if faults & bit]
        if texts or code & 1 or code >> 1 in (0, TOP):
            raise InvalidReading(f"max31865: {'; '.join(texts) or 'the RTD is open or shorted'}")
        resistance = (code >> 1) * self.reference / (TOP + 1)
        return {"temperature": celsius(resistance, self.nominal), "resistance": resistance}

    def _converted(self, supplied: int) -> Waits:
        """Switch the bias on, test the wires, convert."""
        self.begin(CONFIG, supplied | CLEAR_FAULTS, BIAS)
        yield BIAS_SETTLES
        self.put(CONFIG, supplied | DETECT)
        yield DETECTING_TAKES
        self.begin(CONFIG, supplied | ONE_SHOT, ONE_SHOT)
        yield self.converting


def ohms(celsius: float, nominal: float) -> float:
    """Return the ohms of a platinum RTD (IEC 60751)."""
    below = C * (celsius - 100) * celsius**3 if celsius < 0 else 0.0
    return nominal * (1 + A * celsius + B * celsius**2 + below)


def celsius(resistance: float, nominal: float) -> float:
    """Return °C from the ohms of a platinum RTD: solved above 0 °C, by Newton's method below."""
    ratio = resistance / nominal
    root = A * A - 4 * B * (1 - ratio)
    t = (-A + math.sqrt(max(0.0, root))) / (2 * B)
    if ratio >= 1:
        return t
    for _ in range(8):
        slope = A + 2 * B * t + C * (4 * t**3 - 300 * t**2)
        t -= (ohms(t, 1.0) - ratio) / slope
    return t

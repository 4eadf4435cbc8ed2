"""NXP PCF8591: four analog inputs with 8 bits on I2C.

Source: NXP "PCF8591" product data sheet, sections "Control byte" and "A/D conversion".
"""

from __future__ import annotations

from typing import Any

from ..chip import I2cChip, Quantity, Values
from ..errors import InvalidReading, WrongChip

ALL_IN_TURN = 0x04  # control byte: auto-increment, four single-ended inputs, analog output off
DIFFERENCES = 0x20 | 0x10 | ALL_IN_TURN  # the same as two differential inputs
TRIES = 4
TOLERANCE = 48  # codes by which an open input may move between two transfers


class Pcf8591(I2cChip):
    """One PCF8591. Each transfer chooses the inputs and reads them, so it has nothing to lose with its power.

    It has no identity and no checksum. What is proven: each input read alone agrees with its value read in turn, which
    the registers of the thermometers and converters at these addresses do not. All inputs at ground cannot be told
    from a line that is held low: they are believed when they come twice.

    Args:
        vref: the reference voltage in volts, on most boards the supply.
    """

    name = "pcf8591"
    addresses = tuple(range(0x48, 0x50))
    quantities = tuple(Quantity(f"a{n}", "V", "voltage", 0.0, 3.3, 3.3 / 256) for n in range(4))

    def __init__(self, bus: Any, address: int | None = None, *, vref: float = 3.3) -> None:
        super().__init__(bus, address)
        if isinstance(vref, bool) or not isinstance(vref, int | float) or not 0 < vref <= 6.0:
            raise ValueError(f"vref: {vref!r} is no reference voltage; write volts above 0 up to 6, such as 3.3")
        self.vref = vref
        self.quantities = tuple(Quantity(f"a{n}", "V", "voltage", 0.0, vref, vref / 256) for n in range(4))

    def identify(self) -> None:
        """Compare each input read alone with all read in turn, several times: an open input wanders.

        Raises:
            WrongChip: something else answers.
        """
        left = {0, 1, 2, 3}
        for _ in range(TRIES):
            together = self._inputs(ALL_IN_TURN)
            for number in sorted(left):
                alone = self.write_read(bytes([number]), 2)[1]
                if abs(alone - together[number]) <= TOLERANCE:
                    left.discard(number)
            if not left:
                return
        raise WrongChip(
            self.name, self.address, expected="the same alone and in turn", found=f"another value of input {min(left)}"
        )

    def measure(self) -> Values:
        """Return volts of the four inputs a0..a3 against ground.

        Raises:
            InvalidReading: nobody drives the lines.
        """
        codes = self._inputs(ALL_IN_TURN)
        if codes == b"\xff\xff\xff\xff" and self._inputs(DIFFERENCES)[:2] == b"\xff\xff":
            raise InvalidReading(f"{self.name}: all ones, also as differences: nobody drives the lines")
        if codes in (b"\x00\x00\x00\x00", b"\xff\xff\xff\xff"):  # or a line that was stuck for one transfer
            codes = self._inputs(ALL_IN_TURN)
        return {f"a{number}": volts(code, self.vref) for number, code in enumerate(codes)}

    def _inputs(self, control: int) -> bytes:
        return self.write_read(bytes([control]), 5)[1:]  # the first is the conversion before


def volts(code: int, vref: float) -> float:
    """Return volts from the 8-bit conversion (section "A/D conversion")."""
    return code * vref / 256

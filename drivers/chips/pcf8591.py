"""NXP PCF8591: four analog inputs with 8 bits on I2C.

Source: NXP "PCF8591" product data sheet, sections "Control byte" and "A/D conversion".
"""

from __future__ import annotations

from typing import Annotated, Any

from ..chip import I2cChip, Quantity, Untold, Within
from ..errors import ChecksumError, InvalidReading, WrongChip

# Control byte: auto-increment, four single-ended inputs, analog output off.
ALL_IN_TURN = 0x04
DIFFERENCES = 0x20 | 0x10 | ALL_IN_TURN  # the same as two differential inputs
INPUTS = range(4)
TOP = 0xFF
TRIES = 4
# Codes by which an open input may move between two transfers.
TOLERANCE = 48
# Of all inputs twice, until each has shown the same code twice.
READS = 5
# Codes by which an input of the chip moves by itself.
NOISE = 2
# Codes by which an input may have moved since it was read before, to be believed at once.
STILL = 8


class Pcf8591(I2cChip):
    """One PCF8591. Each transfer chooses the inputs and reads them, so it has nothing to lose with its power.

    It has no identity and no checksum. What identifies it: each input read alone agrees with its value read in turn,
    which the registers of the thermometers and converters at these addresses do not. Every byte that is read is a new
    conversion: a code counts when it comes twice in a row, or when all that came lie within the chip's noise. A control
    byte that arrives damaged names other inputs: codes that are unlike those before are read again, with another one.

    Args:
        vref: the reference voltage in volts, on most boards the supply.
    """

    name = "pcf8591"
    addresses = tuple(range(0x48, 0x50))
    quantities = tuple(Quantity(f"a{n}", "V", "voltage", 0.0, 3.3 * 254 / 256, 3.3 / 256, noisy=False) for n in INPUTS)

    def __init__(
        self,
        bus: Any,
        address: int | None = None,
        *,
        vref: Annotated[float, Within(0.0, 6.0, "V", above=True)] = 3.3,
        identity: str = "strict",
    ) -> None:
        super().__init__(bus, address, identity=identity)
        if isinstance(vref, bool) or not isinstance(vref, int | float) or not 0 < vref <= 6.0:
            raise ValueError(f"vref: {vref!r} is no reference voltage; write volts above 0 up to 6, such as 3.3")
        self.vref = vref
        self.before: dict[int, int] = {}
        most, step = volts(TOP - 1, vref), vref / 256
        self.quantities = tuple(Quantity(f"a{n}", "V", "voltage", 0.0, most, step, noisy=False) for n in INPUTS)

    def identify(self) -> None:
        """Compare each input read alone with all read in turn, several times: an open input wanders.

        Raises:
            WrongChip: something else answers.
        """
        left = set(INPUTS)
        for _ in range(TRIES):
            together, _ = self._inputs_twice()
            for number in sorted(left):
                alone = self.write_read(bytes([number]), 2)[1]
                if abs(alone - together[number]) <= TOLERANCE:
                    left.discard(number)
            if not left:
                return
        raise WrongChip(
            self.name, self.address, expected="the same alone and in turn", found=f"another value of input {min(left)}"
        )

    def measure(self) -> dict[str, float | Untold]:
        """Return volts of the four inputs a0..a3 against ground; of an input at the reference or above, what is known.

        Raises:
            InvalidReading: no chip drives the line. ChecksumError: no input shows the same code twice.
        """
        for _ in range(TRIES):
            codes, together = self._codes()
            doubted = self._doubted(codes, together)
            self.before = codes
            if not doubted:
                break
        return {f"a{n}": self._told(n, None if n in doubted else codes.get(n)) for n in INPUTS}

    def _doubted(self, codes: dict[int, int], together: bool) -> set[int]:
        """Return the inputs that may be others: those that moved, unless one that did not is unlike all the others.

        A damaged control byte that goes unnoticed begins with another input, which moves all that were read with it.
        """
        moved = {n for n, code in codes.items() if n not in self.before or abs(code - self.before[n]) > STILL}
        for still in codes.keys() - moved if together else ():
            if all(abs(codes[still] - code) > STILL for n, code in codes.items() if n != still):
                return set()
        return moved

    def _codes(self) -> tuple[dict[int, int], bool]:
        """Return the code of each input that shows one, and whether all came in one transfer.

        Raises:
            InvalidReading: no chip drives the line.
        """
        seen: list[list[int]] = [[] for _ in INPUTS]
        codes: dict[int, int] = {}
        doubted = b""
        transfers = 0
        while transfers < READS and len(codes) < len(INPUTS):
            transfers += 1
            first, second = self._inputs_twice()
            # One byte all the time may be a line that was stuck for a moment: it counts when it comes again.
            if len({*first, *second}) == 1 and first != doubted:
                doubted = first
                continue
            broke_off = set(second) in ({0x00}, {TOP}) and first != second
            for number, (code, again) in enumerate(zip(first, second, strict=True)):
                if broke_off and code == again:
                    # the level of a line that is not driven any more, or the input's own: it cannot be known
                    continue
                if code == again or (broke_off and code in seen[number]):
                    codes.setdefault(number, code)
                seen[number] += [code] if broke_off else [code, again]
        if len(codes) == len(INPUTS) and len(set(codes.values())) == 1:
            self._prove_that_it_drives_its_line(codes[0])
        middles = {number: middle(seen[number]) for number in INPUTS if number not in codes}
        return codes | {number: code for number, code in middles.items() if code is not None}, transfers == 1

    def _told(self, number: int, code: int | None) -> float | Untold:
        name = f"a{number}"
        if code is None:
            return ChecksumError(f"{self.name}: {name} shows no code twice; shorten or shield the cable")
        if code == TOP:
            return self.beyond(name, at_least=volts(TOP, self.vref))
        return volts(code, self.vref)

    def _prove_that_it_drives_its_line(self, code: int) -> None:
        """Refuse a line that always shows the same byte: of equal inputs, a chip shows differences of zero.

        Zero and no difference look alike; but a line that is held low acknowledges an address of no chip, too.

        Raises:
            InvalidReading: no chip drives the line.
        """
        differences = self.write_read(bytes([DIFFERENCES]), 3)[1:]
        if set(differences) == {code} and (code or self.device.acknowledges_everything()):
            raise InvalidReading(f"{self.name}: every byte is 0x{code:02x}, also of differences: the line is stuck")

    def _inputs_twice(self) -> tuple[bytes, bytes]:
        """Return the codes of the four inputs, converted twice in one transfer."""
        # the first byte is the conversion before
        codes = self.write_read(bytes([ALL_IN_TURN]), 1 + 2 * len(INPUTS))[1:]
        return codes[: len(INPUTS)], codes[len(INPUTS) :]


def middle(codes: list[int]) -> int | None:
    """Return the middle one of many codes that differ by no more than the noise of the chip; else None."""
    if len(codes) < 2 * READS or max(codes) - min(codes) > NOISE:
        return None
    return sorted(codes)[len(codes) // 2]


def volts(code: int, vref: float) -> float:
    """Return volts from the 8-bit conversion (section "A/D conversion")."""
    return code * vref / 256

"""Microchip MCP3421, MCP3422, MCP3424: volts between the two pins of one, two or four inputs on I2C.

Sources: Microchip data sheets "MCP3421" (DS22003E) and "MCP3422/3/4" (DS22088C), sections "Configuration Register",
"I2C Serial Communications" and "Electrical Characteristics" with the slowest rates.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Annotated, Any, ClassVar

from ..chip import Among, I2cChip, Quantity, Question, Reading, Untold
from ..errors import ChecksumError, InvalidReading, LostPower, NotReady, WrongChip
from ..registers import Field, signed

# Written: begin one conversion; read: the result is not new.
READY = 0x80
INPUT, CONTINUOUS, BITS, GAIN = Field(6, 5), Field(4, 4), Field(3, 2), Field(1, 0)
INPUTS = ("a0_a1", "a2_a3", "a4_a5", "a6_a7")
# Bits of a result -> the field, and the least conversions a second.
RESOLUTIONS = {12: (0b00, 176.0), 14: (0b01, 44.0), 16: (0b10, 11.0), 18: (0b11, 2.75)}
GAINS = {1: 0b00, 2: 0b01, 4: 0b10, 8: 0b11}
REFERENCE = 2.048  # V
# Configurations that begin nothing and that no other chip keeps one after the other: 14 and 16 bits, gain 8, gain 4.
TRIALS = (0x07, 0x0B, 0x06)
# Looks for the end of a conversion; reads of a result besides the first.
POLLS, AGAIN = 3, 2


def looks_right(answer: bytes) -> bool:
    """Return whether an answer could be one of this chip's: a result, then the configuration, again and again."""
    configuration = answer[-1] & ~READY
    length = 3 if BITS.of(configuration) == RESOLUTIONS[18][0] else 2
    return any(answer) and {byte & ~READY for byte in answer[length:]} == {configuration}


def is_certain(answer: bytes) -> bool:
    """Return whether such an answer can be no other chip's: zeros follow in many, and a dead line stays at one byte."""
    return bool(answer[-1] & ~READY) and len(set(answer)) > 1


class Mcp342x(I2cChip):
    """One MCP3421, MCP3422 or MCP3424. Each input is converted once, on command.

    It has no identity. What identifies it: each result is followed by the configuration that was written. How many
    inputs it has cannot be found out: those that do not exist would show others. So the first alone is read, unless
    `inputs` or the driver's name says more.

    Args:
        inputs: which of a0_a1 (CH1), a2_a3 (CH2), a4_a5 (CH3), a6_a7 (CH4) are read.
        gain: 1, 2, 4 or 8: up to 2.048 V, 1.024 V, 0.512 V or 0.256 V.
        bits: 12, 14, 16 or 18: finer, but slower, up to 0.4 s an input.
    """

    name = "mcp342x"
    addresses = tuple(range(0x68, 0x70))
    # It takes any byte for a configuration, so that no other question may be sent to it.
    questions = (Question(b"", 12, looks_right), Question(b"", 12, is_certain, decides=False))
    takes = 2.5
    # Those that the chip has, and those that are read if nothing else is said.
    available: ClassVar[tuple[str, ...]] = INPUTS
    usual: ClassVar[tuple[str, ...]] = INPUTS[:1]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.quantities = quantities_of(cls.usual, 1, 16)

    def __init__(
        self,
        bus: Any,
        address: int | None = None,
        *,
        inputs: Sequence[Annotated[str, Among("available")]] | None = None,
        gain: Annotated[int, Among(tuple(GAINS))] = 1,
        bits: Annotated[int, Among(tuple(RESOLUTIONS))] = 16,
        identity: str = "strict",
    ) -> None:
        super().__init__(bus, address, identity=identity)
        wanted = self.usual if inputs is None else inputs
        if not wanted or not isinstance(wanted, list | tuple) or any(one not in self.available for one in wanted):
            raise ValueError(f"inputs: {inputs!r} is not a list out of {', '.join(self.available)}")
        if gain not in tuple(GAINS):
            raise ValueError(f"gain: {gain!r} is none of 1, 2, 4, 8")
        if bits not in tuple(RESOLUTIONS):
            raise ValueError(f"bits: {bits!r} is none of 12, 14, 16, 18")
        self.inputs, self.gain, self.bits = tuple(dict.fromkeys(wanted)), gain, bits
        self.settings = BITS.put(RESOLUTIONS[bits][0]) | GAIN.put(GAINS[gain])
        # And 10 % for the oscillator.
        self.converting_takes = 1.1 / RESOLUTIONS[bits][1]
        self.quantities = quantities_of(self.inputs, gain, bits)

    def identify(self) -> None:
        """See that it keeps configurations, and shows them behind its result.

        Raises:
            WrongChip: something else answers.
        """
        for trial in TRIALS:
            if (found := self._shown(trial)) != trial:
                raise WrongChip(self.name, self.address, expected=f"0x{trial:02x} as written", found=f"0x{found:02x}")

    def _shown(self, configuration: int) -> int:
        """Write a configuration that begins nothing; return the one behind the result."""
        self.write(bytes([configuration]))
        return self.read_bytes(3)[-1] & ~READY

    def measure(self) -> Reading:
        """Return volts of each input, negative where the first pin is lower; beyond the scale, what is known.

        Raises:
            LostPower: the configuration is gone. NotReady: a conversion never ended. ChecksumError: two reads differ.
            InvalidReading: a result has more bits than it can have.
        """
        told = {}
        for name in self.inputs:
            told[name] = self._told(name, (yield from self._convert(INPUTS.index(name))))
        return told

    def _convert(self, number: int) -> Generator[float, None, int]:
        wanted = INPUT.put(number) | self.settings
        self.write(bytes([READY | wanted]))
        for _ in range(POLLS):
            yield self.converting_takes
            frame = self._frame()
            if frame[-1] & ~READY != wanted:
                raise LostPower(f"{self.name}: the configuration is 0x{frame[-1]:02x}, written was 0x{wanted:02x}")
            if not frame[-1] & READY:
                break
        else:
            raise NotReady(f"{self.name}: the conversion of {INPUTS[number]} did not end")
        for _ in range(AGAIN):
            again = self._frame()
            if again[:-1] != frame[:-1] or again[-1] & ~READY != wanted:
                raise ChecksumError(f"{self.name}: two reads of {INPUTS[number]} differ; shorten or shield the cable")
        if len(set(frame)) == 1 and self._shown(TRIALS[0]) != TRIALS[0]:
            raise InvalidReading(f"{self.name}: every byte is 0x{frame[0]:02x}: a line is stuck")
        code = signed(int.from_bytes(frame[:-1], "big"), 8 * len(frame[:-1]))
        if not -(1 << self.bits - 1) <= code < 1 << self.bits - 1:
            raise InvalidReading(f"{self.name}: {frame.hex(' ')} is no result of {self.bits} bits")
        return code

    def _frame(self) -> bytes:
        """Return the result and the configuration behind it."""
        return self.read_bytes(4 if self.bits == 18 else 3)

    def _told(self, name: str, code: int) -> float | Untold:
        value, end = volts(code, self.gain, self.bits), REFERENCE / self.gain
        if code >= (1 << self.bits - 1) - 1:
            return self.beyond(name, at_least=value, hint=f"at gain {self.gain} it tells up to {end:g} V")
        if code == -(1 << self.bits - 1):
            return self.beyond(name, at_most=value, hint=f"at gain {self.gain} it tells down to -{end:g} V")
        return value


def quantities_of(inputs: Sequence[str], gain: int, bits: int) -> tuple[Quantity, ...]:
    """Return what is measured; the codes at the ends mean: beyond."""
    step = volts(1, gain, bits)
    most = REFERENCE / gain
    return tuple(Quantity(name, "V", "voltage", step - most, most - 2 * step, step, noisy=False) for name in inputs)


def volts(code: int, gain: int, bits: int) -> float:
    """Return volts from a signed result (equation 4-4): ±2.048 V at gain 1."""
    return code * 2 * REFERENCE / (1 << bits) / gain


Mcp342x.quantities = quantities_of(Mcp342x.usual, 1, 16)


class Mcp3421(Mcp342x):
    """One MCP3421: one input."""

    name = "mcp3421"
    available = usual = INPUTS[:1]


class Mcp3422(Mcp342x):
    """One MCP3422: two inputs."""

    name = "mcp3422"
    available = usual = INPUTS[:2]


class Mcp3424(Mcp342x):
    """One MCP3424: four inputs."""

    name = "mcp3424"
    available = usual = INPUTS

"""Maxim MAX44009: illuminance on I2C.

Source: Maxim Integrated data sheet "MAX44009" (19-5719), sections "Register and Bit Descriptions" and "Lux
High-Byte Register". Also: the Linux driver max44009.c.
"""

from __future__ import annotations

from ..chip import I2cChip, Measurement, Quantity, Question, Waits
from ..errors import ChecksumError, InvalidReading, LostPower, WrongChip
from ..registers import Register

# Bits that do not exist read as 0.
STATUS, ENABLE, CONFIG = Register(0x00), Register(0x01), Register(0x02)
HIGH, LOW = Register(0x03), Register(0x04)
UPPER, LOWER = Register(0x05), Register(0x06)
ABSENT = {STATUS: 0xFE, ENABLE: 0xFE, CONFIG: 0x30, LOW: 0xF0}
# Measures one integration after the other, at a range that it finds by itself; every 800 ms after power-on.
CONTINUOUS = 0x80
# Of the configuration: the other bits are the range that it found.
MODE = 0xC0
# Thresholds mean nothing without an interrupt, and differ from those after power-on: 0xFF and 0x00.
WITNESS = {UPPER: 0xA5, LOWER: 0x5A}
# Seconds: 800 ms in the dark, and the range may have to be found first; with 10 %.
FIRST_RESULT = 1.1 * (0.8 + 0.1)
OVER_RANGE = 0b1111
MOST = 188_006.4  # lx
READS = 3


class Max44009(I2cChip):
    """One MAX44009, measuring on and on: in the dark a value is up to 1.6 s old.

    It has no identity register. What identifies it are bits that do not exist, and thresholds that are kept.
    A result's two bytes are read one by one: the chip advances no pointer, and a Pi cannot read both in one transfer.
    So each byte is read twice, which also proves that both are of one integration.
    """

    name = "max44009"
    addresses = (0x4A, 0x4B)
    takes = 2.2
    questions = (
        Question(b"\x00", 1, lambda answer: not answer[0] & 0xFE),
        Question(b"\x01", 1, lambda answer: not answer[0] & 0xFE),
        Question(b"\x02", 1, lambda answer: not answer[0] & 0x30),
        Question(b"\x04", 1, lambda answer: not answer[0] & 0xF0),
        Question(b"\x05", 1, lambda answer: answer[0] in (0xFF, 0xA5), decides=False),
        Question(b"\x06", 1, lambda answer: answer[0] in (0x00, 0x5A), decides=False),
    )
    quantities = (Quantity("illuminance", "lx", "illuminance", 0.0, MOST, 0.045, noisy=False),)

    def identify(self) -> None:
        """Look at bits that do not exist, and see that the thresholds keep what is written; put them back if not.

        Raises:
            WrongChip: something else answers.
        """
        for register, absent in ABSENT.items():
            if (found := self.get(register)) & absent:
                expected = f"0 in the bits 0x{absent:02x} of register {register.address}"
                raise WrongChip(self.name, self.address, expected=expected, found=found)
        before = {register: self.get(register) for register in WITNESS}
        self._write(WITNESS)
        kept = {register: self.get(register) for register in WITNESS}
        if kept != WITNESS:
            self._write(before)
            shown = " ".join(f"0x{value:02x}" for value in kept.values())
            raise WrongChip(self.name, self.address, expected="thresholds as they were written", found=shown)

    def _write(self, values: dict[Register, int]) -> None:
        for register, value in values.items():
            self.put(register, value)

    def configure(self) -> Waits:
        """Let it measure all the time, leave a witness, and wait for the first result: until then it shows 0 lx."""
        self.put(ENABLE, 0)
        self._write(WITNESS)
        self.command(CONFIG, CONTINUOUS, lambda found: found & MODE == CONTINUOUS)
        yield FIRST_RESULT

    def measure(self) -> Measurement:
        """Return illuminance in lx; in too bright light, what is known of it.

        Raises:
            LostPower: the configuration is gone. ChecksumError: no two reads agree. InvalidReading: a line is stuck.
        """
        first = self._result()
        for _ in range(READS):
            config, witness = self.get(CONFIG), {register: self.get(register) for register in WITNESS}
            high, low = self._result()
            if (high, low) == first:
                break
            # The next integration ended in between, or a bit flipped.
            first = high, low
        else:
            raise ChecksumError(f"{self.name}: no two reads of a result agree; shorten or shield the cable")
        if config & MODE != CONTINUOUS or witness != WITNESS:
            raise LostPower(f"{self.name}: the configuration is 0x{config:02x}, written was 0x{CONTINUOUS:02x}")
        if low & ABSENT[LOW] or config & ABSENT[CONFIG]:
            raise InvalidReading(f"{self.name}: bits are set that do not exist: a line is stuck")
        if high >> 4 == OVER_RANGE:
            return {"illuminance": self.beyond("illuminance", at_least=MOST)}
        return {"illuminance": lux(high, low)}

    def _result(self) -> tuple[int, int]:
        return self.get(HIGH), self.get(LOW)


def lux(high: int, low: int) -> float:
    """Return lx from both bytes: 0.045 lx times a mantissa of eight bits, doubled by each step of the exponent."""
    mantissa = (high & 0x0F) << 4 | low & 0x0F
    return float((mantissa << (high >> 4)) * 0.045)

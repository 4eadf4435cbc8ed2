"""LM75 and its kin (LM75A, LM75B, TMP75, PCT2075): temperature on I2C.

Source: Texas Instruments data sheet "LM75B, LM75C", registers; NXP data sheet "LM75B". Nine, eleven or twelve bits
are left-justified in the same register, so one formula is right for all.
"""

from __future__ import annotations

from .. import crc
from ..chip import I2cChip, Probe, Quantity, Values, Waits, says
from ..errors import InvalidReading, LostPower, WrongChip
from ..registers import Register

TEMPERATURE = Register(0, 2, is_signed=True)
CONFIGURATION = Register(1)
RESERVED = 0xE0  # bits of the configuration that are 0
UNUSED = 0x0F  # bits of a temperature's or a limit's lower byte that are 0
QUEUE_OF_TWO = 0x08  # the alarm pin acts at the second value over the limit; at power-on at the first
HYSTERESIS, WITNESS = Register(2, 2), 0x4A80  # 74.5 °C; at power-on 75 °C
TMP117 = 0x117  # what a TMP117 answers as register 15
FIRST_CONVERSION = 0.33  # 300 ms at most, and a slow oscillator; the temperature is 0 before


class Lm75(I2cChip):
    """One LM75, measuring all the time. A fault queue of two, which it forgets without power, is the witness.

    Where the configuration keeps nothing (an emulator, a clone), the lower limit is both proof and witness. It has no
    identity register and no sign of a finished conversion: not provable is which of its kin it is, nor that
    its converter still runs.
    """

    name = "lm75"
    addresses = tuple(range(0x48, 0x50))
    probes = (
        Probe(b"\x01", 1, lambda configuration: not configuration[0] & RESERVED),
        Probe(b"\x02", 2, says(b"\x4b\x00"), decides=False),  # the limits as after power-on
        Probe(b"\x03", 2, says(b"\x50\x00"), decides=False),
    )
    quantities = (Quantity("temperature", "°C", "temperature", -55.0, 125.0, 0.5),)
    witness = (CONFIGURATION, QUEUE_OF_TWO)

    def identify(self) -> None:
        """Look at what nothing else here shows: unused bits that are 0, a fault queue or a limit that keeps a value.

        Raises:
            WrongChip: something else answers. It is not written to unless its registers look right.
        """
        found = self.write_read(b"\x01", 1) + self.write_read(b"\x02", 2) + self.write_read(b"\x03", 2)
        fits = not (found[0] & RESERVED or found[2] & UNUSED or found[4] & UNUSED)
        for setting in (0x18, 0x00) if fits else ():
            self.write(CONFIGURATION.encode(setting))
            fits = fits and self.write_read(b"\x01", 1)[0] == setting
        self.witness = (CONFIGURATION, QUEUE_OF_TWO) if fits else (HYSTERESIS, WITNESS)
        if not fits and not self._keeps_limit(found):
            expected = "unused bits that are 0 and a fault queue that keeps its setting"
            raise WrongChip(self.name, self.address, expected=expected, found=f"registers 1 to 3 = {found.hex(' ')}")

    def _keeps_limit(self, found: bytes) -> bool:
        """Say whether the lower limit keeps a value; it is put back. `found`: the registers 1 to 3."""
        low, high = (TEMPERATURE.decode(found[at : at + 2]) for at in (1, 3))
        if found[0] & RESERVED or (low | high) & 0x7F or low >= high:
            return False
        if int.from_bytes(self.write_read(b"\x0f", 2), "big") & 0x0FFF == TMP117:
            return False
        self.write(CONFIGURATION.encode(0))
        self.write(HYSTERESIS.encode(WITNESS))
        kept = self.write_read(b"\x02", 2) + self.write_read(b"\x03", 2)  # in a memory of bytes the two overlap
        self.write(HYSTERESIS.encode(low))
        return kept == WITNESS.to_bytes(2, "big") + found[3:5]

    def configure(self) -> Waits:
        """Let it measure all the time, leave the witness, and wait for the first value."""
        register, value = self.witness
        self.write(register.encode(value))
        yield FIRST_CONVERSION

    def measure(self) -> Values:
        """Return temperature in °C.

        Raises:
            LostPower: the witness is gone. ChecksumError: two reads differ. InvalidReading: unused bits are set.
        """
        data = crc.agreed(self.write_read(b"\x00", 2), self.write_read(b"\x00", 2))
        register, value = self.witness
        # last: what was read before it is from before a loss of power
        kept = register.decode(self.write_read(bytes([register.address]), register.size))
        if kept != value:
            raise LostPower(
                f"{self.name}: register {register.address} is 0x{kept:02x}, not 0x{value:02x}: power was lost"
            )
        if data[1] & UNUSED:
            raise InvalidReading(f"{self.name}: unused bits are set in {data.hex(' ')}; the line floats")
        return {"temperature": celsius(TEMPERATURE.decode(data))}


def celsius(register: int) -> float:
    """Return °C from the signed temperature register: whole degrees in the upper byte."""
    return register / 256

"""TE Connectivity (MEAS) MS5611-01BA: temperature and pressure on I2C.

Source: TE Connectivity data sheet "MS5611-01BA03", sections on the commands, the conversion times, the memory map of
the PROM and the compensation of first and second order; its application note AN520 with the PROM's checksum.
"""

from __future__ import annotations

from collections.abc import Generator

from .. import crc
from ..chip import I2cChip, Quantity, Question, Reading, Told, Waits, part
from ..errors import ChecksumError, InvalidReading, LostPower, NotReady, WrongChip
from ..registers import Register

RESET = b"\x1e"
# 2.8 ms, and a slow oscillator; likewise after power.
RESETTING_TAKES = 0.0031
PROM = tuple(Register(0xA0 + 2 * number, 2) for number in range(8))
PROM_AT = tuple(bytes([register.address]) for register in PROM)
# The one with the checksum.
LAST = PROM[-1]
# With 4096 samples; at most 9.04 ms, and a slow oscillator.
CONVERT_PRESSURE, CONVERT_TEMPERATURE, CONVERTING_TAKES = b"\x48", b"\x58", 0.01
# The result of the last conversion, and 0 once it was read, or while there is none.
RESULT = Register(0x00, 3)
FULL = 0xFFFFFF
# Of each, the middle result is told if the nearest other one is within 0.07 hPa or 0.03 °C: 6 and 3 times the noise.
CONVERSIONS, NEAR = 3, {CONVERT_PRESSURE: 200, CONVERT_TEMPERATURE: 900}
# The lower bytes of a result of which only the first byte arrived.
CUT = (0x0000, 0xFFFF)


def is_whole(prom: bytes) -> bool:
    """Return whether these are the 16 bytes of a calibration: no coefficient is 0, and the checksum is right."""
    words = {prom[at : at + 2] for at in range(2, 14, 2)}
    return len(words) > 1 and not words & {b"\x00\x00", b"\xff\xff"} and crc.crc4(prom) == prom[15] & 0x0F


class Ms5611(I2cChip):
    """One MS5611. Converts on command only; its calibration carries a checksum, its results do not.

    A result can be read once. So each is converted three times, and a word of the calibration shows that the chip is
    still the same. An MS5607 has another formula, and nothing that tells it from an MS5611.
    """

    name = "ms5611"
    addresses = (0x77, 0x76)
    # After power it may not have loaded its calibration yet. To a chip with registers a reset is the address of one.
    questions = (Question(PROM_AT[0], 2, is_whole, more=PROM_AT[1:], load=RESET, loads_in=RESETTING_TAKES),)
    quantities = (
        Quantity("temperature", "°C", "temperature", -40.0, 85.0, 0.01, accuracy=0.8),
        Quantity("pressure", "hPa", "atmospheric_pressure", 10.0, 1200.0, 0.012, needs="temperature", accuracy=1.5),
    )

    def identify(self) -> Waits:
        """Let it load its calibration, and read that: eight words with a checksum.

        Raises:
            WrongChip: something else answers. ChecksumError: no reads agree.
        """
        yield RESETTING_TAKES
        self.write(RESET)
        yield RESETTING_TAKES
        self.words = tuple(register.decode(self.get_alike(register.address, register.size)) for register in PROM)
        prom = b"".join(word.to_bytes(2, "big") for word in self.words)
        if not is_whole(prom):
            expected = "eight words with a checksum"
            raise WrongChip(self.name, self.address, expected=expected, found=prom.hex(" ", 2))

    def measure(self) -> Reading:
        """Return temperature in °C and pressure in hPa.

        Raises:
            NotReady: it did not convert. LostPower: its calibration is another one all at once.
            ChecksumError: the conversions are not alike. InvalidReading: the results are at the end of their scale.
        """
        # Its calibration is loaded by this alone, and nothing shows that it lost its power.
        self.write(RESET)
        yield RESETTING_TAKES
        d2 = yield from self.converted(CONVERT_TEMPERATURE)
        d1 = yield from self.converted(CONVERT_PRESSURE)
        if (found := self.get(LAST)) != self.words[-1]:
            raise LostPower(f"{self.name}: its last word is 0x{found:04x}, not 0x{self.words[-1]:04x}: another chip")
        return self.told(d1, d2)

    def told(self, d1: int, d2: int) -> Told:
        """Return the values of the raw pressure and the raw temperature."""
        if d2 == FULL:
            raise InvalidReading(f"{self.name}: raw temperature is 0xffffff, the end of its scale")
        difference = d2 - self.words[5] * 2**8
        hundredths = 2000 + difference * self.words[6] / 2**23
        pressure = part(self.hectopascals, d1, difference, hundredths)
        return {"temperature": celsius(difference, hundredths), "pressure": pressure}

    def hectopascals(self, d1: int, difference: float, hundredths: float) -> float:
        """Return hPa.

        Raises:
            InvalidReading: the raw pressure is at the end of its scale.
        """
        if d1 == FULL:
            raise InvalidReading(f"{self.name}: raw pressure is 0xffffff, the end of its scale; a dead element")
        return hectopascals(d1, difference, hundredths, self.words)

    def converted(self, command: bytes) -> Generator[float, None, int]:
        """Convert three times; return the result in the middle.

        Raises:
            NotReady: there is none. ChecksumError: it is far from the others, or frames were cut.
        """
        results = []
        for _ in range(CONVERSIONS):
            self.write(command)
            yield CONVERTING_TAKES
            results.append(self.get(RESULT))
        if not all(results):
            raise NotReady(f"{self.name}: a conversion has no result")
        low, middle, high = sorted(results)
        was_cut = any(result & 0xFFFF in CUT for result in results) and middle != FULL
        if was_cut or min(middle - low, high - middle) > NEAR[command] or (middle % 0x10101 == 0 and middle != FULL):
            shown = ", ".join(f"0x{result:06x}" for result in results)
            raise ChecksumError(f"{self.name}: the results {shown} are not alike, or not whole")
        return middle


def celsius(difference: float, hundredths: float) -> float:
    """Return °C from the raw temperature's difference to the reference, and the temperature of first order."""
    second = difference**2 / 2**31 if hundredths < 2000 else 0.0
    return (hundredths - second) / 100


def hectopascals(d1: int, difference: float, hundredths: float, c: tuple[int, ...]) -> float:
    """Return hPa from the raw pressure, both temperatures and C1..C6; below 20 and -15 °C with the second order."""
    offset = c[2] * 2**16 + c[4] * difference / 2**7
    sensitivity = c[1] * 2**15 + c[3] * difference / 2**8
    if hundredths < 2000:
        cold = (hundredths - 2000) ** 2
        very_cold = min(0.0, hundredths + 1500) ** 2
        offset -= 5 * cold / 2 + 7 * very_cold
        sensitivity -= 5 * cold / 4 + 11 * very_cold / 2
    return (d1 * sensitivity / 2**21 - offset) / 2**15 / 100

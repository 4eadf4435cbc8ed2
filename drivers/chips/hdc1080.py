"""Texas Instruments HDC1080, and HDC1000, HDC1008, HDC1010: temperature and humidity on I2C.

Source: Texas Instruments data sheets "HDC1080" (SNAS672) and "HDC1008" (SNAS649), sections on the measurement sequence
and the register map; the Linux driver `hdc100x`.
"""

from __future__ import annotations

from collections.abc import Generator

from ..chip import I2cChip, Quantity, Question, Reading, Waits, says
from ..errors import ChecksumError, InvalidReading, LostPower, WrongChip
from ..registers import Register

# Writing this pointer alone begins a measurement of both; they are read from there, once, without writing it again.
BOTH = b"\x00"
CONFIGURATION = Register(0x02, 2)
# Both in one measurement, 14 bits each, the heater off; as after a reset. The battery's bit is the chip's.
SETTINGS, BATTERY = 0x1000, 0x0800
MANUFACTURER, DEVICE = Register(0xFE, 2), Register(0xFF, 2)
TEXAS_INSTRUMENTS = 0x5449
DEVICES = {0x1050: "HDC1080", 0x1000: "HDC1008"}
# 15 ms after power, and a slow oscillator.
POWERING_UP = 0.0165
# 6.35 and 6.5 ms, and up to 20 ms by TI's support forum: asked too early it does not acknowledge.
MEASURING_TAKES = 0.021
# The lower two bits of a word are 0.
UNUSED = 0x0003
# Of three measurements the middle one is told; the nearest other one lies within 0.1 °C or 0.15 %.
MEASUREMENTS, NEAR = 3, (40, 100)
# Where the temperature stops: 124.99 °C. What it is before the first measurement.
HIGHEST, NEVER = 0xFFFC, 0x0000


class Hdc1080(I2cChip):
    """One HDC1080. Measures on command only, with the settings of a reset.

    A measurement can be read once, and nothing shows whether it took the command, nor which register it sends. So it
    measures three times, and between two its manufacturer's number proves that words arrive whole.
    """

    name = "hdc1080"
    addresses = (0x40, 0x41, 0x42, 0x43)
    # The device first: an HTU21D, which may be at 0x40, resets at 0xfe.
    questions = (
        Question(b"\xff", 2, says(*(device.to_bytes(2, "big") for device in DEVICES))),
        Question(b"\xfe", 2, says(b"\x54\x49")),
    )
    quantities = (
        Quantity("temperature", "°C", "temperature", -39.99, 124.98, 0.011, accuracy=0.2),
        Quantity("humidity", "%", "humidity", 0.0, 100.0, 0.007, needs="temperature", accuracy=2.0),
    )

    def identify(self) -> Waits:
        """Read the numbers of the device and of its manufacturer.

        Raises:
            WrongChip: something else answers at this address.
        """
        yield POWERING_UP
        device = self.get(DEVICE)
        if device not in DEVICES:
            raise WrongChip(self.name, self.address, expected=min(DEVICES), found=device)
        maker = self.get(MANUFACTURER)
        if maker != TEXAS_INSTRUMENTS:
            raise WrongChip(self.name, self.address, expected=TEXAS_INSTRUMENTS, found=maker)

    def configure(self) -> None:
        """Set what a reset sets: another program may have switched the heater on."""
        found = self.command(CONFIGURATION, SETTINGS, lambda found: found & ~BATTERY == SETTINGS)
        if found & ~BATTERY != SETTINGS:
            raise LostPower(f"{self.name}: configuration is 0x{found:04x}, not 0x{SETTINGS:04x}")

    def measure(self) -> Reading:
        """Return temperature in °C and relative humidity in %.

        Raises:
            NoAcknowledge: no device answers, or not in time. LostPower: its manufacturer's number is gone.
            ChecksumError: the measurements differ. InvalidReading: it has not measured.
        """
        measured = [(yield from self.both())]
        while len(measured) < MEASUREMENTS:
            maker = self.get(MANUFACTURER)
            if maker != TEXAS_INSTRUMENTS and not self.lenient:
                expected = f"0x{TEXAS_INSTRUMENTS:04x}"
                raise LostPower(f"{self.name}: its manufacturer is 0x{maker:04x} all at once, not {expected}")
            measured.append((yield from self.both()))
        temperature, humidity = map(self.middle, zip(*measured, strict=True), NEAR)
        if temperature == NEVER:
            raise InvalidReading(f"{self.name}: raw temperature is 0; it has not measured")
        if temperature == HIGHEST:
            beyond = self.beyond("temperature", at_least=celsius(HIGHEST))
            return {"temperature": beyond, "humidity": relative_humidity(humidity)}
        return {"temperature": celsius(temperature), "humidity": relative_humidity(humidity)}

    def middle(self, words: tuple[int, ...], near: int) -> int:
        """Return the word in the middle of three.

        Raises:
            ChecksumError: neither of the others is near.
        """
        low, middle, high = sorted(words)
        if min(middle - low, high - middle) > near:
            shown = ", ".join(f"0x{word:04x}" for word in words)
            raise ChecksumError(f"{self.name}: measurements in a row differ: {shown}; shorten or shield the cable")
        return middle

    def both(self) -> Generator[float, None, tuple[int, int]]:
        """Measure; return the words of temperature and humidity.

        Raises:
            InvalidReading: unused bits are set, or the line stands still.
        """
        self.write(BOTH)
        yield MEASURING_TAKES
        frame = self.read_bytes(4)
        temperature, humidity = int.from_bytes(frame[:2], "big"), int.from_bytes(frame[2:], "big")
        if (temperature | humidity) & UNUSED or len(set(frame)) == 1:
            raise InvalidReading(f"{self.name}: {frame.hex(' ')} is no measurement; the line floats or is shorted")
        return temperature, humidity


def celsius(ticks: int) -> float:
    """Return °C from the 16-bit temperature word."""
    return ticks / 65536 * 165 - 40


def relative_humidity(ticks: int) -> float:
    """Return % from the 16-bit humidity word."""
    return ticks / 65536 * 100

"""Sensirion SCD40, SCD41, SCD43: CO₂, temperature and humidity on I2C.

Source: Sensirion "Datasheet SCD4x", section "Digital Interface Description".
"""

from __future__ import annotations

from collections.abc import Generator

from .. import crc
from ..chip import I2cChip, Probe, Quantity, Reading, Waits
from ..errors import ChecksumError, InvalidReading, NoAcknowledge, NotReady, WrongChip

POWER_UP_TAKES = 0.033  # 30 ms, and 10 %; early chips needed up to 1 s and refuse until then
STOP, STOPPING_TAKES = b"\x3f\x86", 0.55  # 500 ms, and 10 %
SERIAL_NUMBER = b"\x36\x82"
START = b"\x21\xb1"
IS_READY = b"\xe4\xb8"
READ = b"\xec\x05"
COMMAND_TAKES = 0.0011  # 1 ms, and 10 %
READY = 0x07FF  # none of these bits: no new value
PAUSES = (3, 3, 0)  # seconds after each question: a value comes every 5 s, 10 % slow


class Scd4x(I2cChip):
    """One SCD4x in periodic measurement: a value every 5 s. Asked earlier, it waits for the next one.

    After a loss of power it idles and never has a value: the reading fails, the next one starts it again.
    """

    name = "scd4x"
    addresses = (0x62,)
    probes = (Probe(IS_READY, 3, lambda answer: bool(crc.words(answer)), COMMAND_TAKES),)  # it may be measuring
    takes = 6.7
    quantities = (
        Quantity("co2", "ppm", "carbon_dioxide", 1.0, 40_000.0, 1.0),
        Quantity("temperature", "°C", "temperature", -40.0, 70.0, 0.01),
        Quantity("humidity", "%", "humidity", 0.0, 100.0, 0.01, needs="temperature"),
    )

    def identify(self) -> Waits:
        """Stop the measurement, for else it refuses, and read the serial number: three words with checksums.

        Raises:
            WrongChip: something else answers.
        """
        yield POWER_UP_TAKES
        try:
            self.write(STOP)
        except NoAcknowledge:  # nothing to be stopped, or it still starts
            yield POWER_UP_TAKES
        yield STOPPING_TAKES
        self.write(SERIAL_NUMBER)
        yield COMMAND_TAKES
        serial = self.read_bytes(9)
        try:
            crc.words(serial)
        except ChecksumError:
            expected = "three words with checksums"
            raise WrongChip(self.name, self.address, expected=expected, found=serial.hex(" ")) from None

    def configure(self) -> Waits:
        """Start the periodic measurement."""
        self.write(START)
        yield COMMAND_TAKES

    def measure(self) -> Reading:
        """Return co2 in ppm, temperature in °C, humidity in %; waits for a new value.

        Raises:
            NotReady: no value came within 6 s. ChecksumError: a word arrived damaged.
        """
        for pause in PAUSES:
            (state,) = yield from self._ask(IS_READY, 3)
            if state & READY:
                break
            for _ in range(pause):
                yield 1.0
        else:
            raise NotReady(
                f"{self.name}: no value within {sum(PAUSES)} s; it may have lost power, and is started again"
            )
        co2, temperature, humidity = yield from self._ask(READ, 9)
        if co2 == 0:
            raise InvalidReading(f"{self.name}: 0 ppm is no concentration; the chip has not measured")
        return {"co2": float(co2), "temperature": celsius(temperature), "humidity": relative_humidity(humidity)}

    def _ask(self, command: bytes, length: int) -> Generator[float, None, tuple[int, ...]]:
        self.write(command)
        yield COMMAND_TAKES
        return crc.words(self.read_bytes(length))


def celsius(ticks: int) -> float:
    """Return °C from the 16-bit temperature word (section "read_measurement")."""
    return -45 + 175 * ticks / 65535


def relative_humidity(ticks: int) -> float:
    """Return % from the 16-bit humidity word (section "read_measurement")."""
    return 100 * ticks / 65535

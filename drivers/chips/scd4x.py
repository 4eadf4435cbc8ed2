"""Sensirion SCD40, SCD41, SCD43: CO₂, temperature and humidity on I2C.

Source: Sensirion "Datasheet SCD4x", section "Digital Interface Description".
"""

from __future__ import annotations

from typing import Annotated, Any

from .. import crc
from ..chip import Quantity, Question, Reading, Waits, Within
from ..errors import InvalidReading, NoAcknowledge, NotReady
from .sensirion import SensirionChip, celsius, whole

# 30 ms, and 10 %; early chips needed up to 1 s and refuse until then.
POWER_UP_TAKES = 0.033
# 500 ms, and 10 %.
STOP, STOPPING_TAKES = b"\x3f\x86", 0.55
SERIAL_NUMBER = b"\x36\x82"
SET_ALTITUDE, SET_PRESSURE = b"\x24\x27", b"\xe0\x00"
ALTITUDES, PRESSURES = (0, 3000), (700, 1200)
START, IS_READY, READ = b"\x21\xb1", b"\xe4\xb8", b"\xec\x05"
# 1 ms, and 10 %.
COMMAND_TAKES = 0.0011
# None of these bits: no new value.
READY = 0x07FF
# ppm: the chip goes no further.
CO2_STOP = 40_000
# Seconds after each question: a value comes every 5 s, 10 % slow.
PAUSES = (3, 3, 0)


class Scd4x(SensirionChip):
    """One SCD4x in periodic measurement: a value every 5 s. Asked earlier, it waits for the next one.

    After a loss of power it idles and never has a value: the reading fails, the next one starts it again.

    Args:
        altitude: metres above the sea, 0..3000: CO₂ is told too low by about 1 % every 85 m without it.
        pressure: of the air in hPa, 700..1200, instead.
    """

    name = "scd4x"
    addresses = (0x62,)
    # A chip that measures answers this, too.
    questions = (Question(IS_READY, 3, lambda answer: bool(crc.words(answer)), COMMAND_TAKES),)
    either = (("altitude", "pressure"),)
    takes = 6.7
    quantities = (
        Quantity("co2", "ppm", "carbon_dioxide", 1.0, CO2_STOP - 1.0, 1.0, accuracy=50.0),
        Quantity("temperature", "°C", "temperature", -40.0, 70.0, 0.01, accuracy=0.8),
        Quantity("humidity", "%", "humidity", 0.0, 100.0, 0.01, needs="temperature", accuracy=6.0),
    )

    def __init__(
        self,
        bus: Any,
        address: int | None = None,
        *,
        altitude: Annotated[float, Within(*ALTITUDES, "m")] | None = None,
        pressure: Annotated[float, Within(*PRESSURES, "hPa")] | None = None,
        identity: str = "strict",
    ) -> None:
        super().__init__(bus, address, identity=identity)
        if altitude is not None and pressure is not None:
            raise ValueError("altitude and pressure: the chip takes one of the two")
        self.altitude = whole(altitude, "altitude", "m", *ALTITUDES)
        self.pressure = whole(pressure, "pressure", "hPa", *PRESSURES)

    def identify(self) -> Waits:
        """Stop the measurement, for else it refuses, and read the serial number: three words with checksums.

        Raises:
            WrongChip: something else answers.
        """
        yield POWER_UP_TAKES
        try:
            self.write(STOP)
        except NoAcknowledge:
            # There was nothing to be stopped, or it still starts.
            yield POWER_UP_TAKES
        yield STOPPING_TAKES
        yield from self.proof(SERIAL_NUMBER, COMMAND_TAKES, 3)

    def configure(self) -> Waits:
        """Tell it how thin its air is, where that is known, and start the periodic measurement."""
        for command, value in ((SET_ALTITUDE, self.altitude), (SET_PRESSURE, self.pressure)):
            if value is not None:
                self.write(command + crc.word(value))
                yield COMMAND_TAKES
        self.write(START)
        yield COMMAND_TAKES

    def measure(self) -> Reading:
        """Return co2 in ppm, temperature in °C, humidity in %; waits for a new value.

        Raises:
            NotReady: no value came within 6 s. ChecksumError: a word arrived damaged.
        """
        for pause in PAUSES:
            (state,) = yield from self.ask(IS_READY, COMMAND_TAKES, 1)
            if state & READY:
                break
            for _ in range(pause):
                yield 1.0
        else:
            raise NotReady(
                f"{self.name}: no value within {sum(PAUSES)} s; it may have lost power, and is started again"
            )
        co2, temperature, humidity = yield from self.ask(READ, COMMAND_TAKES, 3)
        nothing = InvalidReading(f"{self.name}: 0 ppm is no concentration")
        return {
            "co2": self.below("co2", co2, CO2_STOP) if co2 else nothing,
            "temperature": celsius(temperature),
            "humidity": relative_humidity(humidity),
        }


def relative_humidity(ticks: int) -> float:
    """Return % from the 16-bit humidity word (section "read_measurement")."""
    return 100 * ticks / 65535

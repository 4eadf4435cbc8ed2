"""Sensirion SCD30: CO₂, temperature and humidity on I2C. It stretches the clock.

Source: Sensirion "Interface Description SCD30" v1.0 (2020), section "I2C Protocol", and its datasheet D1 (2020).
On a Pi Zero to 4 it needs a slow bus (`dtparam=i2c_arm_baudrate=50000` or less) or the bit-banged adapter
(`dtoverlay=i2c-gpio`): it holds the clock for up to 30 ms, and once a day for 150.
"""

from __future__ import annotations

from typing import Annotated, Any

from .. import crc
from ..chip import Quantity, Question, Reading, Waits, Within
from ..errors import InvalidReading, LostPower, NoAcknowledge, NotReady
from .sensirion import SensirionChip, whole

# 2 s, and 10 %.
BOOTING_TAKES = 2.2
# 3 ms between a command and its answer, and 10 %; as long between two commands.
COMMAND_TAKES = 0.004
FIRMWARE, START, IS_READY, READ = b"\xd1\x00", b"\x00\x10", b"\x02\x02", b"\x03\x00"
INTERVAL, ALTITUDE = b"\x46\x00", b"\x51\x02"
ALTITUDES, PRESSURES = (0, 3000), (700, 1400)
# No pressure is told: the altitude counts.
UNKNOWN = 0
# Seconds from one value to the next, and how often it is asked whether there is one.
EVERY, POLLS, POLL = 2, 6, 0.5
# ppm: the chip goes no further.
CO2_STOP = 40_000


class Scd30(SensirionChip):
    """One SCD30, measuring every 2 s. Asked earlier, it waits for the next value.

    The chip keeps interval, altitude and whether it measures without power; they are written where they differ.

    Args:
        altitude: metres above the sea, 0..3000: CO₂ is told too low by about 1 % every 85 m without it.
        pressure: of the air in hPa, 700..1400, instead.
    """

    name = "scd30"
    addresses = (0x61,)
    questions = (Question(FIRMWARE, 3, lambda answer: any(crc.words(answer)), COMMAND_TAKES),)
    either = (("altitude", "pressure"),)
    takes = 7.0
    # Its answers are long, and it holds the clock meanwhile.
    holds = 0.05
    quantities = (
        Quantity("co2", "ppm", "carbon_dioxide", 1.0, CO2_STOP - 1.0, 1.0, accuracy=30.0),
        Quantity("temperature", "°C", "temperature", -40.0, 70.0, 0.01, accuracy=0.4),
        Quantity("humidity", "%", "humidity", 0.0, 100.0, 0.01, needs="temperature", accuracy=3.0),
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
        self.pressure = whole(pressure, "pressure", "hPa", *PRESSURES) or UNKNOWN

    def identify(self) -> Waits:
        """Read the version of the firmware, a word with its checksum.

        Raises:
            WrongChip: something else answers.
        """
        try:
            yield from self.proof(FIRMWARE, COMMAND_TAKES, 1)
        except NoAcknowledge:
            # It may have been plugged in just now.
            yield BOOTING_TAKES
            yield from self.proof(FIRMWARE, COMMAND_TAKES, 1)

    def configure(self) -> Waits:
        """Set the interval and, where it is known, how thin the air is; start measuring.

        Raises:
            LostPower: a setting is not kept.
        """
        yield from self.keep(INTERVAL, EVERY)
        if self.altitude is not None:
            yield from self.keep(ALTITUDE, self.altitude)
        self.write(START + crc.word(self.pressure))
        yield COMMAND_TAKES

    def keep(self, setting: bytes, value: int) -> Waits:
        """Write a setting that the chip keeps in a memory that wears out, unless it has that value."""
        if (yield from self.ask(setting, COMMAND_TAKES, 1)) == (value,):
            return
        self.write(setting + crc.word(value))
        yield COMMAND_TAKES
        (kept,) = yield from self.ask(setting, COMMAND_TAKES, 1)
        if kept != value:
            raise LostPower(f"{self.name}: setting 0x{setting.hex()} is {kept}, written was {value}")

    def measure(self) -> Reading:
        """Return co2 in ppm, temperature in °C, humidity in %; waits for a new value.

        Raises:
            NotReady: none came. ChecksumError: a word arrived damaged.
        """
        for _ in range(POLLS):
            (ready,) = yield from self.ask(IS_READY, COMMAND_TAKES, 1)
            if ready == 1:
                break
            yield POLL
        else:
            raise NotReady(
                f"{self.name}: no value within {POLLS * POLL:g} s; it does not measure, and is started again"
            )
        co2, temperature, humidity = yield from self.floats(READ, COMMAND_TAKES, 3)
        nothing = InvalidReading(f"{self.name}: {co2:g} ppm is no concentration")
        told = {"co2": self.below("co2", co2, CO2_STOP) if co2 >= 1 else nothing}
        if temperature == humidity == 0:
            no_air = InvalidReading(f"{self.name}: 0 °C at 0 % is no reading; it has not measured")
            return {**told, "temperature": no_air, "humidity": no_air}
        return {**told, "temperature": temperature, "humidity": humidity}

"""Bosch BMP581, and its siblings BMP580 and BMP585: temperature and pressure on I2C.

Sources: Bosch Sensortec data sheet "BMP581" (BST-BMP581-DS004), sections 4.2 (power management), 4.3 (modes), 4.5
(data registers) and 7 (register map); Bosch's BMP5 Sensor API for the order of starting, and ESPHome's bmp581.
"""

from __future__ import annotations

from .. import crc
from ..chip import I2cChip, Quantity, Question, Reading, Untold, Waits
from ..errors import InvalidReading, LostPower, NotReady, WrongChip
from ..registers import Register, signed

IDENTITY, IDENTITIES = Register(0x01), (0x50, 0x51)
INTERRUPTS, INTERRUPT_STATUS, STATUS = Register(0x15), Register(0x27), Register(0x28)
# Temperature and pressure, in one burst.
DATA, DATA_LENGTH = b"\x1d", 6
# From the filter to the power mode: what is looked at with each reading.
SETTINGS, SETTINGS_LENGTH = b"\x31", 7
FILTER, SAMPLES, POWER = Register(0x31), Register(0x36), Register(0x37)
# Of the interrupts: new data are shown in their status. Of that: new data, and power came on. Reading clears both.
NEW_DATA, IS_NEW, POWERED_ON = 0x01, 0x01, 0x10
# Of the status: the memory with its calibration is ready, or failed.
MEMORY_IS_READY, MEMORY_FAILED = 0x02, 0x04
# Pressure on, 16 samples; temperature 2 samples. 0x00 after power-on.
SIXTEEN_AND_TWO = 0x61
# No deep sleep, 1 Hz; asleep, or measuring once. 0x70 after power-on.
STANDBY, FORCED, MODE = 0xF0, 0xF2, 0x03
# Seconds, the longest; and 10 %.
STARTING_TAKES, FALLING_ASLEEP_TAKES = 0.003, 0.003
MEASURING_TAKES = 1.1 * 1.05 * (10.4 + 1.1) / 1000
POLLS, AGAIN = 5, 0.005
# What the data hold before the first measurement, and at the ends.
NO_READING = (0x7F7F7F, 0x7FFFFF, 0x800000)


class Bmp581(I2cChip):
    """One BMP581, measuring on command (forced mode). It corrects its results itself.

    It is not reset: it does not acknowledge the command. That power came on is shown by its status.
    """

    name = "bmp581"
    addresses = (0x46, 0x47)
    questions = (Question(b"\x01", 1, lambda answer: answer[0] in IDENTITIES),)
    quantities = (
        Quantity("temperature", "°C", "temperature", -40.0, 85.0, 0.001, accuracy=0.5),
        Quantity("pressure", "hPa", "atmospheric_pressure", 300.0, 1250.0, 0.001, needs="temperature", accuracy=0.3),
    )

    def identify(self) -> Waits:
        """Look at the identity register.

        Raises:
            WrongChip: something else answers.
        """
        # It may have been plugged in just now.
        yield STARTING_TAKES
        found = self.get(IDENTITY)
        if found not in IDENTITIES:
            raise WrongChip(self.name, self.address, expected=IDENTITIES[0], found=found)

    def configure(self) -> Waits:
        """Let it sleep, switch the filter off, and set the samples.

        Raises:
            NotReady: its memory is not ready. InvalidReading: its memory failed.
        """
        status = self.get(STATUS)
        if status & MEMORY_FAILED:
            raise InvalidReading(f"{self.name}: its status is 0x{status:02x}: the memory with its calibration failed")
        if not status & MEMORY_IS_READY:
            raise NotReady(f"{self.name}: its status is 0x{status:02x}: it has not started yet")
        self.put(POWER, STANDBY)
        yield FALLING_ASLEEP_TAKES
        self.put(FILTER, 0)
        self.put(SAMPLES, SIXTEEN_AND_TWO)
        self.put(INTERRUPTS, NEW_DATA)
        # Reading clears the sign that power came on.
        self.get(INTERRUPT_STATUS)

    def measure(self) -> Reading:
        """Return temperature in °C and pressure in hPa.

        Raises:
            LostPower: it was without power. NotReady: it does not finish. ChecksumError: two reads differ.
            InvalidReading: it did not measure.
        """
        self._is_new()
        self.put(POWER, FORCED)
        yield MEASURING_TAKES
        for _ in range(POLLS):
            if self._is_new():
                break
            yield AGAIN
        else:
            raise NotReady(f"{self.name}: no new values")
        first = self.write_read(DATA, DATA_LENGTH)
        # Read between the two: a line that fails for a moment cannot damage both unseen.
        settings = self.write_read(SETTINGS, SETTINGS_LENGTH)
        data = crc.agreed(first, self.write_read(DATA, DATA_LENGTH))
        if (settings[0], settings[5], settings[6] & ~MODE) != (0, SIXTEEN_AND_TWO, STANDBY):
            raise LostPower(f"{self.name}: its settings are {settings.hex(' ')}, not as written: power was lost")
        return {
            "temperature": self._told("temperature", data[:3]),
            "pressure": self._told("pressure", data[3:]),
        }

    def _is_new(self) -> bool:
        """Return whether there is a result that was not announced yet.

        Raises:
            LostPower: power came on since the last look.
        """
        status = self.get(INTERRUPT_STATUS)
        if status & POWERED_ON:
            raise LostPower(f"{self.name}: its interrupt status is 0x{status:02x}: power came on")
        return bool(status & IS_NEW)

    def _told(self, name: str, data: bytes) -> float | Untold:
        raw = int.from_bytes(data, "little")
        if raw in NO_READING:
            return InvalidReading(f"{self.name}: {name} 0x{raw:06x} is no reading: never measured, or a line is stuck")
        return celsius(raw) if name == "temperature" else hectopascals(raw)


def celsius(raw: int) -> float:
    """Return °C from the 24 bits of the temperature, two's complement (§4.5)."""
    return signed(raw, 24) / 65536


def hectopascals(raw: int) -> float:
    """Return hPa from the 24 bits of the pressure, 64 digits a Pa (§4.5)."""
    return raw / 6400

"""STMicroelectronics LPS22HB: temperature and pressure on I2C.

Source: ST data sheet "LPS22HB" (DocID027083 Rev 6), sections 3 (characteristics), 8 and 9 (registers).
"""

from __future__ import annotations

from ..chip import Quantity, Reading, Untold, Waits
from ..errors import InvalidReading
from ..registers import Register, signed
from .st_one_shot import OneShotSensor

CONTROL_1, CONTROL_2 = Register(0x10), Register(0x11)
# One conversion on command; both bytes of a result are updated together.
BLOCK_UPDATE = 0x02
# The address advances in a burst, as after power-on.
ADVANCE, RESET, ONE_SHOT = 0x10, 0x04, 0x01
PRESSURE_DONE, TEMPERATURE_DONE = 0x01, 0x02
# Seconds: it loads its calibration in 2.2 ms.
BOOTING_TAKES = 0.005
STOPS_24, STOPS_16 = (0x7FFFFF, -0x800000), (0x7FFF, -0x8000)


class Lps22hb(OneShotSensor):
    """One LPS22HB, asleep between readings. That it updates results in one piece is the sign that it kept its power."""

    name = "lps22hb"
    addresses = (0x5C, 0x5D)
    quantities = (
        Quantity("temperature", "°C", "temperature", -40.0, 85.0, 0.01, accuracy=1.5),
        Quantity("pressure", "hPa", "atmospheric_pressure", 260.0, 1260.0, 0.01, needs="temperature", accuracy=1.0),
    )
    identity = 0xB1
    begin = CONTROL_2, ADVANCE | ONE_SHOT
    settings = 0x0F, bytes([identity, BLOCK_UPDATE, ADVANCE])
    data = 0x28, 5
    done = PRESSURE_DONE | TEMPERATURE_DONE
    # 75 Hz is the highest rate; and 10 %
    converting_takes = 0.015

    def configure(self) -> Waits:
        """Reset it, since it could show a difference from a pressure before (AUTOZERO), and let it sleep."""
        self.put(CONTROL_2, ADVANCE | RESET)
        yield BOOTING_TAKES
        self.put(CONTROL_1, BLOCK_UPDATE)

    def measure(self) -> Reading:
        """Return temperature in °C and pressure in hPa.

        Raises:
            NotReady, LostPower, ChecksumError: as `convert` says. InvalidReading: all is 0, also the pressure.
        """
        flags, data = yield from self.convert()
        if not any(data):
            raise InvalidReading(f"{self.name}: every byte is 0x00: it never measured, or a line is stuck")
        pressure, temperature = signed(int.from_bytes(data[:3], "little"), 24), signed(data[4] << 8 | data[3], 16)
        told: dict[str, float | Untold] = {"temperature": celsius(temperature), "pressure": hectopascals(pressure)}
        if not flags & TEMPERATURE_DONE or temperature in STOPS_16:
            told["temperature"] = InvalidReading(f"{self.name}: it did not measure temperature")
        if not flags & PRESSURE_DONE or pressure in STOPS_24:
            told["pressure"] = InvalidReading(f"{self.name}: it did not measure pressure")
        return told


def celsius(code: int) -> float:
    """Return °C from the signed temperature, 100 digits a degree (§9.19)."""
    return code / 100


def hectopascals(code: int) -> float:
    """Return hPa from the signed 24-bit pressure, 4096 digits each (§9.18)."""
    return code / 4096

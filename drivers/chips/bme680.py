"""Bosch BME680 and BME688: temperature, pressure, humidity and the resistance of a heated gas sensor on I2C.

Source: Bosch Sensortec data sheets "BME680" (BST-BME680-DS001) and "BME688" (BST-BME688-DS000): forced mode, heater,
memory map; the formulas in floating point are those of Bosch's driver for both chips, "bme68x".
"""

from __future__ import annotations

import struct

from .. import crc
from ..chip import Quantity, Reading, Waits
from ..errors import InvalidReading, LostPower, NotReady
from ..registers import signed
from .bosch import STARTING_TAKES, BoschChip, twenty_bits

RESET, STATUS, DATA, CONTROL, MEASURE = b"\xe0\xb6", b"\x1d", b"\x1f", b"\x71", b"\x74"
T_TWICE_P_FOUR_TIMES, H_ONCE, FORCED = 0b010_011_00, 0b001, 0b01
HEATER, HEATED_FOR = 320.0, b"\x64\x65"  # °C; 148 ms (37 times 4)
RUN_GAS = (0x10, 0x20)  # by variant: BME680, BME688
MEASURING_TAKES = 1.1 * (0.148 + 7 * 0.001963 + 9 * 0.000477 + 0.001)  # seconds; +10 % for the oscillator
NEW, UNDER_WAY, GAS_VALID, HEATER_STABLE = 0x80, 0x60, 0x20, 0x10
POLLS = 4
K1 = (0, 0, 0, 0, 0, -1, 0, -0.8, 0, 0, -0.2, -0.5, 0, -1, 0, 0)  # in %, by range
K2 = (0, 0, 0, 0, 0.1, 0.7, 0, -0.8, -0.1, 0, 0, 0, 0, 0, 0, 0)


class Bme680(BoschChip):
    """One BME680 or BME688. Measures on command (forced mode), with 148 ms of heating to 320 °C.

    The settings next to the command tell whether it kept its power.
    """

    name = "bme680"
    takes = 1.0
    quantities = (
        Quantity("temperature", "°C", "temperature", -40.0, 85.0, 0.01),
        Quantity("humidity", "%", "humidity", 0.0, 100.0, 0.01, needs="temperature"),
        Quantity("pressure", "hPa", "atmospheric_pressure", 300.0, 1100.0, 0.01, needs="temperature"),
        Quantity("gas_resistance", "Ω", None, 176.8, 12.94e6, 1000.0),  # `configure` says what this chip can show
    )
    identities = (0x61,)

    def configure(self) -> Waits:
        """Reset the chip, read its calibration, and set the oversampling and the heater."""
        self.write(RESET)
        yield STARTING_TAKES
        t2, t3, *p = struct.unpack("<hbxHhbxhhbbxxhhB", self.constants(0x8A, 23))
        p[5], p[6] = p[6], p[5]  # P7 stands before P6
        block = self.constants(0xE1, 14)
        h = struct.unpack("<bbbBb", block[3:8])
        t1, gh2, gh1, gh3 = struct.unpack("<Hhbb", block[8:])
        self.calibration_t, self.calibration_p = (t1, t2, t3), tuple(p)
        self.calibration_h = (block[2] << 4 | block[1] & 15, block[0] << 4 | block[1] >> 4, *h)
        heat, correction, error = (self.constants(register, 1)[0] for register in (0x00, 0x02, 0x04))
        self.range_error = signed(error >> 4, 4)
        self.variant = self.constants(0xF0, 1)[0] & 1
        least, most = self.ohms(1023 << 6 | 15), self.ohms(0)
        self.quantities = (*Bme680.quantities[:3], Quantity("gas_resistance", "Ω", None, least, most, 1000.0))
        self.settings = bytes([RUN_GAS[self.variant], H_ONCE])
        code = heater_code(HEATER, (gh1, gh2, gh3, correction >> 4 & 3, signed(heat, 8)))
        for message in (bytes([0x5A, code]), HEATED_FOR, CONTROL + self.settings[:1], b"\x72" + self.settings[1:]):
            self.write(message)

    def measure(self) -> Reading:
        """Return temperature in °C, pressure in hPa, relative humidity in % and gas resistance in Ω.

        Raises:
            LostPower: the settings are gone. NotReady: it does not finish. ChecksumError: two reads differ.
            InvalidReading: it did not convert, or the heater did not reach its temperature.
        """
        self.write(MEASURE + bytes([T_TWICE_P_FOUR_TIMES | FORCED]))
        yield MEASURING_TAKES
        for _ in range(POLLS):
            frame = self.write_read(STATUS, 17)
            if frame[0] & NEW and not frame[0] & UNDER_WAY:
                break
            yield MEASURING_TAKES / 10
        control = self.write_read(CONTROL, 4)
        if control[:2] != self.settings or control[3] & 0xFC != T_TWICE_P_FOUR_TIMES:
            raise LostPower(f"{self.name}: settings are {control.hex(' ')}, not as written: power was lost")
        if not frame[0] & NEW or frame[0] & UNDER_WAY:
            raise NotReady(f"{self.name}: no new values, status 0x{frame[0]:02x}")
        return self.convert(crc.agreed(frame[2:], self.write_read(DATA, 15)))

    def convert(self, data: bytes) -> dict[str, float]:
        """Return the values of the bytes 0x1F to 0x2D."""
        gas = int.from_bytes(data[13:15] if self.variant else data[11:13], "big")
        if not gas & GAS_VALID or not gas & HEATER_STABLE:
            raise InvalidReading(f"{self.name}: no gas value, or the heater is not hot (0x{gas & 0xFF:02x})")
        raw = int.from_bytes(data[6:8], "big")
        if raw == 0x8000:
            raise InvalidReading(f"{self.name}: humidity was not converted (0x8000)")
        temperature = celsius(twenty_bits(data[3:6]), self.calibration_t)
        return {
            "temperature": temperature,
            "humidity": relative_humidity(raw, temperature, self.calibration_h),
            "pressure": hectopascals(twenty_bits(data), temperature, self.calibration_p),
            "gas_resistance": self.ohms(gas),
        }

    def ohms(self, gas: int) -> float:
        """Return Ω from the two bytes of the gas value; BME680 and BME688 have different ranges."""
        return ohms_688(gas >> 6, gas & 15) if self.variant else ohms(gas >> 6, gas & 15, self.range_error)


def celsius(raw: int, t: tuple[int, ...]) -> float:
    """Return °C from the 20-bit temperature and T1..T3."""
    fine = (raw / 16384 - t[0] / 1024) * t[1] + (raw / 131072 - t[0] / 8192) ** 2 * t[2] * 16
    return fine / 5120


def hectopascals(raw: int, temperature: float, p: tuple[int, ...]) -> float:
    """Return hPa from the 20-bit pressure, the temperature in °C and P1..P10."""
    a = temperature * 2560 - 64000
    b = (a * a * p[5] / 131072 + a * p[4] * 2) / 4 + p[3] * 65536
    a = (1 + (p[2] * a * a / 16384 + p[1] * a) / 524288 / 32768) * p[0]
    if not a:
        raise InvalidReading("the pressure's calibration is no calibration")
    pa = (1048576 - raw - b / 4096) * 6250 / a
    c = p[8] * pa * pa / 2147483648 + pa * p[7] / 32768 + (pa / 256) ** 3 * p[9] / 131072
    return (pa + (c + p[6] * 128) / 16) / 100


def relative_humidity(raw: int, temperature: float, h: tuple[int, ...]) -> float:
    """Return % from the 16-bit humidity, the temperature in °C and H1..H7; clipped to 0..100 as the formula says."""
    a = raw - (h[0] * 16 + h[2] / 2 * temperature)
    a *= h[1] / 262144 * (1 + h[3] / 16384 * temperature + h[4] / 1048576 * temperature**2)
    return max(0.0, min(100.0, a + (h[5] / 16384 + h[6] / 2097152 * temperature) * a * a))


def ohms(raw: int, span: int, error: int) -> float:
    """Return Ω of a BME680 from the 10-bit value, its range 0..15 and the calibrated error of the ranges."""
    scale = (1340 + 5 * error) * (1 + K1[span] / 100)
    return 8e6 / ((1 + K2[span] / 100) * (1 << span) * ((raw - 512) / scale + 1))


def ohms_688(raw: int, span: int) -> float:
    """Return Ω of a BME688 from the 10-bit value and its range 0..15."""
    return 1e6 * (262144 >> span) / (4096 + 3 * (raw - 512))


def heater_code(wanted: float, g: tuple[int, ...], ambient: float = 25.0) -> int:
    """Return what makes the heater reach `wanted` °C, from GH1..GH3, the range and the value of its resistance."""
    gh1, gh2, gh3, span, value = g
    slope = (gh1 / 16 + 49) * (1 + (gh2 / 32768 * 0.0005 + 0.00235) * wanted) + gh3 / 1024 * ambient
    return int(3.4 * (slope * (4 / (4 + span)) * (1 / (1 + value * 0.002)) - 25))

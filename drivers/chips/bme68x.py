"""Bosch BME680 and BME688: from raw numbers to units.

Source: the formulas in floating point of Bosch's driver for both chips, "bme68x"; the gas ranges are those of the data
sheets "BME680" (BST-BME680-DS001) and "BME688" (BST-BME688-DS000).
"""

from __future__ import annotations

from ..errors import InvalidReading

# In %, by range.
K1 = (0, 0, 0, 0, 0, -1, 0, -0.8, 0, 0, -0.2, -0.5, 0, -1, 0, 0)
K2 = (0, 0, 0, 0, 0.1, 0.7, 0, -0.8, -0.1, 0, 0, 0, 0, 0, 0, 0)


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
    """Return % from the 16-bit humidity, the temperature in °C and H1..H7; it may leave 0..100."""
    a = raw - (h[0] * 16 + h[2] / 2 * temperature)
    a *= h[1] / 262144 * (1 + h[3] / 16384 * temperature + h[4] / 1048576 * temperature**2)
    return a + (h[5] / 16384 + h[6] / 2097152 * temperature) * a * a


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

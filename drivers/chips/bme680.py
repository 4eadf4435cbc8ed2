"""Bosch BME680 and BME688: temperature, pressure, humidity and the resistance of a heated gas sensor on I2C.

Source: Bosch Sensortec data sheets "BME680" (BST-BME680-DS001) and "BME688" (BST-BME688-DS000): forced mode, heater,
memory map. Their formulas stand in `bme68x`.
"""

from __future__ import annotations

import struct
from typing import Any

from .. import crc
from ..chip import Quantity, Question, Reading, Told, Waits, part
from ..errors import InvalidReading, LostPower, NotReady, WrongChip
from ..registers import Register, signed
from .bme68x import celsius, heater_code, hectopascals, ohms, ohms_688, relative_humidity
from .bosch import STARTING_TAKES, BoschChip

RESET, RESET_WORD = Register(0xE0), 0xB6
# The status stands at the beginning of the burst that holds all results.
STATUS, DATA = Register(0x1D, 17), Register(0x1F, 15)
HEATER_CODE, HEATER_TIME = Register(0x5A), Register(0x64)
CTRL_GAS, CTRL_HUM, CTRL_MEAS = Register(0x71), Register(0x72), Register(0x74)
# Of the last of the settings: a filter, which would mix old values in. Off after a reset.
FILTER = 0x1C
VARIANT = Register(0xF0)
BME680, BME688, BME690 = 0, 1, 2

T_TWICE_P_FOUR_TIMES, H_ONCE, FORCED = 0b010_011_00, 0b001, 0b01
# °C, and 148 ms as 37 times 4.
HEATER, HEATED_FOR = 320.0, 0x65
RUN_GAS = {BME680: 0x10, BME688: 0x20}
# Seconds, and 10 % for the oscillator: the gas takes five of the nine switches, and its heater's time.
AIR_TAKES = 1.1 * (7 * 0.001963 + 4 * 0.000477 + 0.001)
GAS_TAKES = 1.1 * (0.148 + 5 * 0.000477)
NEW, UNDER_WAY, GAS_VALID, HEATER_STABLE = 0x80, 0x60, 0x20, 0x10
POLLS = 4


class Bme680(BoschChip):
    """One BME680 or BME688. Measures on command (forced mode), with 148 ms of heating to 320 °C.

    The settings next to the command tell whether it kept its power.

    Args:
        gas: False leaves the heater off: no gas_resistance, and a reading takes 19 ms instead of 188.
    """

    name = "bme680"
    takes = 1.0
    quantities: tuple[Quantity, ...] = (
        Quantity("temperature", "°C", "temperature", -40.0, 85.0, 0.01, accuracy=0.5),
        Quantity("humidity", "%", "humidity", 0.0, 100.0, 0.01, clips=True, needs="temperature", accuracy=3.0),
        Quantity("pressure", "hPa", "atmospheric_pressure", 300.0, 1100.0, 0.01, needs="temperature", accuracy=0.6),
        # `configure` says what this chip can show.
        Quantity("gas_resistance", "Ω", None, 176.8, 12.93e6, 1000.0),
    )
    identities = (0x61,)
    variant = BME680

    def __init__(self, bus: Any, address: int | None = None, *, gas: bool = True, identity: str = "strict") -> None:
        if not isinstance(gas, bool):
            raise ValueError(f"gas = {gas!r}: true or false")
        super().__init__(bus, address, identity=identity)
        self.gas = gas
        self.quantities = Bme680.quantities if gas else Bme680.quantities[:3]
        self.takes_at_most = AIR_TAKES + GAS_TAKES * gas

    def identify(self) -> Waits:
        """Read the identity register, and the variant: a BME690 has the same identity, but other formulas.

        Raises:
            WrongChip: something else answers.
        """
        yield from super().identify()
        found = self.get_twice(VARIANT)
        if found not in RUN_GAS:
            hint = "this is a BME690, which no driver here reads" if found == BME690 else ""
            raise WrongChip(self.name, self.address, expected="variant 0 or 1", found=found, hint=hint)
        self.variant = found

    def configure(self) -> Waits:
        """Reset the chip, read its calibration, and set the oversampling and the heater."""
        self.put(RESET, RESET_WORD)
        yield STARTING_TAKES
        heater = self.read_calibration()
        if self.gas:
            # One code off the ends of the scale, which stand for whatever lies beyond.
            least, most = self.ohms(1022 << 6 | 15), self.ohms(1 << 6)
            self.quantities = (*Bme680.quantities[:3], Quantity("gas_resistance", "Ω", None, least, most, 1000.0))
        self.settings = bytes([RUN_GAS[self.variant] if self.gas else 0, H_ONCE])
        self.put(HEATER_CODE, heater_code(HEATER, heater))
        self.put(HEATER_TIME, HEATED_FOR)
        self.put(CTRL_GAS, self.settings[0])
        self.put(CTRL_HUM, self.settings[1])

    def read_calibration(self) -> tuple[int, ...]:
        """Read the factory's numbers; return those of the heater."""
        t2, t3, *p = struct.unpack("<hbxHhbxhhbbxxhhB", self.constants(0x8A, 23))
        # P7 stands before P6.
        p[5], p[6] = p[6], p[5]
        block = self.constants(0xE1, 14)
        h = struct.unpack("<bbbBb", block[3:8])
        t1, gh2, gh1, gh3 = struct.unpack("<Hhbb", block[8:])
        self.calibration_t, self.calibration_p = (t1, t2, t3), tuple(p)
        self.calibration_h = (block[2] << 4 | block[1] & 15, block[0] << 4 | block[1] >> 4, *h)
        heat, correction, error = (self.constants(register, 1)[0] for register in (0x00, 0x02, 0x04))
        self.range_error = signed(error >> 4, 4)
        return gh1, gh2, gh3, correction >> 4 & 3, signed(heat, 8)

    def measure(self) -> Reading:
        """Return temperature in °C, pressure in hPa, relative humidity in % and gas resistance in Ω.

        Where the heater did not reach its temperature, only the gas resistance cannot be told.

        Raises:
            LostPower: the settings are gone. NotReady: it does not finish. ChecksumError: two reads differ.
            InvalidReading: it did not convert.
        """
        forced = T_TWICE_P_FOUR_TIMES | FORCED
        # Until the conversion ends, the mode is still there.
        self.command(CTRL_MEAS, forced, lambda found: found == forced)
        yield self.takes_at_most
        for _ in range(POLLS):
            frame = self.write_read(bytes([STATUS.address]), STATUS.size)
            if frame[0] & NEW and not frame[0] & UNDER_WAY:
                break
            yield self.takes_at_most / 10
        control = self.write_read(bytes([CTRL_GAS.address]), 5)
        if control[:2] != self.settings or control[3] & 0xFC != T_TWICE_P_FOUR_TIMES or control[4] & FILTER:
            raise LostPower(f"{self.name}: settings are {control.hex(' ')}, not as written: power was lost")
        if not frame[0] & NEW or frame[0] & UNDER_WAY:
            raise NotReady(f"{self.name}: no new values, status 0x{frame[0]:02x}")
        return self.convert(crc.agreed(frame[2:], self.write_read(bytes([DATA.address]), DATA.size)))

    def convert(self, data: bytes) -> Told:
        """Return the values of the bytes 0x1F to 0x2D."""
        temperature = celsius(self.twenty_bits(data[3:6]), self.calibration_t)
        told = {
            "temperature": temperature,
            "humidity": part(lambda: relative_humidity(self.sixteen_bits(data[6:8]), temperature, self.calibration_h)),
            "pressure": part(lambda: hectopascals(self.twenty_bits(data), temperature, self.calibration_p)),
        }
        if self.gas:
            told["gas_resistance"] = part(self.resistance, data)
        return told

    def resistance(self, data: bytes) -> float:
        """Return Ω of the gas sensor.

        Raises:
            InvalidReading: there is no value, or the heater is not hot. BeyondRange: the converter is at its end.
        """
        gas = int.from_bytes(data[13:15] if self.variant == BME688 else data[11:13], "big")
        if not gas & GAS_VALID or not gas & HEATER_STABLE:
            raise InvalidReading(f"{self.name}: no gas value, or the heater is not hot (0x{gas & 0xFF:02x})")
        value, span = gas >> 6, gas & 15
        if (value, span) == (0, 0):
            raise self.beyond("gas_resistance", at_least=self.ohms(gas))
        if (value, span) == (1023, 15):
            raise self.beyond("gas_resistance", at_most=self.ohms(gas))
        return self.ohms(gas)

    def ohms(self, gas: int) -> float:
        """Return Ω from the two bytes of the gas value; BME680 and BME688 have different ranges."""
        return ohms_688(gas >> 6, gas & 15) if self.variant == BME688 else ohms(gas >> 6, gas & 15, self.range_error)


# A scan, too, tells a BME690 apart.
Bme680.questions = (*Bme680.questions, Question(bytes([VARIANT.address]), 1, lambda variant: variant[0] in RUN_GAS))

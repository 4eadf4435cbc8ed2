"""Texas Instruments INA228: voltages, current, power, energy, charge and its own temperature over a shunt, on I2C.

Source: Texas Instruments "INA228" (SLYS021A), sections "Electrical Characteristics", "Current, Power, Energy, and
Charge Calculations" and "Register Maps".
"""

from __future__ import annotations

from collections.abc import Generator

from ..chip import Quantity, Question, Reading, Untold, Waits, says
from ..errors import ChecksumError, InvalidReading, LostPower, NotReady, WrongChip
from ..registers import Field, Register
from .shunt import ShuntMonitor

CONFIG, ADC_CONFIG, SHUNT_CALIBRATION = Register(0x00, 2), Register(0x01, 2), Register(0x02, 2)
SHUNT, BUS, TEMPERATURE = Register(0x04, 3), Register(0x05, 3), Register(0x06, 2, is_signed=True)
ENERGY, CHARGE = Register(0x09, 5), Register(0x0A, 5, is_signed=True)
RESULTS = (SHUNT, BUS, TEMPERATURE, ENERGY, CHARGE)
DIAGNOSIS = Register(0x0B, 2)
MANUFACTURER, MANUFACTURER_ID = Register(0x3E, 2), 0x5449
# Of the device identity; the lower bits are the revision.
IDENTITY, DEVICE, DEVICE_ID = Register(0x3F, 2), Field(15, 4), 0x228
# Of the voltages: twenty bits and a sign above four that are always 0.
VOLTAGE, ALWAYS_ZERO = Field(23, 4, is_signed=True), Field(3, 0)

# After a reset: ±163.84 mV. Of the ADC: on and on, all three 4.12 ms each, 16 of them averaged; 0xFB68 after a reset.
# Of the calibration: as after a reset, where a digit of the current is one of the shunt's voltage.
SETTINGS = {CONFIG: 0x0000, ADC_CONFIG: 0xFFFA, SHUNT_CALIBRATION: 0x1000}
RESET, STARTING_TAKES = 0x8000, 0.001
# Seconds: 3 × 4.12 ms × 16, and more than 10 %.
CONVERTING_TAKES = 0.225
POLLS, READS = 3, 6
# Of the diagnosis: flags stay until they are read (off after power-on); the memory is well; a conversion is over.
LATCHED, MEMORY_IS_WELL, CONVERTED = 0x8000, 0x0001, 0x0002
ENERGY_OVERFLOW, CHARGE_OVERFLOW = 0x0800, 0x0400
SHUNT_STOPS = (0x7FFFF, -0x80000)
# 85 V, the most that the chip is specified for; the register goes on to 102.4 V.
BUS_STOP = 435_200
# Digits below 0 V that the offset of ±2.5 mV may take a bus without voltage.
OFFSET = 13


def shunt_volts(code: int) -> float:
    """Return volts over the shunt from the signed 20 bits, 312.5 nV a digit at ±163.84 mV."""
    return code * 312.5e-9


def bus_volts(code: int) -> float:
    """Return volts from the signed 20 bits, 195.3125 µV a digit."""
    return code * 195.3125e-6


def celsius(code: int) -> float:
    """Return °C from the signed temperature, 7.8125 m°C a digit."""
    return code * 0.0078125


def energy_of(code: int, shunt_ohms: float) -> float:
    """Return J from the sum: 16 × 3.2 × a digit of the current (equation 8)."""
    return 16 * 3.2 * code * (312.5e-9 / shunt_ohms)


def charge_of(code: int, shunt_ohms: float) -> float:
    """Return C from the signed sum: a digit of the current each (equation 9)."""
    return code * (312.5e-9 / shunt_ohms)


class Ina228(ShuntMonitor):
    """One INA228, converting all the time, so that energy and charge add up since it was powered, across our restarts.

    Current and power are computed here: the chip's own power has no sign.
    """

    name = "ina228"
    questions = (
        Question(b"\x3f", 2, lambda answer: DEVICE.of(IDENTITY.decode(answer)) == DEVICE_ID),
        Question(b"\x3e", 2, says(b"\x54\x49")),
    )
    takes = 2.0
    holds = 0.015
    most = (0x7FFFE * 312.5e-9, (BUS_STOP - 1) * 195.3125e-6)
    steps = (312.5e-9, 195.3125e-6)

    @classmethod
    def quantities_with(cls, shunt_ohms: float) -> tuple[Quantity, ...]:
        joules, coulombs = energy_of(1, shunt_ohms), charge_of(1, shunt_ohms)
        return (
            *super().quantities_with(shunt_ohms),
            Quantity("energy", "J", "energy", 0.0, joules * (2**40 - 1), joules, noisy=False),
            Quantity("charge_passed", "C", None, -coulombs * 2**39, coulombs * 2**39, coulombs, noisy=False),
            Quantity("temperature", "°C", "temperature", -40.0, 125.0, 0.0078125, accuracy=1.0),
        )

    def identify(self) -> None:
        """Look at both identity registers.

        Raises:
            WrongChip: something else answers.
        """
        if (found := self.get(MANUFACTURER)) != MANUFACTURER_ID:
            raise WrongChip(self.name, self.address, expected=MANUFACTURER_ID, found=found)
        if (found := DEVICE.of(self.get(IDENTITY))) != DEVICE_ID:
            raise WrongChip(self.name, self.address, expected=DEVICE_ID, found=found)

    def configure(self) -> Waits:
        """Reset and set it, unless it is as it was set before: a reset would begin energy and charge again.

        Raises:
            ChecksumError: two reads of its settings differ.
        """
        settings = self._settings()
        if settings != self._settings():
            raise ChecksumError(f"{self.name}: two reads of its settings differ; shorten or shield the cable")
        if settings != SETTINGS:
            self.put(CONFIG, RESET)
            yield STARTING_TAKES
            for register in (SHUNT_CALIBRATION, ADC_CONFIG):
                self.put(register, SETTINGS[register])
        self.put(DIAGNOSIS, LATCHED)

    def _settings(self) -> dict[Register, int]:
        return {register: self.get(register) for register in SETTINGS}

    def measure(self) -> Reading:
        """Return both voltages in V, current in A, power in W, energy in J, charge in C, temperature in °C.

        Raises:
            NotReady: no conversion ended. LostPower: the settings are gone. ChecksumError: the reads do not agree.
            InvalidReading: its memory is damaged, or a line is stuck.
        """
        diagnosis = yield from self._converted()
        shunt, bus, temperature, energy, charge = self._agreed()
        if ALWAYS_ZERO.of(shunt) or ALWAYS_ZERO.of(bus):
            raise InvalidReading(f"{self.name}: bits that are always 0 are not: {shunt:06x}, {bus:06x}")
        shunt, bus = VOLTAGE.of(shunt), VOLTAGE.of(bus)
        if -OFFSET <= bus < 0:
            bus = 0
        stops = {"shunt_stops": shunt in SHUNT_STOPS, "bus_stops": bus >= BUS_STOP}
        told = self.told(shunt_volts(shunt), bus_volts(bus), **stops)
        if bus < 0:
            nonsense = InvalidReading(f"{self.name}: a bus voltage of {bus_volts(bus):g} V is none")
            told |= {"bus_voltage": nonsense, "power": nonsense}
        joules, coulombs = energy_of(energy, self.shunt_ohms), charge_of(charge, self.shunt_ohms)
        return told | {
            "energy": self._summed("energy", joules, diagnosis & ENERGY_OVERFLOW),
            "charge_passed": self._summed("charge_passed", coulombs, diagnosis & CHARGE_OVERFLOW),
            "temperature": celsius(temperature),
        }

    def _summed(self, name: str, value: float, overflowed: int) -> float | Untold:
        """Return a sum, unless it passed its end since it was read last: then it began again."""
        if not overflowed:
            return value
        end = next(quantity.high for quantity in self.quantities if quantity.name == name)
        return self.beyond(name, at_least=end, hint="it begins again")

    def _converted(self) -> Generator[float, None, int]:
        """Return what the diagnosis says once a conversion ended after we came."""
        # Reading it clears the sign of one before.
        before = self._diagnosis()
        for _ in range(POLLS):
            yield CONVERTING_TAKES
            found = self._diagnosis()
            if found & CONVERTED:
                break
        else:
            raise NotReady(f"{self.name}: no conversion ended")
        if not found & MEMORY_IS_WELL:
            raise InvalidReading(f"{self.name}: its diagnosis is 0x{found:04x}: its memory is damaged")
        return before | found

    def _diagnosis(self) -> int:
        """Return the diagnosis, whose flags are cleared by reading it.

        Raises:
            LostPower: they do not stay as they were told to.
        """
        found = self.get(DIAGNOSIS)
        if not found & LATCHED:
            raise LostPower(f"{self.name}: its diagnosis is 0x{found:04x}, written was 0x{LATCHED:04x}")
        return found

    def _agreed(self) -> tuple[int, ...]:
        """Return what two reads agree on; three, where a result or a bit changed. As at power-on, none may agree."""
        reads: list[tuple[int, ...]] = [self._results()]
        while len(reads) < READS:
            settings = self._settings()
            reads.append(self._results())
            if settings != SETTINGS or reads.count(reads[-1]) == min(len(reads), 3):
                break
        else:
            raise ChecksumError(f"{self.name}: the reads of a result do not agree; shorten or shield the cable")
        if settings != SETTINGS:
            found, written = (" ".join(f"0x{value:04x}" for value in one.values()) for one in (settings, SETTINGS))
            raise LostPower(f"{self.name}: its settings are {found}, written was {written}")
        return reads[-1]

    def _results(self) -> tuple[int, ...]:
        return tuple(self.get(register) for register in RESULTS)

"""Sensirion SGP40 and SGP41: the raw signals of volatile organic compounds, and of nitrogen oxides, on I2C.

Sources: Sensirion "Datasheet SGP40" v1.2 (2022) and "Datasheet SGP41" v1.0 (2022), sections "Sensor Commands" and
"Conversion of the compensation inputs". Neither has the command for the feature set; Adafruit's and ESPHome's drivers
send it, and agree on its answers.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Annotated, Any, ClassVar

from .. import crc
from ..chip import Quantity, Question, Reading, Waits, Within, part
from ..errors import InvalidReading, LostPower, NotReady, PermanentError, TransientError, WrongChip
from .sensirion import REFUSED, SensirionChip

# 0.6 ms, and a slow oscillator.
POWER_UP_TAKES = 0.001
SERIAL_NUMBER, SERIAL_TAKES = b"\x36\x82", 0.0012
FEATURE_SET, FEATURE_TAKES, FEATURES = b"\x20\x2f", 0.011, 0x01FF
HEATER_OFF, HEATER_TAKES = b"\x36\x15", 0.0012
# Commands, and the longest time that they take, with a tenth for a slow oscillator.
MEASURE_VOC, VOC_TAKES = b"\x26\x0f", 0.033
MEASURE_BOTH, BOTH_TAKES = b"\x26\x19", 0.055
CONDITION, CONDITIONING_TAKES = b"\x26\x12", 0.055
# Seconds from the first command to the measurement that ends it: 10 s are needed, and more would harm the element.
CONDITIONING, CONDITIONS_EVERY = 9.8, 0.98
# Until the plate is hot, from its first measurement on.
HEATING_TAKES = 0.17
# Ticks: a signal that moves farther within HEATING_TAKES is that of a plate which was cold.
NEAR, TRIES = 500, 3


class Sgp4x(SensirionChip):
    """An SGP40 or SGP41. It tells raw signals, in ticks that fall as the gas becomes more: no concentrations.

    Args:
        temperature: of the air in °C, for the chip's own compensation.
        humidity: of the air in %, likewise.
    """

    addresses = (0x59,)
    feature_set: ClassVar[int]
    measuring: ClassVar[tuple[bytes, float]]
    has_to_be_conditioned: ClassVar[bool] = False
    # The signals of the reading before, none since it was set up; those of the plate while it was cold.
    last: tuple[int, ...] = ()
    cold: tuple[int, ...] = ()

    def __init__(
        self,
        bus: Any,
        address: int | None = None,
        *,
        temperature: Annotated[float, Within(-45, 130, "°C")] = 25.0,
        humidity: Annotated[float, Within(0, 100, "%")] = 50.0,
        identity: str = "strict",
    ) -> None:
        super().__init__(bus, address, identity=identity)
        self.air = crc.word(humidity_ticks(humidity)) + crc.word(temperature_ticks(temperature))

    def identify(self) -> Waits:
        """Read the serial number, three words with checksums, and the feature set, which tells the siblings apart.

        Raises:
            WrongChip: something else answers, or the sibling.
        """
        yield POWER_UP_TAKES
        yield from self.proof(SERIAL_NUMBER, SERIAL_TAKES, 3)
        try:
            (found,) = yield from self.ask(FEATURE_SET, FEATURE_TAKES, 1)
        except REFUSED:
            return  # the datasheet does not promise this command
        if found & FEATURES != self.feature_set:
            sibling = next((one for one in (Sgp40, Sgp41) if one.feature_set == found & FEATURES), None)
            hint = f'this is an {sibling.name.upper()}: write driver = "{sibling.name}"' if sibling else ""
            raise WrongChip(self.name, self.address, expected=self.feature_set, found=found, hint=hint)

    def measure(self) -> Reading:
        """Return the raw signals in ticks.

        A chip that lost its power goes on without a sign of that, but its plate is cold. So what is far from the
        reading before, or near the signals of a cold plate, is measured again.

        Raises:
            NoAcknowledge: no device answers. ChecksumError: a word arrived damaged. NotReady: no signals agree.
            LostPower: it was cold, and has to be conditioned.
        """
        ticks = yield from self.signals()
        if is_far(ticks, self.last) or not (self.last or is_far(ticks, self.cold)):
            ticks = yield from self.settled(ticks)
        self.last = ticks
        return {
            quantity.name: part(self.signal, quantity.name, raw)
            for quantity, raw in zip(self.quantities, ticks, strict=True)
        }

    def signals(self) -> Generator[float, None, tuple[int, ...]]:
        """Measure; return the raw signals."""
        command, takes = self.measuring
        return (yield from self.ask(command + self.air, takes, len(self.quantities)))

    def settled(self, ticks: tuple[int, ...]) -> Generator[float, None, tuple[int, ...]]:
        """Return what two measurements in a row agree on; the first one heats the plate."""
        for _ in range(TRIES):
            yield HEATING_TAKES
            before, ticks = ticks, (yield from self.signals())
            if not is_far(before, ticks):
                return ticks
            if self.has_to_be_conditioned:
                raise LostPower(f"{self.name}: its plate was cold: power was lost")
        raise NotReady(f"{self.name}: its signals do not settle")

    def signal(self, name: str, raw: int) -> float:
        """Return a raw signal; raise InvalidReading at an end of its scale, where no working element stands."""
        if raw in (0x0000, 0xFFFF):
            raise InvalidReading(f"{self.name}: {name} is 0x{raw:04x}, an end of its scale; a dead element")
        return float(raw)


def questions(feature_set: int) -> tuple[Question, ...]:
    """Return what tells a scan that it is an SGP4x, and which."""
    return (
        Question(SERIAL_NUMBER, 9, lambda answer: bool(crc.words(answer)), SERIAL_TAKES),
        Question(FEATURE_SET, 3, lambda it: crc.words(it)[0] & FEATURES == feature_set, FEATURE_TAKES, decides=False),
    )


VOC, NOX = (Quantity(name, "", None, 1.0, 65_534.0, 1.0) for name in ("voc_raw", "nox_raw"))


class Sgp40(Sgp4x):
    """One SGP40, which tells volatile organic compounds alone."""

    name = "sgp40"
    takes = 0.9
    feature_set = 0x0020
    measuring = (MEASURE_VOC, VOC_TAKES)
    quantities = (VOC,)
    questions = questions(feature_set)

    def configure(self) -> Waits:
        """Heat the plate, and throw the first value away, as §3.1 of the datasheet asks for; from a cold heater."""
        self.last = ()
        self.write(HEATER_OFF)
        yield HEATER_TAKES
        self.cold = yield from self.ask(MEASURE_VOC + self.air, VOC_TAKES, 1)
        yield HEATING_TAKES - VOC_TAKES


class Sgp41(Sgp4x):
    """One SGP41. Its element for nitrogen oxides is conditioned for 10 s whenever it is set up."""

    name = "sgp41"
    has_to_be_conditioned = True
    feature_set = 0x0040
    measuring = (MEASURE_BOTH, BOTH_TAKES)
    quantities = (VOC, NOX)
    takes = 11.0
    questions = questions(feature_set)

    def configure(self) -> Waits:
        """Condition the chip, from a cold heater: one that broke off may still go on. Here it is turned off then."""
        self.last = self.cold = ()
        self.write(HEATER_OFF)
        yield HEATER_TAKES
        try:
            for _ in range(round(CONDITIONING / CONDITIONS_EVERY)):
                ticks = yield from self.ask(CONDITION + self.air, CONDITIONING_TAKES, 1)
                self.cold = self.cold or ticks
                yield CONDITIONS_EVERY - CONDITIONING_TAKES
            self.write(MEASURE_BOTH + self.air)
        except BaseException:
            self.cool_down()
            raise
        yield BOTH_TAKES

    def cool_down(self) -> None:
        """Turn the heater off, which also ends a conditioning; raise nothing, since what broke it off says more."""
        try:
            self.write(HEATER_OFF)
        except (TransientError, PermanentError):
            return


def is_far(ticks: tuple[int, ...], before: tuple[int, ...]) -> bool:
    """Return whether a signal moved farther than air moves it within moments; no, if there is nothing before."""
    return any(abs(one - other) > NEAR for one, other in zip(ticks, before, strict=False))


def humidity_ticks(percent: float) -> int:
    """Return the chip's number for a relative humidity, 0..100 % (section "Conversion of the compensation inputs")."""
    return round(percent / 100 * 0xFFFF)


def temperature_ticks(degrees: float) -> int:
    """Return the chip's number for a temperature, -45..130 °C (the same section)."""
    return round((degrees + 45) / 175 * 0xFFFF)

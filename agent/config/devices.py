"""One configured sensor and what belongs to it: bus, retries, breaker. SI units, defaults beside the fields."""

# ruff: noqa: RUF009  (`key` makes a dataclasses.field)

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .corrections import CalibrationConfig, Correction
from .kinds import Duration, Number, OneOf, Text, Whole
from .names import BusName
from .shapes import Anything, Several, Span, Table, ValuesOf, key

TAKEN = {"broker": "what the connection is called in `health`"}
ID = Text(r"[a-z0-9_-]{1,64}", "an id of a-z, 0-9, _ and -, at most 64 long", taken=TAKEN)
PIN = Whole(0, 53, says="a BCM pin number")
EVERY = Duration(low=0.01)
# What can be derived, and from what.
DERIVED = {
    "dew_point": ("temperature", "humidity"),
    "absolute_humidity": ("temperature", "humidity"),
    "vapour_pressure_deficit": ("temperature", "humidity"),
    "sea_level_pressure": ("pressure",),
}
# In place of a chip: what other sensors measure.
VOTE = "vote"
# Keys that are about reading a device.
OF_DEVICES = ("sample", "timeout", "retry", "breaker")


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerConfig:
    """When a circuit opens and how soon it probes.

    Attributes:
        failure_threshold: failures in a row that open it.
        reset_timeout: seconds until the first probe.
        multiplier: the wait grows by it with each failed probe.
        max_reset_timeout: seconds that it grows to.
    """

    failure_threshold: int = key(Whole(1, 1000), 3)
    reset_timeout: float = key(Duration(), 30.0)
    multiplier: float = key(Number(low=1.0), 2.0)
    max_reset_timeout: float = key(Duration(), 120.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryConfig:
    """How often a reading is tried.

    Attributes:
        attempts: calls in all, the first included.
        base_delay: seconds before the second attempt; doubles each time.
        max_delay: seconds that it grows to.
    """

    attempts: int = key(Whole(1, 100), 3)
    base_delay: float = key(Duration(), 0.1)
    max_delay: float = key(Duration(), 2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class BusConfig:
    """One bus where the defaults do not serve.

    Attributes:
        name: `i2c-1`, or as the sensors on it call it.
        recovery: what is done about a stuck bus: nothing, clock pulses on scl and sda, or power off and on.
        scl: pin of the clock, for pulses.
        sda: pin of the data, for pulses.
        power: pin that switches the sensors' supply.
    """

    name: str = key(Text(says="a bus such as i2c-1"))
    recovery: str = key(OneOf(("off", "pulses", "power")), "off")
    scl: int | None = key(PIN, None)
    sda: int | None = key(PIN, None)
    power: int | None = key(PIN, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class MuxConfig:
    """The channel of a TCA9548A that a chip sits behind.

    Attributes:
        address: of the multiplexer.
        channel: 0..7.
    """

    address: int = key(Whole(0x70, 0x77, "#04x", "the multiplexer's address"))
    channel: int = key(Whole(0, 7))


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorConfig:
    """One configured sensor. `retry`, `breaker` and `every` hold what counts, the defaults merged in.

    Attributes:
        id: unique.
        driver: a name of `limpet chips`.
        bus: number of the I2C bus, a path, or its adapter's name; without meaning for pins and kernel sensors.
        address: on the bus, the driver's first one by default; None exactly when the driver is not one of I2C.
        mux: None when the chip is on the bus itself.
        every: seconds between two readings.
        timeout: seconds, the deadline of one attempt; a driver that starts slowly takes longer, beside the rounds.
        fallback: "none", "last" or "sensor:ID".
        max_age: seconds; "last" serves no older value.
        retry: merged with [defaults.retry].
        breaker: merged with [defaults.breaker].
        calibrate: quantity -> (scale, offset): value * scale + offset, in the quantity's unit; or points of a curve.
        limits: quantity -> (low, high), in its unit; outside is "suspect".
        rate: quantity -> how much it can change in a second, in its unit; faster is "suspect".
        derive: quantities that are computed from those that are measured.
        sample: seconds between two samples; a reading is then the mean of those since the last one.
        deadband: quantity -> how far it has to move, in its unit, to be sent before `heartbeat` is over.
        heartbeat: seconds after which a value is sent even if it has not moved.
        options: the driver's own; durations as float seconds.
        pin: BCM number.
        device: a w1 id, an IIO or hwmon device name.
        port: a serial port's path, for sensors on a UART.
        altitude: metres above the sea, where something needs it.
        explicit_timeout: whether `timeout` was written.
        derive_altitude: metres above the sea, where what is derived needs it.
    """

    id: str = key(ID)
    driver: str = key(Text(says="a driver's name, see `limpet chips`"))
    bus: int | str = key(BusName(), 1)
    address: int | None = key(Whole(0x08, 0x77, "#04x", "a 7-bit I2C address"), None)
    mux: MuxConfig | None = key(Table(MuxConfig), None)
    every: float = key(EVERY, 10.0)
    timeout: float = key(Duration(), 2.0)
    fallback: str = key(Text(r"none|last|sensor:[a-z0-9_-]{1,64}", '"none", "last" or "sensor:ID"'), "none")
    max_age: float = key(Duration(), 300.0)
    retry: RetryConfig = key(Table(RetryConfig), RetryConfig())
    breaker: BreakerConfig = key(Table(BreakerConfig), BreakerConfig())
    calibrate: Mapping[str, tuple[float, float] | CalibrationConfig] = key(ValuesOf(Correction()), factory=dict)
    limits: Mapping[str, tuple[float, float]] = key(ValuesOf(Span()), factory=dict)
    rate: Mapping[str, float] = key(ValuesOf(Number(above=0.0)), factory=dict)
    derive: tuple[str, ...] = key(Several(OneOf(tuple(DERIVED)), unique=True), ())
    sample: float | None = key(EVERY, None)
    deadband: Mapping[str, float] = key(ValuesOf(Number(above=0.0)), factory=dict)
    heartbeat: float = key(Duration(), 300.0)
    options: Mapping[str, Any] = key(Anything(), factory=dict)
    pin: int | None = key(PIN, None)
    device: str | None = key(Text(), None)
    port: str | None = key(Text(r"/[^\x00-\x20\x7f]+", "a path such as /dev/serial0"), None)
    altitude: float | None = key(Number(low=-500.0, high=9000.0), None)
    explicit_timeout: bool = False
    derive_altitude: float | None = None

    @property
    def period(self) -> float:
        """Seconds between two readings of the device, published or not."""
        return self.every if self.sample is None else self.sample

    @property
    def is_vote(self) -> bool:
        """Whether it reads no device, but other sensors."""
        return self.driver == VOTE

    @property
    def voters(self) -> tuple[str, ...]:
        """The ids of the sensors that vote; empty where it is no vote. What is no id is a mistake of the options."""
        of = self.options.get("of") if self.is_vote else ()
        return tuple(one for one in of if isinstance(one, str)) if isinstance(of, list | tuple) else ()

    @property
    def calibrations(self) -> dict[str, CalibrationConfig]:
        """`calibrate` with all of its attributes."""
        return {name: CalibrationConfig(*one) for name, one in self.calibrate.items()}

    @property
    def bus_name(self) -> str:
        """What the I2C bus is called in `health`, breakers and scenarios."""
        return f"i2c-{self.bus}" if isinstance(self.bus, int) else self.bus

    @property
    def fallback_sensor(self) -> str | None:
        """The id of the sensor that steps in, if one does."""
        return self.fallback[7:] if self.fallback.startswith("sensor:") else None

    @property
    def worst_time(self) -> float:
        """Seconds that one reading takes when every attempt runs into its deadline."""
        if self.is_vote:
            return 0.0
        waits = (min(self.retry.max_delay, self.retry.base_delay * 2.0**k) for k in range(self.retry.attempts - 1))
        return self.retry.attempts * self.timeout + sum(waits)

    def arguments(self) -> dict[str, Any]:
        """Return what `open_chip` gets besides driver, bus and address."""
        named = {"pin": self.pin, "device": self.device, "altitude": self.altitude, "port": self.port}
        return {**self.options, **{name: value for name, value in named.items() if value is not None}}

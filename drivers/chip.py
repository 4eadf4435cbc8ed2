"""What every driver is: quantities with units, and straight-line code that yields its waits.

A driver answers the truth or raises, and works again once the fault has passed. So setting up is part of reading:
a chip counts as unknown until `setup()` succeeded, and any error but a damaged frame makes it unknown again.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, TypeGuard

from . import crc
from .bus import clock
from .bus.i2c import Bus, I2cDevice
from .errors import BeyondRange, ChecksumError, InvalidReading, PermanentError, TransientError, WrongChip
from .registers import Register

# An error in a value's place: this quantity cannot be told, others of the same device can.
Untold = TransientError | PermanentError
Values = dict[str, float]
Told = Mapping[str, float | Untold]
Waits = Generator[float, None, None]  # yields seconds
Reading = Generator[float, None, Told]  # yields seconds, returns {quantity: value or error}
Measurement = Told | Reading  # what `measure` may be: a plain function, or one that yields its waits

# How far beyond an end of its scale a formula's result is still clipped to that end, as a share of the scale.
CLIPPED = 0.1
# How far the last digit's rounding may take a value beyond an end of the range, as a share of that end.
ROUNDED = 0.001


@dataclass(frozen=True, slots=True)
class Quantity:
    """One number that a sensor measures.

    Attributes:
        name: as in the batch, `temperature`.
        unit: `°C`; empty where there is none.
        kind: Home Assistant's device class, if it has one.
        low, high: the range that the datasheet allows; a value outside is no reading.
        step: the smallest difference that the sensor can tell.
        clips: a result of up to a tenth of the scale beyond `low` or `high` is that end, as in fog at 100.4 %.
        needs: another quantity of the device, without which this one cannot be told: its formula starts from it.
        noisy: a working sensor never shows the same digits for an hour; False for states, counts and coarse steps.
        accuracy: ± in its unit, at 25 °C, where the datasheet says so.
    """

    name: str
    unit: str = ""
    kind: str | None = None
    low: float = -math.inf
    high: float = math.inf
    step: float = 0.0
    clips: bool = False
    needs: str = ""
    noisy: bool = True
    accuracy: float | None = None

    def judge(self, value: float | Untold | None, device: str) -> float | Untold:
        """Return the value, within the range, or the error that stands in its place."""
        if isinstance(value, Untold):
            return value
        if value is None or not math.isfinite(value):
            return InvalidReading(f"{device}: {self.name} is {value}, not a number")
        if self.low <= value <= self.high:
            return value
        end = self.low if value < self.low else self.high
        if self.clips and abs(value - end) <= CLIPPED * (self.high - self.low):
            return end
        # Zero is an end that rounding cannot pass: nothing is less than none.
        if abs(value - end) <= min(self.step, ROUNDED * abs(end)) + 1e-9:
            return value
        return InvalidReading(
            f"{device}: {self.name} of {value:g} {self.unit} is outside of {self.low:g}..{self.high:g}"
        )


@dataclass(frozen=True, slots=True)
class Probe:
    """A question that a scan may put to whoever is at one of a chip's addresses: it reads, and changes nothing.

    Attributes:
        ask: what is written: nothing (a bare read), one byte (a register), or two (a command that reads).
        length: bytes to be read.
        fits: whether this chip would answer so; a `ChecksumError` is a no.
        wait: seconds between writing and reading; 0: one transfer with a repeated start.
        decides: whether another answer rules this chip out.
    """

    ask: bytes
    length: int
    fits: Callable[[bytes], bool]
    wait: float = 0.0
    decides: bool = True


def part(formula: Callable[..., float], *arguments: Any) -> float | Untold:
    """Return what a formula returns, or its `InvalidReading`: then only this quantity cannot be told."""
    try:
        return formula(*arguments)
    except InvalidReading as error:
        return error


def is_amiss(value: object) -> TypeGuard[Untold]:
    """Return whether this is an error that stands for something wrong: a value beyond the range does not."""
    return isinstance(value, Untold) and not isinstance(value, BeyondRange)


def says(*answers: bytes) -> Callable[[bytes], bool]:
    """Return whether an answer is one of these."""
    return lambda answer: answer in answers


def waiting(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return `identify` or `configure` so that it sleeps its waits, unless a method that yields asks for them.

    A plain method that calls its parent's yielding one sleeps, too: it has no other way to wait.
    """

    @functools.wraps(method)
    def call(self: Driver) -> Any:
        caller_yields, self._yields = self._yields, False
        try:
            steps = self._steps(method(self))
        finally:
            self._yields = caller_yields
        return steps if caller_yields else self.block(steps)

    call.is_wrapped = True  # type: ignore[attr-defined]
    return call


def measuring(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return `measure` so that a plain `measure` may call its parent's yielding one; else it is as it was written."""

    @functools.wraps(method)
    def call(self: Driver) -> Any:
        caller_is_plain, self._plain = self._plain, True
        try:
            outcome = method(self)
        finally:
            self._plain = caller_is_plain
        return self.block(outcome) if caller_is_plain and isinstance(outcome, Generator) else outcome

    call.is_wrapped = True  # type: ignore[attr-defined]
    return call


class Driver:
    """One sensor of any kind. A subclass says what it measures and writes `identify`, `configure`, `measure`.

    Each may be plain, or a generator that yields the seconds to wait. They are wrapped once, when the class is made:
    from outside, `identify()`, `setup()` and `read()` sleep the waits, while `setting_up()` and `reading()` yield them.

    Attributes:
        name: the driver's name, as in the configuration.
        addresses: I2C addresses that this chip can have; empty for pins and kernel sensors.
        quantities: what `measure` returns.
        probes: tell a scan, in this order, that it is this chip; none where that takes more than reading.
        takes: seconds that the longest reading takes, setting up included.
        sleep: how `read` waits; replaced in tests.
        known: identified and configured, and no error since.
        missing: what the last `read` could not tell, and why.
    """

    name: ClassVar[str] = ""
    addresses: ClassVar[tuple[int, ...]] = ()
    takes: ClassVar[float] = 0.5
    probes: ClassVar[tuple[Probe, ...]] = ()
    quantities: tuple[Quantity, ...] = ()
    sleep: Callable[[float], None] = staticmethod(clock.sleep)
    known = False
    missing: Mapping[str, Untold] = MappingProxyType({})
    # How the method that runs just now was written: whether what it calls may yield, or must sleep.
    _yields = False
    _plain = False

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        for name, wrap in (("identify", waiting), ("configure", waiting), ("measure", measuring)):
            method = getattr(cls, name)
            if not hasattr(method, "is_wrapped"):
                setattr(cls, name, wrap(method))

    @waiting
    def identify(self) -> Any:
        """Make sure that this is the right chip. May yield waits.

        Raises:
            WrongChip: another device answers.
        """

    @waiting
    def configure(self) -> Any:
        """Write the configuration, read the calibration. May yield waits."""

    def measure(self) -> Measurement:
        """Return {quantity: value}; yield seconds where the datasheet says *wait*.

        An error in a value's place says that this quantity cannot be told, but the others can.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Give pins and files back. Never raises."""

    def setup(self) -> None:
        """Identify and configure, blocking."""
        self.block(self.setting_up())

    def setting_up(self) -> Waits:
        """Identify and configure, yielding the waits. Asks twice before it says `WrongChip`: a bit may have flipped."""
        self.known = False
        yield from self._identified()
        yield from self._asked(self.configure)
        self.known = True

    def reading(self) -> Generator[float, None, dict[str, float | Untold]]:
        """Set up if needed, measure once and check the values; yields the waits, so that others can use the bus.

        Returns {quantity: value, or the error that stands in its place}. At least one is a value or a `BeyondRange`.

        Raises:
            TransientError: trying again can help. PermanentError: a person is needed.
        """
        try:
            if not self.known:
                yield from self.setting_up()
            measured = self.measure()
            told = self.check(measured if isinstance(measured, Mapping) else (yield from measured))
            # What is missing may come back when the chip is set up again.
            self.known = not any(is_amiss(value) for value in told.values())
            return told
        except ChecksumError:  # damaged on the way: what the chip knows is as good as before
            raise
        except BaseException:
            self.known = False
            raise

    def read(self) -> Values:
        """Return one reading, blocking until it is there. What cannot be told is in `missing`.

        Raises:
            TransientError, PermanentError: nothing can be told.
        """
        told = self.block(self.reading())
        self.missing = {name: value for name, value in told.items() if isinstance(value, Untold)}
        values = {name: value for name, value in told.items() if name not in self.missing}
        for error in () if values else self.missing.values():
            raise error
        return values

    def check(self, measured: Told) -> dict[str, float | Untold]:
        """Return each quantity's value, or an error in its place: missing, not a number, outside of the chip's range.

        Raises:
            TransientError, PermanentError: that of the first quantity, when none can be told.
        """
        told = {**measured}
        for quantity in self.quantities:
            told[quantity.name] = quantity.judge(told.get(quantity.name), self.name)
        for quantity in self.quantities:
            if isinstance(told.get(quantity.needs), Untold) and not isinstance(told[quantity.name], Untold):
                told[quantity.name] = InvalidReading(f"{self.name}: no {quantity.name} without {quantity.needs}")
        amiss = [value for value in told.values() if is_amiss(value)]
        if amiss and len(amiss) == len(told):
            raise amiss[0]
        return told

    def beyond(
        self, name: str, *, at_least: float | None = None, at_most: float | None = None, hint: str = ""
    ) -> BeyondRange:
        """Return the error that stands in the place of a value beyond what the device can tell."""
        unit = next((quantity.unit for quantity in self.quantities if quantity.name == name), "")
        bound = at_most if at_least is None else at_least
        known = f"{bound:g} {unit}".strip() + (" or less" if at_least is None else " or more")
        message = f"{self.name}: {name} is {known}" + (f"; {hint}" if hint else "")
        return BeyondRange(message, at_least=at_least, at_most=at_most)

    def _identified(self) -> Waits:
        """Identify; ask once more before it is believed that another device answers."""
        try:
            yield from self._asked(self.identify)
        except WrongChip:
            yield from self._asked(self.identify)

    def _asked(self, method: Callable[[], Any]) -> Generator[float, None, Any]:
        """Call a method for its waits, and yield them."""
        self._yields = True
        try:
            outcome = method()
        finally:
            self._yields = False
        return (yield from self._steps(outcome))

    def _steps(self, outcome: Any) -> Generator[float, None, Any]:
        """Yield the waits of what a method returned, if it waits; return its value."""
        wait: float
        if not isinstance(outcome, Generator):
            return outcome
        try:
            while True:
                caller_yields, self._yields = self._yields, True
                try:
                    wait = next(outcome)
                except StopIteration as done:
                    return done.value
                finally:
                    self._yields = caller_yields
                yield wait
        finally:
            outcome.close()

    def block(self, waiting: Generator[float, None, Any]) -> Any:
        """Run a generator of waits to its end, sleeping them."""
        while True:
            try:
                self.sleep(next(waiting))
            except StopIteration as done:
                return done.value


def seven_bits(address: object) -> int:
    """Return an I2C address that a chip may have.

    Raises:
        ValueError: it is none.
    """
    if isinstance(address, bool) or not isinstance(address, int) or not 0x08 <= address <= 0x77:
        shown = hex(address) if type(address) is int else repr(address)
        raise ValueError(f"address is {shown}, not a number of 0x08..0x77, such as 0x76; `limpet scan` lists them")
    return address


class I2cChip(Driver):
    """A chip on an I2C bus. Keeps its bus, its address and its options, and does no I/O before it is asked to.

    Args:
        bus: anything with smbus2.SMBus's methods.
        address: 0x08..0x77, also one that this chip cannot have; the chip's first one if None.
        identity: `strict`, or `lenient`: a device that does not identify itself as this chip is believed to be one,
            as for an emulator or an unknown clone. All other checks remain.

    Raises:
        ValueError: the address is none.
    """

    def __init__(self, bus: Bus, address: int | None = None, *, identity: str = "strict") -> None:
        if identity not in ("strict", "lenient"):
            raise ValueError(f"identity = {identity!r}: allowed are strict, lenient")
        self.lenient = identity == "lenient"
        self.address = self.addresses[0] if address is None else seven_bits(address)
        self.device = I2cDevice(bus, self.address, self.name)
        self.write = self.device.write
        self.read_bytes = self.device.read
        self.write_read = self.device.write_read

    def get(self, register: Register) -> int:
        """Return what a register holds."""
        return register.decode(self.write_read(bytes([register.address]), register.size))

    def get_twice(self, register: Register) -> int:
        """Return what two reads of a register agree on: the proof that a chip without a checksum allows.

        Raises:
            ChecksumError: they differ.
        """
        where = bytes([register.address])
        first, second = (self.write_read(where, register.size) for _ in range(2))
        return register.decode(crc.agreed(first, second))

    def put(self, register: Register, value: int) -> None:
        """Write a register."""
        self.write(register.encode(value))

    def _identified(self) -> Waits:
        """Make sure that no kernel driver owns the address, then identify."""
        self.device.claim()
        try:
            yield from super()._identified()
        except WrongChip:
            if not self.lenient:
                raise

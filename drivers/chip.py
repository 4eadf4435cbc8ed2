"""What every driver is: quantities with units, and straight-line code that yields its waits.

A driver answers the truth or raises, and works again once the fault has passed. So setting up is part of reading:
a chip counts as unknown until `setup()` succeeded, and any error but a damaged frame makes it unknown again.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from .bus import clock
from .bus.i2c import Bus, I2cDevice
from .errors import ChecksumError, InvalidReading, WrongChip

Values = dict[str, float]
Waits = Generator[float, None, None]  # yields seconds
Reading = Generator[float, None, Values]  # yields seconds, returns {quantity: value}
Measurement = Values | Reading  # what `measure` may be: a plain function, or one that yields its waits


@dataclass(frozen=True, slots=True)
class Quantity:
    """One number that a sensor measures.

    Attributes:
        name: as in the batch, `temperature`.
        unit: `°C`; empty where there is none.
        kind: Home Assistant's device class, if it has one.
        low, high: the range that the datasheet allows; a value outside is no reading.
        step: the smallest difference that the sensor can tell.
    """

    name: str
    unit: str = ""
    kind: str | None = None
    low: float = -math.inf
    high: float = math.inf
    step: float = 0.0


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


def says(*answers: bytes) -> Callable[[bytes], bool]:
    """Return whether an answer is one of these."""
    return lambda answer: answer in answers


def waits(method: Callable[..., Any]) -> Callable[..., Any]:
    """Mark an `identify` that yields its waits. Called plainly it sleeps them; a bus worker runs its `.steps`."""

    @functools.wraps(method)
    def blocking(self: Driver) -> Any:
        return self.block(method(self))

    blocking.steps = method  # type: ignore[attr-defined]
    return blocking


def steps(method: Callable[[], Any]) -> Generator[float, None, Any]:
    """Run a method that may be plain, a generator, or marked with `waits`; yield its waits, return its value."""
    raw = getattr(method, "steps", None)
    outcome = raw(method.__self__) if raw else method()  # type: ignore[attr-defined]
    if inspect.isgenerator(outcome):
        outcome = yield from outcome
    return outcome


class Driver:
    """One sensor of any kind. A subclass says what it measures and overrides `identify`, `configure`, `measure`.

    Attributes:
        name: the driver's name, as in the configuration.
        addresses: I2C addresses that this chip can have; empty for pins and kernel sensors.
        quantities: what `measure` returns.
        probes: tell a scan, in this order, that it is this chip; none where that takes more than reading.
        takes: seconds that the longest reading takes, setting up included.
        sleep: how `read` waits; replaced in tests.
    """

    name: ClassVar[str] = ""
    addresses: ClassVar[tuple[int, ...]] = ()
    takes: ClassVar[float] = 0.5
    probes: ClassVar[tuple[Probe, ...]] = ()
    quantities: tuple[Quantity, ...] = ()
    sleep: Callable[[float], None] = staticmethod(clock.sleep)
    known = False  # identified and configured, and no error since

    def identify(self) -> Any:
        """Make sure that this is the right chip. May yield waits when marked with `waits`.

        Raises:
            WrongChip: somebody else answers.
        """

    def configure(self) -> Any:
        """Write the configuration, read the calibration. May yield waits."""

    def measure(self) -> Measurement:
        """Return {quantity: value}; yield seconds where the datasheet says *wait*."""
        raise NotImplementedError

    def close(self) -> None:
        """Give pins and files back. Never raises."""

    def setup(self) -> None:
        """Identify and configure, blocking."""
        self.block(self.setting_up())

    def setting_up(self) -> Waits:
        """Identify and configure, yielding the waits. Asks twice before it says `WrongChip`: a bit may have flipped."""
        self.known = False
        try:
            yield from steps(self.identify)
        except WrongChip:
            yield from steps(self.identify)
        yield from steps(self.configure)
        self.known = True

    def reading(self) -> Reading:
        """Set up if needed, measure once and check the values; yields the waits, so that others can use the bus.

        Raises:
            TransientError: trying again can help. PermanentError: a person is needed.
        """
        try:
            if not self.known:
                yield from self.setting_up()
            measured = self.measure()
            values = measured if isinstance(measured, dict) else (yield from measured)
            self.check(values)
        except ChecksumError:  # damaged on the way: what the chip knows is as good as before
            raise
        except BaseException:
            self.known = False
            raise
        return values

    def read(self) -> Values:
        """Return one reading, blocking until it is there: `reading` for people."""
        return self.block(self.reading())  # type: ignore[no-any-return]

    def check(self, values: Mapping[str, float]) -> None:
        """Refuse what cannot be: a missing quantity, a number that is none, a value outside of the chip's range.

        Raises:
            InvalidReading: names the quantity, the value and the range.
        """
        for quantity in self.quantities:
            value = values.get(quantity.name)
            slack = max(quantity.step, 1e-9)
            if value is None or not math.isfinite(value):
                raise InvalidReading(f"{self.name}: {quantity.name} is {value}, not a number")
            if not quantity.low - slack <= value <= quantity.high + slack:
                raise InvalidReading(
                    f"{self.name}: {quantity.name} of {value:g} {quantity.unit} is outside of "
                    f"{quantity.low:g}..{quantity.high:g}; the chip or its wiring is faulty"
                )

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

    Raises:
        ValueError: the address is none.
    """

    def __init__(self, bus: Bus, address: int | None = None) -> None:
        self.address = self.addresses[0] if address is None else seven_bits(address)
        self.device = I2cDevice(bus, self.address, self.name)
        self.write = self.device.write
        self.read_bytes = self.device.read
        self.write_read = self.device.write_read

    def setting_up(self) -> Waits:
        """Make sure that no kernel driver owns the address, then identify and configure."""
        self.known = False
        self.device.claim()
        yield from super().setting_up()

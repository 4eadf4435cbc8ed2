"""What every driver is: straight-line code that yields its waits, and what becomes of its values.

A driver answers the truth or raises, and works again once the fault has passed. So setting up is part of reading:
a chip counts as unknown until `setup()` succeeded, and any error makes it unknown again; of damaged frames, the
twentieth in a row.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from ..bus import clock
from ..errors import BeyondRange, ChecksumError, InvalidReading, WrongChip
from .quantity import UNTOLD, Measurement, Quantity, Told, Untold, Values, Waits, is_amiss
from .question import Question

# Damaged frames in a row, after which a chip is set up again. On a bad line setting up is worth avoiding, too.
DAMAGED = 20


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
        questions: tell a scan, in this order, that it is this chip; none where that takes more than reading.
        either: options of which only one may be given.
        takes: seconds that the longest reading takes, setting up included.
        holds: seconds of these for which others on the bus have to wait.
        lead: seconds before it is due at which a reading of a well device should begin, where it has to be waited for.
        sleep: how `read` waits; replaced in tests.
        known: identified and configured, and no error since.
        missing: what the last `read` could not tell, and why.
    """

    name: ClassVar[str] = ""
    addresses: ClassVar[tuple[int, ...]] = ()
    either: ClassVar[tuple[tuple[str, str], ...]] = ()
    takes: ClassVar[float] = 0.5
    # About thirty bytes at 100 kHz.
    holds: ClassVar[float] = 0.005
    lead: ClassVar[float] = 0.0
    questions: ClassVar[tuple[Question, ...]] = ()
    quantities: tuple[Quantity, ...] = ()
    sleep: Callable[[float], None] = staticmethod(clock.sleep)
    known = False
    # Readings in a row that ended with a damaged frame.
    damaged = 0
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

    @classmethod
    def busy(cls, sensors: int) -> float:
        """Return the seconds for which a bus is held by one reading of each of this number of sensors."""
        return sensors * cls.holds

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
            # `isinstance` with an abstract class takes as long as the check itself.
            if type(measured) is dict or isinstance(measured, Mapping):
                told = self.check(measured)
            else:
                told = self.check((yield from measured))
            self.damaged = 0
            # What is missing may come back when the chip is set up again.
            self.known = not any(map(is_amiss, told.values()))
            return told
        except ChecksumError:
            # Damaged on the way: what the chip knows is as good as before. But where it lost its settings, its reads
            # may differ on and on.
            self.damaged += 1
            self.known = self.known and self.damaged % DAMAGED != 0
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
        self.missing = {name: value for name, value in told.items() if isinstance(value, UNTOLD)}
        values = {name: value for name, value in told.items() if name not in self.missing}
        for error in () if values else self.missing.values():
            raise error
        return values

    def check(self, measured: Told) -> dict[str, float | Untold]:
        """Return each quantity's value, or an error in its place: missing, not a number, outside of the chip's range.

        Raises:
            TransientError, PermanentError: that of the first quantity, when none can be told.
        """
        quantities = self.quantities
        if len(measured) == len(quantities):
            for one in quantities:
                if not one.holds(measured.get(one.name)):
                    break
            else:
                return {**measured}
        declared = {quantity.name: quantity for quantity in quantities}
        told = {
            name: declared.get(name, Quantity(name)).judge(measured.get(name), self.name)
            for name in {**declared, **measured}
        }
        for quantity in quantities:
            needed = told.get(quantity.needs)
            lacks = isinstance(needed, UNTOLD) and not isinstance(needed, BeyondRange)
            if lacks and not isinstance(told[quantity.name], UNTOLD):
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

    def below(self, name: str, value: float, stop: float) -> float | Untold:
        """Return a value, or the `BeyondRange` in its place where it stands at a stop of the device, or above it."""
        return float(value) if value < stop else self.beyond(name, at_least=stop)

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

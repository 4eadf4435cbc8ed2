"""From a turn's outcome to readings, and faults that say why others are missing. Runs on the loop."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping, Sequence

from agent.model import BEYOND_RANGE, Fault, Reading
from agent.resilience import CircuitBreaker, CircuitOpenError, CircuitState
from drivers.chip import UNTOLD, Driver, Quantity
from drivers.errors import BeyondRange, InvalidReading

from .calibration import Calibration, QuantityCalibration
from .derived import FORMULAS, Derivation
from .history import SensorHistory
from .turn import COUNTED, Outcome

log = logging.getLogger("limpet.sensor")

Told = tuple[Sequence[Reading], Sequence[Fault]]


class Conclusions:
    """Turns the outcomes of one sensor into readings and faults, and keeps its history. Used on the loop only.

    Attributes:
        max_age: seconds for which a last value stands in for a missing one; None: never.
        measured, known: what the device measured at the last look, and the same with what is derived from it.

    Args:
        shortest: seconds; a rate is judged over this time at least.
    """

    def __init__(
        self,
        sensor: str,
        chip: Driver,
        driver: str,
        breaker: CircuitBreaker,
        history: SensorHistory,
        *,
        max_age: float | None,
        calibration: Calibration,
        derivation: Derivation | None = None,
        shortest: float = 1.0,
    ) -> None:
        self.sensor, self.chip, self.driver, self.breaker, self.history = sensor, chip, driver, breaker, history
        self.max_age, self._calibration = max_age, calibration
        self._derivation, self._shortest = derivation, shortest
        # Drivers may learn from the device what it measures.
        self.measured: Sequence[Quantity] = ()
        self.known: Sequence[Quantity] = ()
        self._calibrated: tuple[QuantityCalibration, ...] = ()
        self._of_derived: tuple[QuantityCalibration, ...] = ()
        # Quantities that are suspect where they do not move, if all of them stand still.
        self._noisy: tuple[str, ...] = ()

    @property
    def quantities(self) -> Sequence[Quantity]:
        """What the device measures, and what is derived from it."""
        if self.chip.quantities is not self.measured:
            self._look()
        return self.known

    @property
    def calibrations(self) -> tuple[QuantityCalibration, ...]:
        """The calibration of each of `quantities`, in their order."""
        if self.chip.quantities is not self.measured:
            self._look()
        return self._calibrated + self._of_derived

    def of(self, outcome: Outcome, due: float) -> Told:
        """Return the readings and faults for a round that was due at `due`."""
        at = due if outcome.at == math.inf else outcome.at
        if outcome.error is not None:
            return self.absent(self.blame(outcome.error, at, outcome.attempts), due)
        return self._answered(outcome, at, due)

    def came_back(self, at: float) -> None:
        """Log that the sensor answers again, if it was logged as silent."""
        if self.history.silent is not None:
            silent_for = round(at - self.history.silent, 1)
            log.info("sensor came back", extra={"sensor": self.sensor, "silent_for": silent_for})
            self.history.silent = None

    def _answered(self, outcome: Outcome, at: float, due: float) -> Told:
        """Return the readings of a device that answered, and a fault for each quantity that it could not measure."""
        history = self.history
        if history.silent is not None:
            self.came_back(at)
        history.last = outcome
        readings, untold = self._read(outcome, at)
        if self._of_derived:
            self._derive(readings, untold)
        if not untold and not history.missing:
            history.tell(readings, (), measured=at)
            return readings, ()
        faults = [self._part_fault(name, error, outcome.attempts, at) for name, error in untold.items()]
        for one in readings:
            before = history.missing.pop(one.quantity, None)
            if before is not None and not before.harmless:
                log.info("quantity came back", extra={"sensor": self.sensor, "quantity": one.quantity})
        serious = [fault for fault in faults if not fault.harmless]
        lacking = [fault.quantity or "" for fault in serious]
        stale = self._stale(lacking, due)
        history.tell(
            [*readings, *stale],
            [name for name in lacking if name not in {one.quantity for one in stale}],
            measured=at,
            cause=next(iter(serious or faults), None),
        )
        return history.present.readings, faults

    def _read(self, outcome: Outcome, at: float) -> tuple[list[Reading], dict[str, Exception]]:
        """Return a reading for each quantity that has a value, and the error of each that has none."""
        values, history = outcome.values or {}, self.history
        edge = history.edge_since(outcome.at)
        readings: list[Reading] = []
        untold: dict[str, Exception] = {}
        if self.chip.quantities is not self.measured:
            self._look()
        for one in self._calibrated:
            name, measured = one.name, at
            value = values.get(name)
            if edge is not None and edge[0] == name:
                _, value, measured = edge
            if isinstance(value, UNTOLD):
                untold[name] = value
                continue
            try:
                if value is None:
                    raise InvalidReading(f"{self.sensor}: the driver returned no {name}")
                number = one.of(value)
            except InvalidReading as error:
                untold[name] = error
                continue
            # Most quantities have no rate, and most values no reason to be doubted.
            if one.rate is not None or not one.low <= number <= one.high:
                reason = self._doubt(one, number, measured)
                status = "ok" if reason is None else "suspect"
                readings.append(Reading(self.sensor, name, number, one.unit, status, reason=reason, measured=measured))
            else:
                readings.append(Reading(self.sensor, name, number, one.unit, "ok", None, None, None, None, measured))
        return self._judged(readings, at, outcome.doubts), untold

    def _judged(self, readings: list[Reading], at: float, doubts: Mapping[str, str] | None) -> list[Reading]:
        """Return readings, `suspect` where their past or `doubts` is a reason; keep those that are good."""
        history, noisy = self.history, self._noisy
        flat = None
        if len(noisy) > 1:
            moving = {one.quantity: one.value for one in readings if one.quantity in noisy}
            flat = history.flat(moving, at) if len(moving) > 1 else None
        if flat is not None or doubts is not None:
            readings = [self._doubted(one, flat, doubts or {}) for one in readings]
        for one in readings:
            if one.status == "ok":
                history.good(one.quantity, one.value, at if one.measured is None else one.measured)
        return readings

    def _doubted(self, one: Reading, flat: str | None, doubts: Mapping[str, str]) -> Reading:
        reason = flat if flat is not None and one.quantity in self._noisy else doubts.get(one.quantity)
        return one if one.status != "ok" or reason is None else one._replace(status="suspect", reason=reason)

    def _doubt(self, one: QuantityCalibration, value: float, measured: float) -> str | None:
        """Return why a value is suspect: it is outside of its limits, or moves too fast."""
        fast = None if one.rate is None else self.history.too_fast(one, value, measured, self._shortest)
        return fast if one.low <= value <= one.high else f"outside of the limits {one.low:g}..{one.high:g}"

    def edge(self, reading: Reading, at: float) -> Reading | None:
        """Return the value of an edge calibrated and judged as that of a round is; None if it is no number any more."""
        self._look()
        one = next(one for one in self._calibrated if one.name == reading.quantity)
        try:
            value = one.of(reading.value)
        except InvalidReading:
            return None
        reason = self._doubt(one, value, at)
        if reason is not None:
            return reading._replace(value=value, status="suspect", reason=reason)
        self.history.good(one.name, value, at)
        return reading._replace(value=value)

    def _derive(self, readings: list[Reading], untold: dict[str, Exception]) -> None:
        """Add what is derived from these readings, and an error for each of which a source is missing."""
        for reading in self.derived({one.quantity: one for one in readings}, untold):
            if reading.status == "ok":
                self.history.good(reading.quantity, reading.value, reading.measured or 0.0)
            readings.append(reading)

    def derived(self, known: Mapping[str, Reading], untold: dict[str, Exception]) -> Iterator[Reading]:
        """Yield what is derived from known readings; put an error into `untold` for each of which there is none."""
        assert self._derivation is not None
        for one in self._of_derived:
            try:
                found = self._derivation.of(one.name, known)
                if found is None:
                    untold[one.name] = self._source_error(one.name, untold)
                    continue
                value = one.of(found.value)
            except InvalidReading as error:
                untold[one.name] = error
                continue
            reason = self._doubt(one, value, found.measured or 0.0) if found.status == "ok" else None
            status, reason = ("suspect", reason) if reason is not None else (found.status, found.reason)
            yield found._replace(value=value, status=status, reason=reason)

    def filled(self, readings: Sequence[Reading]) -> list[Reading]:
        """Return what is derived and missing among these readings, of which some come from another sensor."""
        if not self._of_derived:
            return []
        known = {one.quantity: one for one in readings}
        return [one for one in self.derived(known, {}) if one.quantity not in known]

    def _source_error(self, name: str, untold: Mapping[str, Exception]) -> Exception:
        """Return the error of the missing source of a derived quantity."""
        sources = FORMULAS[name].sources
        return next((untold[one] for one in sources if one in untold), InvalidReading(f"{self.sensor}: no {name}"))

    def absent(self, fault: Fault, due: float) -> Told:
        """Return the last good values where they may stand in, and the fault."""
        history, names = self.history, [quantity.name for quantity in self.quantities]
        history.missing.clear()
        stale = self._stale(names, due)
        filled = {one.quantity for one in stale}
        measured = max((one.measured or due for one in stale), default=history.present.measured)
        history.tell(stale, [name for name in names if name not in filled], measured=measured, cause=fault)
        return stale, [fault]

    def blame(self, error: BaseException, at: float, attempts: int) -> Fault:
        """Return the fault for an error of the whole sensor; log it if it is new.

        A refusal by the breaker says nothing about the cause: the error that opened it stays.
        """
        history = self.history
        if isinstance(error, CircuitOpenError) and history.silent is not None:
            return self.fault(*history.cause, attempts, history.silent)
        name, message = type(error).__name__, str(error) or type(error).__name__
        facts = {"sensor": self.sensor, "driver": self.driver, "error": name, "why": message}
        if not isinstance(error, (*COUNTED, CircuitOpenError)):
            if history.silent is None or history.cause[0] != name:
                log.error("driver has a bug", extra=facts, exc_info=error)
        elif history.silent is None:
            log.warning("sensor fell silent", extra=facts)
        if history.silent is None:
            history.silent = at
        history.cause = name, message
        return self.fault(name, message, attempts, history.silent)

    def _part_fault(self, name: str, error: Exception, attempts: int, at: float) -> Fault:
        """Return the fault for a quantity without a value while the device answers; log it if it is new."""
        kind = BEYOND_RANGE if isinstance(error, BeyondRange) else type(error).__name__
        before, message = self.history.missing.get(name), str(error) or kind
        beyond = kind == BEYOND_RANGE
        if before is None or before.harmless != beyond:
            facts = {"sensor": self.sensor, "quantity": name, "error": kind, "why": message}
            # Values beyond the range come and go in normal use, as with people in front of a distance sensor.
            log.log(logging.DEBUG if beyond else logging.WARNING, "quantity fell silent", extra=facts)
            since = at
        else:
            since = before.since
        fault = self.history.missing[name] = self.fault(kind, message, attempts, since, name)
        return fault

    def fault(self, error: str, message: str, attempts: int, since: float, quantity: str | None = None) -> Fault:
        """Return a fault of the sensor, or of one quantity, with the state of its breaker."""
        state = self.breaker.state
        waiting = None if state is CircuitState.CLOSED else self.breaker.retry_after
        return Fault(self.sensor, error, message, attempts, state.value, waiting, since, quantity)

    def _stale(self, lacking: Sequence[str], due: float) -> list[Reading]:
        """Return the last good values for missing quantities, if that is the configured fallback."""
        if self.max_age is None or not lacking:
            return []
        units = {quantity.name: quantity.unit for quantity in self.quantities}
        return self.history.stale(self.sensor, lacking, units, self.max_age, due)

    def _look(self) -> None:
        """Find out what the device measures now."""
        measured = self.measured = self.chip.quantities
        self._calibrated = self._calibration.of_each(measured)
        self._noisy = tuple(one.name for one in self._calibrated if one.noisy)
        self.known = [self._calibration.published(one) for one in measured]
        if self._derivation is not None:
            derived = self._derivation.quantities(self.known)
            self.known = [*self.known, *derived]
            self._of_derived = self._calibration.of_each(derived)

"""From a turn's outcome to readings, and faults that say why others are missing. Runs on the loop."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence

from agent.model import BEYOND_RANGE, Fault, Reading
from agent.resilience import CircuitBreaker, CircuitOpenError, CircuitState
from drivers.chip import Driver, Quantity
from drivers.errors import BeyondRange, InvalidReading, PermanentError, TransientError

from .calibration import Calibration, QuantityCalibration
from .history import SensorHistory
from .turn import COUNTED, Outcome

log = logging.getLogger("limpet.sensor")

Told = tuple[Sequence[Reading], Sequence[Fault]]
# Calibration, calibrated value, and the moment of its measurement.
Number = tuple[QuantityCalibration, float, float]


class Conclusions:
    """Turns the outcomes of one sensor into readings and faults, and keeps its history. Used on the loop only.

    Attributes:
        max_age: seconds for which a last value stands in for a missing one; None: never.
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
    ) -> None:
        self.sensor, self.chip, self.driver, self.breaker, self.history = sensor, chip, driver, breaker, history
        self.max_age, self._calibration = max_age, calibration
        self._calibrated: tuple[Sequence[Quantity], tuple[QuantityCalibration, ...]] = (), ()

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
        self.came_back(at)
        history.last = outcome
        numbers, untold = self._numbers(outcome, at)
        readings = self._judged(numbers, at)
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

    def _numbers(self, outcome: Outcome, at: float) -> tuple[list[Number], dict[str, Exception]]:
        """Return the calibrated number of each quantity that has one, and the error of each that has none."""
        values, edge = outcome.values or {}, self.history.edge_since(outcome.at)
        numbers: list[Number] = []
        untold: dict[str, Exception] = {}
        for one in self._calibrations():
            value, measured = values.get(one.name), at
            if edge is not None and edge[0] == one.name:
                _, value, measured = edge
            if isinstance(value, TransientError | PermanentError):
                untold[one.name] = value
                continue
            try:
                if value is None:
                    raise InvalidReading(f"{self.sensor}: the driver returned no {one.name}")
                numbers.append((one, one.of(value), measured))
            except InvalidReading as error:
                untold[one.name] = error
        return numbers, untold

    def _judged(self, numbers: Sequence[Number], at: float) -> list[Reading]:
        """Return readings: `suspect` outside the limits or where noisy values have not moved, else `ok`."""
        noisy = {one.name: value for one, value, _ in numbers if one.noisy}
        flat = self.history.flat(noisy, at) if len(noisy) > 1 else None
        readings = []
        for one, value, measured in numbers:
            if not one.low <= value <= one.high:
                reason = f"outside of the limits {one.low:g}..{one.high:g}"
            elif flat is not None and one.noisy:
                reason = flat
            else:
                self.history.good(one.name, value, measured)
                readings.append(Reading(self.sensor, one.name, value, one.unit, "ok", None, None, None, measured))
                continue
            readings.append(
                Reading(self.sensor, one.name, value, one.unit, "suspect", reason=reason, measured=measured)
            )
        return readings

    def absent(self, fault: Fault, due: float) -> Told:
        """Return the last good values where they may stand in, and the fault."""
        history, names = self.history, [quantity.name for quantity in self.chip.quantities]
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
        before, history = self.history.present, self.history
        if isinstance(error, CircuitOpenError) and history.silent is not None:
            return self.fault(before.error, before.message, attempts, history.silent)
        name, message = type(error).__name__, str(error) or type(error).__name__
        facts = {"sensor": self.sensor, "driver": self.driver, "error": name, "why": message}
        if not isinstance(error, (*COUNTED, CircuitOpenError)):
            if history.silent is None or before.error != name:
                log.error("driver has a bug", extra=facts, exc_info=error)
        elif history.silent is None:
            log.warning("sensor fell silent", extra=facts)
        if history.silent is None:
            history.silent = at
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
        units = {quantity.name: quantity.unit for quantity in self.chip.quantities}
        return self.history.stale(self.sensor, lacking, units, self.max_age, due)

    def _calibrations(self) -> tuple[QuantityCalibration, ...]:
        """Return the calibration of each quantity. Drivers may learn their quantities from the device."""
        quantities, calibrations = self._calibrated
        if quantities is not self.chip.quantities:
            calibrations = self._calibration.of_each(self.chip.quantities)
            self._calibrated = self.chip.quantities, calibrations
        return calibrations

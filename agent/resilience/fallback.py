"""Graceful degradation: a sensor that cannot be read yields a value that says so, and the others are read anyway."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, NotRequired, TypedDict

from .call import AsyncCircuitBreaker
from .circuit import CircuitOpenError
from .schedule import check_seconds

log = logging.getLogger(__name__)
Read = Callable[[], Awaitable[Any]]


class SensorReading(TypedDict):
    """The result of one read. `error`, the name of the exception's class, is there only if `status` is not "ok"."""

    sensorId: str
    value: Any
    status: Literal["ok", "unavailable"]
    error: NotRequired[str]


class CollectedBatch(TypedDict):
    """The result of reading many sensors; both lists are in the order of the readers."""

    readings: list[SensorReading]
    unavailableSensors: list[str]
    degraded: bool


async def read_sensor_with_fallback(
    sensor_id: str, read: Read, breaker: AsyncCircuitBreaker | None = None
) -> SensorReading:
    """Return the reading, or one with status "unavailable" and value None if `read`, or the breaker, raised."""
    try:
        value = await (read() if breaker is None else breaker.call(read))
    except Exception as error:  # noqa: BLE001
        _log_failure(sensor_id, error, breaker)
        return {"sensorId": sensor_id, "value": None, "status": "unavailable", "error": type(error).__name__}
    return {"sensorId": sensor_id, "value": value, "status": "ok"}


async def collect_batch(
    readers: Mapping[str, Read],
    *,
    breakers: Mapping[str, AsyncCircuitBreaker] | None = None,
    deadline_seconds: float | None = None,
) -> CollectedBatch:
    """Read all sensors at the same time, each behind its breaker if it has one, and return the results.

    A read that takes longer than `deadline_seconds` is a TimeoutError that its breaker counts. Cancelling the batch
    cancels all reads and waits for them.

    Raises:
        ValueError: the deadline is no length of time.
    """
    check_seconds("deadline_seconds", deadline_seconds, none=True)
    breakers = breakers or {}
    async with asyncio.TaskGroup() as group:
        tasks = {
            sensor_id: group.create_task(
                read_sensor_with_fallback(
                    sensor_id,
                    read if deadline_seconds is None else _within(deadline_seconds, read),
                    breakers.get(sensor_id),
                ),
                name=f"read {sensor_id}",
            )
            for sensor_id, read in readers.items()
        }
    readings: list[SensorReading] = []
    unavailable = []
    for sensor_id, task in tasks.items():
        # A read that cancelled itself makes its own sensor unavailable, and does not cancel the batch.
        if not task.cancelled() and (reading := task.result())["status"] == "ok":
            readings.append(reading)
        else:
            unavailable.append(sensor_id)
    return {"readings": readings, "unavailableSensors": unavailable, "degraded": bool(unavailable)}


def _within(seconds: float, read: Read) -> Read:
    async def bounded() -> Any:
        async with asyncio.timeout(seconds):
            return await read()

    return bounded


def _log_failure(sensor_id: str, error: Exception, breaker: AsyncCircuitBreaker | None) -> None:
    if isinstance(error, CircuitOpenError):
        # Refusals are frequent and have to stay cheap.
        if log.isEnabledFor(logging.DEBUG):
            log.debug("sensor skipped, circuit open", extra={"sensor": sensor_id, "probe_in": error.retry_after})
        return
    facts = {"sensor": sensor_id, "error": repr(error)}
    if isinstance(error, OSError) or (breaker is not None and breaker.counts(error)):
        log.warning("sensor unavailable", extra=facts)
    else:
        log.error("sensor driver has a bug", exc_info=error, extra=facts)

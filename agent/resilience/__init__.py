"""Retry, circuit breaker, fallback: what keeps an agent going while the things it talks to fail.

Standard library only; imports nothing else of the project. Five worked examples stand in README.md beside this file.
"""

from .budget import RetryBudget
from .call import AsyncCircuitBreaker, CircuitBreaker
from .circuit import BreakerEvent, CircuitOpenError, CircuitState
from .fallback import CollectedBatch, SensorReading, collect_batch, read_sensor_with_fallback
from .retry import RetryEvent, RetryPolicy, retry_with_backoff

__all__ = [
    "AsyncCircuitBreaker",
    "BreakerEvent",
    "CircuitBreaker",
    "CircuitOpenError",
    "CircuitState",
    "CollectedBatch",
    "RetryBudget",
    "RetryEvent",
    "RetryPolicy",
    "SensorReading",
    "collect_batch",
    "read_sensor_with_fallback",
    "retry_with_backoff",
]

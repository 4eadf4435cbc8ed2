"""Retry, circuit breaker, fallback: what keeps an agent going while the things it talks to fail.

Standard library only; imports nothing else of the project. Five worked examples stand in README.md beside this file.
"""

from agent.resilience.budget import RetryBudget
from agent.resilience.call import AsyncCircuitBreaker, CircuitBreaker
from agent.resilience.circuit import BreakerEvent, CircuitOpenError, CircuitState
from agent.resilience.fallback import CollectedBatch, SensorReading, collect_batch, read_sensor_with_fallback
from agent.resilience.retry import RetryEvent, RetryPolicy, retry_with_backoff

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

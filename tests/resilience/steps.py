"""What tests do to a breaker."""


def fail(breaker, times=1, error=None):
    for _ in range(times):
        breaker.failed(breaker.admit(), error or ConnectionError())


def opened(breaker, clock):
    """Let the breaker open, and its open period pass."""
    fail(breaker, breaker.failure_threshold)
    clock.advance(breaker.retry_after)
    return breaker

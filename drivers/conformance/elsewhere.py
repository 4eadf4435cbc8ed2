"""Laws of drivers that are not on I2C: they read their fake, and stand every fault that it can play."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from .. import PermanentError, TransientError, catalog, open_chip
from ..fakes import fake_chip
from ..fakes.pins import mock_pins

PIN = 17
OPTIONS: dict[str, dict[str, Any]] = {"distance": {"trigger": 23, "echo": 24}, "mcp3008": {"channel": 0}}
# Seconds in which a sensor on a UART has begun to measure.
STARTING = 5.0
# A hung file or an oscillating line tells nothing of what the driver looks at.
UNTOLD = ("hang", "flaky")


@contextmanager
def wired(name: str) -> Iterator[tuple[Any, Any]]:
    """Return a driver and its fake, wired to each other."""
    with tempfile.TemporaryDirectory() as root:
        needs_pin = "pin" in catalog.options(catalog.find(name))
        options = OPTIONS.get(name, {})
        pin = {"pin": PIN} if needs_pin else {}
        bus = getattr(catalog.find(name), "bus_name", "")
        on_pins = bus in ("gpio", "spi")
        if on_pins:
            mock_pins(fresh=True)
        fake: Any = fake_chip(name, **pin, **({} if on_pins else {"root": root}), options=options)
        driver = open_chip(name, **{**pin, **options, **fake.wiring})
        driver.sleep = partial(_slept, driver, fake) if hasattr(fake, "elapse") else _at_once
        try:
            yield driver, fake
        finally:
            driver.close()
            if hasattr(fake, "close"):
                fake.close()


def _at_once(_seconds: float) -> None:
    """Wait for nothing."""


def _slept(driver: Any, fake: Any, seconds: float) -> None:
    """Let a fake with a time of its own live through what its driver waits."""
    fake.elapse(seconds)
    if hasattr(fake, "pump"):
        fake.pump(driver.port.written)


def outcome(driver: Any) -> str:
    """Read once: what was told, `raised …`, or what is wrong."""
    try:
        told = driver.read()
    except (TransientError, PermanentError) as error:
        return f"raised {type(error).__name__}: {error}"
    except Exception as error:  # noqa: BLE001
        return f"CRASHED with {error!r}"
    known = {quantity.name for quantity in driver.quantities}
    strange = set(told) - known
    return f"it tells {', '.join(sorted(strange))}, which it does not declare" if strange else "told"


def through_faults(name: str) -> Iterator[str]:
    """Yield the outcome of a reading through each fault of the fake."""
    with wired(name) as (driver, fake):
        for kind in fake.kinds:
            if kind not in UNTOLD:
                fake.suffer(kind)
                yield outcome(driver)
                fake.heal()


def reads_its_fake(name: str) -> Iterator[str]:
    """Read twice, with nothing wrong."""
    with wired(name) as (driver, _):
        yield from (result for _ in range(2) if (result := outcome(driver)) != "told")


def stands_every_fault(name: str) -> Iterator[str]:
    """Read through each fault of the fake, and after it."""
    with wired(name) as (driver, fake):
        for kind in fake.kinds:
            if kind in UNTOLD:
                continue
            fake.suffer(kind)
            result = outcome(driver)
            if result != "told" and not result.startswith("raised"):
                yield f"{kind}: {result}"
            fake.heal()
            if hasattr(fake, "elapse"):
                fake.elapse(STARTING)
            if "told" not in (after := [outcome(driver) for _ in range(2)]):
                yield f"after {kind}: {after[-1]}"

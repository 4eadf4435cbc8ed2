"""What every driver is. A driver imports from here, also one of another package.

What SPI and serial ports need is imported when a driver asks for it: most services have neither.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .driver import Driver
from .i2c import I2cChip
from .options import BCM, DURATION, Among, Matching, Within
from .quantity import UNTOLD, Measurement, Quantity, Reading, Told, Untold, Values, Waits, part
from .question import Question, says

if TYPE_CHECKING:
    from .spi import SpiChip
    from .uart import PORT, TalkingDevice, UartDevice, likeness

__all__ = [
    "BCM",
    "DURATION",
    "PORT",
    "UNTOLD",
    "Among",
    "Driver",
    "I2cChip",
    "Matching",
    "Measurement",
    "Quantity",
    "Question",
    "Reading",
    "SpiChip",
    "TalkingDevice",
    "Told",
    "UartDevice",
    "Untold",
    "Values",
    "Waits",
    "Within",
    "likeness",
    "part",
    "says",
]

_LATER = {"SpiChip": ".spi", "PORT": ".uart", "TalkingDevice": ".uart", "UartDevice": ".uart", "likeness": ".uart"}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_LATER[name], __name__), name)

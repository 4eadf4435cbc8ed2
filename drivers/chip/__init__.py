"""What every driver is. A driver imports from here, also one of another package."""

from .driver import Driver
from .i2c import I2cChip
from .quantity import Measurement, Quantity, Reading, Told, Untold, Values, Waits, part
from .question import Question, says

__all__ = [
    "Driver",
    "I2cChip",
    "Measurement",
    "Quantity",
    "Question",
    "Reading",
    "Told",
    "Untold",
    "Values",
    "Waits",
    "part",
    "says",
]

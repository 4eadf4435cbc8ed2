"""What every driver is. A driver imports from here, also one of another package."""

from .driver import Driver
from .i2c import I2cChip
from .probe import Probe, says
from .quantity import Measurement, Quantity, Reading, Told, Untold, Values, Waits, part

__all__ = [
    "Driver",
    "I2cChip",
    "Measurement",
    "Probe",
    "Quantity",
    "Reading",
    "Told",
    "Untold",
    "Values",
    "Waits",
    "part",
    "says",
]

"""What every driver is. A driver imports from here, also one of another package."""

from .driver import Driver
from .i2c import I2cChip
from .options import BCM, DURATION, Among, Matching, Within
from .probe import Probe, says
from .quantity import Measurement, Quantity, Reading, Told, Untold, Values, Waits, part

__all__ = [
    "BCM",
    "DURATION",
    "Among",
    "Driver",
    "I2cChip",
    "Matching",
    "Measurement",
    "Probe",
    "Quantity",
    "Reading",
    "Told",
    "Untold",
    "Values",
    "Waits",
    "Within",
    "part",
    "says",
]

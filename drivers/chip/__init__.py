"""What every driver is. A driver imports from here, also one of another package."""

from .driver import Driver
from .i2c import I2cChip
from .options import BCM, DURATION, Among, Matching, Within
from .quantity import Measurement, Quantity, Reading, Told, Untold, Values, Waits, part
from .question import Question, says
from .spi import SpiChip
from .uart import PORT, TalkingDevice, UartDevice

__all__ = [
    "BCM",
    "DURATION",
    "PORT",
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
    "part",
    "says",
]

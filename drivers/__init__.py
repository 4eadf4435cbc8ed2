"""Drivers for sensors on a Raspberry Pi: everything that knows what a wire is. Usable alone, with nothing but smbus2.

>>> from drivers import open_chip  # doctest: +SKIP
>>> open_chip("bme280", bus, address=0x76).read()  # doctest: +SKIP
{'temperature': 21.4, 'humidity': 43.1, 'pressure': 1013.2}
"""

from .catalog import open_chip
from .errors import PermanentError, TransientError, UnknownDriver

__all__ = ["PermanentError", "TransientError", "UnknownDriver", "open_chip"]

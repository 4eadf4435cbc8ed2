"""DHT11, DHT22 (AM2302) through the kernel's IIO driver dht11: `dtoverlay=dht11,gpiopin=N`.

Source: Linux, drivers/iio/humidity/dht11.c: it keeps a frame for 2 s, so both values come from one frame, and returns
ETIMEDOUT for an incomplete frame and EIO for a wrong checksum. A failed frame is not kept, and another read would
disturb the sensor, which needs 2 s between frames. Therefore this driver waits.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from ..bus import sysfs
from ..bus.clock import now
from ..chip import Driver, Quantity, Reading
from ..errors import BusError, BusTimeout, ChecksumError, InvalidReading, NoAcknowledge
from .iio import Iio
from .node import device_of, find

# Seconds between two frames (DHT22; a DHT11 needs 1).
PAUSE = 2.0
# Millidegrees: two's complement of 0 °C, and of -100 °C, when read as sign and magnitude.
TWOS_COMPLEMENT, LOWEST_MAGNITUDE = 3_276_800, -3_176_800
CURE = "add `dtoverlay=dht11,gpiopin=4` (your pin) to /boot/firmware/config.txt and reboot"


class Dht(Driver):
    """One DHT11 or DHT22.

    Args:
        device: its IIO name (`dht11@4`), or path; may be left out when it is the only DHT.
        path: instead, its folder.
        root: where the file system begins, for tests.
    """

    name = "dht"
    either = (("device", "path"),)
    takes = 4.0
    quantities = (
        Quantity("temperature", "°C", "temperature", -40.0, 80.0, 0.1, noisy=False),
        Quantity("humidity", "%", "humidity", 0.0, 100.0, 0.1, clips=True, noisy=False),
    )
    bus_name: str = "dht"
    clock: Callable[[], float] = staticmethod(now)

    def __init__(
        self, device: str | int | None = None, *, path: str | os.PathLike[str] | None = None, root: str = "/"
    ) -> None:
        self.device, self.root = device_of(device, path), root
        # A read blocks, so each sensor has a bus of its own.
        self.bus_name = f"dht-{Path(str(self.device or 0)).name}"
        self.folder = Path()
        self._failed_at: float | None = None

    def identify(self) -> None:
        """Find the device's folder.

        Raises:
            AdapterGone, NoAcknowledge, PermanentError: as `node.find` says.
        """
        self.folder = find(
            Path(self.root) / Iio.devices, Iio.prefix, "dht11" if self.device is None else self.device, self.name, CURE
        )
        if not sysfs.exists(self.folder / "in_humidityrelative_input", self.name):
            raise NoAcknowledge(f"dht: {self.folder} is no DHT: it has no humidity; {CURE}")

    @classmethod
    def moving(cls, device: object, root: str = "/") -> str | None:
        """Return the cure for a `device` that may be another one after a reboot; None if it is stable."""
        return Iio.moving(device, root)

    def measure(self) -> Reading:
        """Return temperature in °C and humidity in %. After a failure, wait until the sensor has had its 2 s.

        Raises:
            NoAcknowledge: no whole frame came. ChecksumError: its sum is wrong. InvalidReading: it is all zero.
        """
        left = 0.0 if self._failed_at is None else self._failed_at + PAUSE - self.clock()
        if left > 0:
            yield min(left, PAUSE)
        # Assumed to fail until the frame has arrived.
        self._failed_at = self.clock()
        try:
            humidity = percent(sysfs.read_number(self.folder / "in_humidityrelative_input", self.name))
            temperature = celsius(sysfs.read_number(self.folder / "in_temp_input", self.name))
            if humidity == 0 and temperature == 0:
                raise InvalidReading("dht: 0 °C and 0 % at once: the data line is shorted to ground")
        except BusTimeout as error:
            raise NoAcknowledge(f"dht: no whole frame came; check wiring and the 4.7 kΩ pull-up ({error})") from error
        except BusError as error:
            raise ChecksumError(f"dht: the frame arrived damaged; shorten the cable ({error})") from error
        self._failed_at = None
        return {"temperature": temperature, "humidity": humidity}


def celsius(millidegrees: float) -> float:
    """Return °C from the kernel's millidegrees.

    A DHT22 sends sign and magnitude. Some clones send two's complement below zero, which the kernel takes for a large
    magnitude: its -3275.9 °C is -0.9 °C, as no sensor measures the former.
    """
    if millidegrees < LOWEST_MAGNITUDE:
        millidegrees = -TWOS_COMPLEMENT - millidegrees
    return millidegrees / 1000


def percent(thousandths: float) -> float:
    """Return % relative humidity from the kernel's thousandths of a percent."""
    return thousandths / 1000

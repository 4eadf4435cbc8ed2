"""One chip select of an SPI port over gpiozero: opened when used, errors named, given back when closed.

gpiozero reads `/dev/spidevN.M` through lgpio, at 500 kHz. spidev itself is not needed.
"""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import Any

from ..errors import BusError, PermanentError
from .gpio import factory, failures, named

# What gpiozero knows; of port 1 clock, MOSI, MISO, and the chip selects on the 40-pin header.
OF_GPIOZERO = ((0, 0), (0, 1))
PORT_1 = (21, 20, 19, (18, 17, 16))
HERTZ = 500_000
ENABLE = {0: "`sudo raspi-config nonint do_spi 0`", 1: "`dtoverlay=spi1-3cs` in /boot/firmware/config.txt"}


def selects(root: str = "/") -> list[str]:
    """Return the chip selects that the kernel offers: `spi0.0` …

    Args:
        root: where the file system begins, for tests.
    """
    return [f"spi{node.name.removeprefix('spidev')}" for node in sorted(Path(root).glob("dev/spidev*"))]


# gpiozero looks for an open port and opens one without a lock of its own, and every chip select has a thread.
_opening = threading.Lock()
# What is open. A device of gpiozero that is collected, closed or not, ends the one that has its pins by then: what is
# shared is known by its pins alone. So each is held until it is closed, and is then kept from closing again.
_held: list[Any] = []


class Spi:
    """One chip select of an SPI port. Nothing is opened before `open`.

    Args:
        mode: 0..3; polarity of the clock in bit 1, its phase in bit 0.
    """

    def __init__(self, port: int, select: int, who: str, mode: int = 0) -> None:
        self.port, self.select, self.mode = port, select, mode
        self.where = f"{who}: spi{port}.{select}"
        self._device: Any = None

    @property
    def is_open(self) -> bool:
        """Whether it is open."""
        return self._device is not None

    def open(self) -> None:
        """Open the port, closing it first if it is open.

        Raises:
            PermanentError: SPI is not enabled, or its pins are in use.
        """
        self.close()
        maker = factory()
        node = Path(f"/dev/spidev{self.port}.{self.select}")
        if getattr(maker, "_handle", None) is not None and not node.exists():
            raise PermanentError(f"{self.where}: there is no {node}; enable SPI: {ENABLE[self.port]}, then reboot")
        with _opening, named(self.where):
            if getattr(maker, "_handle", None) is not None and (self.port, self.select) not in OF_GPIOZERO:
                self._device = _LgpioSpi(self.port, self.select, self.mode)
                return
            for stale in [one for one in _held if one.pin_factory is not maker]:
                _end(stale, whoever_uses_it=True)
            self._device = self._shared(maker)
            if self._device not in _held:
                _held.append(self._device)
            if self._device.clock_mode != self.mode:
                self._device.clock_mode = self.mode

    def _shared(self, maker: Any) -> Any:
        if self.port == 0:
            return maker.spi(port=self.port, device=self.select, shared=True)
        clock, mosi, miso, selects = PORT_1
        pins = {"clock_pin": clock, "mosi_pin": mosi, "miso_pin": miso, "select_pin": selects[self.select]}
        return maker.spi(**pins, shared=True)

    def transfer(self, data: bytes) -> bytes:
        """Send `data` and return as many bytes, as one transfer; close the port where it fails."""
        if self._device is None:
            raise BusError(f"{self.where} is closed")
        try:
            with named(self.where):
                return bytes(self._device.transfer(list(data)))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Give the port back. Never raises."""
        device, self._device = self._device, None
        if device is not None:
            with _opening, contextlib.suppress(*failures()):
                _end(device)


def _end(device: Any, *, whoever_uses_it: bool = False) -> None:
    """Close a device; once nothing uses it, neither it nor the wires of its port close anything any more."""
    wires: Any = getattr(device, "_bus", None)
    device.close()
    while whoever_uses_it and not device.closed:
        device.close()
    if device in _held and device.closed:
        _held.remove(device)
        device.close = _nothing
        if getattr(wires, "closed", False):
            wires.close = _nothing


def _nothing() -> None:
    """Close what is closed."""


class _LgpioSpi:
    """A port that gpiozero does not know, over lgpio."""

    def __init__(self, port: int, select: int, mode: int) -> None:
        import lgpio

        self.lgpio = lgpio
        self.handle = lgpio.spi_open(port, select, HERTZ, mode)

    def transfer(self, data: list[int]) -> bytes:
        """Send bytes and return as many."""
        count, answer = self.lgpio.spi_xfer(self.handle, bytes(data))
        if count < 0:
            raise OSError(f"the transfer failed ({count})")
        return bytes(answer)

    def close(self) -> None:
        """Give the port back."""
        self.lgpio.spi_close(self.handle)

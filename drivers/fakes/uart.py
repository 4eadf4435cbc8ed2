"""What every fake sensor on a UART is: the other end of a true pseudo-terminal, with frames as the silicon sends them.

Nothing runs by itself: `pump` hears what was written and sends what is due by the clock. `serve` does so in real time.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import select
import shutil
import tempfile
import termios
import threading
import time
import tty
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

from .device import FakeDevice
from .time import now

# Frames that are kept for a reader who comes late; a port keeps more, but they are as old.
KEPT = 8
# Real seconds in which the kernel carries bytes from one end to the other.
CARRIED = 0.5
# An answer of another device.
STRANGE = bytes.fromhex("01 03 04 00 2a 13 88 5b 2f")
_numbers = count()


@functools.cache
def _folder() -> Path:
    """Return a folder for the ports of this process; it goes away with the process."""
    import atexit

    folder = tempfile.mkdtemp(prefix="limpet-uart-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


class FakeUart(FakeDevice):
    """A sensor on a serial port.

    `unplugged`: the USB adapter is out, and its port gone; `nack`: the sensor is silent; `corrupt`: one byte of each
    frame arrives wrong; `wrong_chip`: something else sends; `stuck`: the line is held low.

    Attributes:
        period: seconds between two frames that it sends by itself; 0: it must be asked.
    """

    kinds = ("unplugged", "nack", "frozen", "corrupt", "wrong_chip", "stuck")
    period: ClassVar[float] = 0.0

    def __init__(
        self,
        *,
        root: str | Path | None = None,
        options: Mapping[str, Any] | None = None,
        clock: Callable[[], float] | None = None,
        **world: float,
    ) -> None:
        folder = _folder() if root is None else Path(root)
        self.link = folder / f"tty{next(_numbers)}"
        self.options = {**(options or {})}
        self.clock, self._ahead = clock or now, 0.0
        self.world = {**self.senses}
        self.master = self.slave = -1
        self.heard = 0
        self.frames_sent = 0
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        self.asleep = False
        self.plug()
        # It has been running for long.
        self.powered_at = self.present() - 3600.0
        self.sends_at = self.present() + self.period
        self.power_on()
        self.feel(**world)

    @property
    def wiring(self) -> dict[str, Any]:
        """Options with which the driver meets this fake."""
        return {"port": str(self.link)}

    def present(self) -> float:
        """Return its time, in seconds."""
        return self.clock() + self._ahead

    def elapse(self, seconds: float) -> None:
        """Let time pass for it alone."""
        self._ahead += seconds

    def plug(self) -> None:
        """Make the port appear."""
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        os.set_blocking(self.master, False)
        self.link.unlink(missing_ok=True)
        self.link.symlink_to(os.ttyname(self.slave))

    def unplug(self) -> None:
        """Make the port go: a program that has it open finds it dead."""
        self.link.unlink(missing_ok=True)
        for end in (self.slave, self.master):
            os.close(end)
        self.master = self.slave = -1

    def close(self) -> None:
        """End it, and its thread if it has one."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        if self.master >= 0:
            self.unplug()

    def apply(self) -> None:
        if self.fault == "unplugged" and self.master >= 0:
            self.unplug()
        elif self.fault != "unplugged" and self.master < 0:
            self.plug()
            self.lose_power()

    def lose_power(self) -> None:
        """Start again, as after a blip of the supply."""
        self.powered_at = self.present()
        self.sends_at = self.powered_at + self.period
        self.asleep = False
        self.power_on()

    def power_on(self) -> None:
        """Take the state that the data sheet calls power-on."""

    def frame(self) -> bytes:
        """Return the frame that it sends now, by itself or because it was asked."""
        raise NotImplementedError

    def on_bytes(self, data: bytes) -> None:
        """Hear what was written to it."""

    def serve(self) -> None:
        """Pump in real time, in a thread, until it is closed."""
        self._thread = threading.Thread(target=self._run, name="fake uart", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._ended.wait(0.01):
            self.pump()

    def pump(self, written: int | None = None) -> None:
        """Hear what was written, and send what is due.

        Args:
            written: bytes that were sent to it in all, where that is known; they are waited for.
        """
        if self.master < 0:
            return
        ends = time.monotonic() + CARRIED
        while data := self._hear(0.0 if written is None or self.heard >= written or time.monotonic() > ends else 0.01):
            if self.fault not in ("nack", "stuck", "wrong_chip"):
                self.on_bytes(data)
        moment = self.present()
        if self.period:
            # What a port keeps is older than KEPT frames, and as useless.
            self.sends_at = max(self.sends_at, moment - KEPT * self.period)
            while self.sends_at <= moment:
                self.sends_at += self.period
                if not self.asleep:
                    self.send(self.frame())

    def _hear(self, within: float) -> bytes:
        if self.master < 0 or not select.select([self.master], [], [], within)[0]:
            return b""
        with contextlib.suppress(OSError):
            data = os.read(self.master, 4096)
            self.heard += len(data)
            return data
        return b""

    def send(self, data: bytes) -> None:
        """Send bytes as far as the port can keep them, and wait until they have arrived."""
        if self.fault in ("nack", "stuck"):
            return
        if self.fault == "wrong_chip":
            data = STRANGE
        elif self.fault == "corrupt":
            # Behind the header and the length.
            at = 4 + self.frames_sent % (len(data) - 4)
            data = data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]
        self.frames_sent += 1
        before, ends = self._waiting(), time.monotonic() + CARRIED
        with contextlib.suppress(OSError):
            sent = os.write(self.master, data)
            while self._waiting() < before + sent and time.monotonic() < ends:
                # A thread that reads meanwhile would make this wait in vain.
                if self._thread is not None:
                    return
                select.select([], [], [], 0.0005)

    def _waiting(self) -> int:
        """Return how many bytes lie in the port."""
        answer = fcntl.ioctl(self.slave, termios.FIONREAD, b"\0\0\0\0")
        return int.from_bytes(answer, "little")

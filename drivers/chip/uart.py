"""What every sensor on a serial port is: a driver that finds frames in bytes, whenever and however damaged they come.

A port keeps what a sensor has sent since it was last read, and no more when it is full. So what lies there is old; a
frame counts when it has come within the last seconds. Every wait is bounded, and all of one reading by ten seconds.
"""

from __future__ import annotations

import os
import re
from collections.abc import Generator
from typing import Annotated, ClassVar

from ..bus import clock
from ..bus.serial import SerialPort, stable
from ..errors import BusTimeout, ChecksumError, InvalidReading, NotReady
from .driver import Driver
from .options import Matching
from .quantity import Waits

# Seconds between two looks at the port: about 50 bytes at 9600 baud.
POLL = 0.05
# Seconds. A frame that came since a look at the port that is no older counts as present.
FRESH = 3.0
# Bytes that are kept to say what else is at the port.
SAMPLE = 96
# Frames of other sensors, each with the driver that reads them.
FRAMES = ((rb"\x42\x4d\x00[\x14\x1c\x24]", "pms5003"), (rb"\xaa\xc0.{7}\xab", "sds011"), (rb"\xff\x86.{7}", "mhz19"))
PORT = Matching(r"/[^\x00\s]+", "a path such as /dev/serial0")


class UartDevice(Driver):
    """A sensor on a serial port, which is its bus. Does no I/O before it is asked to.

    Args:
        port: the serial port, as a path.

    Raises:
        ValueError: it is no path.
    """

    bus_name: str = "uart"
    baud: ClassVar[int] = 9600
    # What each frame begins with.
    header: ClassVar[bytes] = b""

    def __init__(self, port: Annotated[str, PORT]) -> None:
        if not PORT.holds(port):
            raise ValueError(f'port is {port!r}, not a path such as "/dev/serial0"')
        self.bus_name = os.fspath(port)
        self.port = SerialPort(self.bus_name, self.name, self.baud)
        self._buffer = bytearray()
        self._looked_at = 0.0
        # Since the reading began.
        self.heard = self.damaged = 0
        # The last bytes of these.
        self.sample = b""
        # Whether the port was opened for the present reading.
        self.is_fresh = False

    @classmethod
    def moving(cls, port: object, root: str = "/") -> str | None:
        """Return the cure for a `port` that may be another one after a reboot; None where it does not move.

        Args:
            root: where the file system begins, for tests.
        """
        if not isinstance(port, str) or re.fullmatch(r"/dev/tty(?:USB|ACM)\d+", port) is None:
            return None
        better = stable(port, root)
        return f'write port = "{better}"' if better else "write its name in /dev/serial/by-id/; `limpet scan` lists it"

    def _identified(self) -> Waits:
        """Open the port if it is not open, then identify."""
        if not self.port.is_open:
            self.port.open()
            self.is_fresh = True
            self.forget()
            self._looked_at = clock.now()
        yield from super()._identified()

    def size(self, start: bytes) -> int | None:
        """Return how long the frame is that begins like this; 0: none does; None: more bytes will show."""
        raise NotImplementedError

    def is_intact(self, frame: bytes) -> bool:
        """Return whether a frame's checksum fits."""
        raise NotImplementedError

    def newest(self, within: float) -> Generator[float, None, bytes | None]:
        """Return the newest frame that is present, or the first that comes within this time, or None."""
        began = clock.now()
        was_looked_at = self._looked_at
        queued = self.frames()
        if queued and began - was_looked_at <= FRESH:
            return queued[-1]
        # Damaged frames of before say nothing of this reading.
        self.heard = self.damaged = 0
        return (yield from self.next(within))

    def next(self, within: float) -> Generator[float, None, bytes | None]:
        """Return the newest frame of the first that come within this time from now on, or None."""
        began = clock.now()
        for _ in range(round(within / POLL)):
            if came := self.frames():
                return came[-1]
            if clock.now() - began >= within:
                break
            yield POLL
        return frames[-1] if (frames := self.frames()) else None

    def frames(self) -> list[bytes]:
        """Return the intact frames that have come since the last look, oldest first.

        Raises:
            AdapterGone: the port has gone.
        """
        came = self.port.read()
        self._looked_at = clock.now()
        self.heard += len(came)
        self.sample = (self.sample + came)[-SAMPLE:]
        self._buffer += came
        found: list[bytes] = []
        while (at := self._buffer.find(self.header)) >= 0:
            del self._buffer[:at]
            size = self.size(bytes(self._buffer[:16]))
            if size is None or len(self._buffer) < (size or 0):
                break
            frame = bytes(self._buffer[:size])
            if size and self.is_intact(frame):
                found.append(frame)
                del self._buffer[:size]
            else:
                # A header inside of another frame, or in garbage, or of a damaged frame: the next may begin within.
                self.damaged += bool(size)
                del self._buffer[:1]
        else:
            # The last byte may begin a header.
            del self._buffer[: max(0, len(self._buffer) - len(self.header) + 1)]
        return found

    def forget(self) -> None:
        """Drop what has come so far."""
        self._buffer.clear()
        self.heard = self.damaged = 0
        self.sample = b""

    def nothing(self, seconds: float) -> Exception:
        """Return the error of a reading in which no frame came in time."""
        where, hint = f"{self.name}: {self.bus_name}", self.port.hint()
        if self.damaged:
            return ChecksumError(f"{where}: frames arrive damaged; shorten or shield the cable{hint}")
        if self.heard:
            what = likeness(self.sample) or "check driver, port and wiring"
            return InvalidReading(f"{where}: {self.heard} bytes came, but no frame; {what}{hint}")
        return BusTimeout(f"{where}: nothing came within {seconds:g} s; check power and the wires TX and RX{hint}")

    def close(self) -> None:
        """Give the port back. Never raises."""
        self.known = False
        self.port.close()


def likeness(data: bytes) -> str:
    """Return what bytes that are no frames of a sensor look like, with the cure; empty if they look like nothing."""
    for pattern, driver in FRAMES:
        if re.search(pattern, data, re.DOTALL):
            return f'they look like those of another sensor; is it driver = "{driver}"?'
    text = data.decode("ascii", errors="replace")
    if len(text) > 8 and all(letter.isprintable() or letter.isspace() for letter in text.replace("\ufffd", "\0")):
        return f"they are text, {text[-40:].strip()!r}: a login, a GPS, or another program"
    return ""


class TalkingDevice(UartDevice):
    """A sensor that sends frames unasked, unless it sleeps or waits to be asked; it is set to send unasked then.

    One that answers was awake, so its values count at once; one that has to be woken is told only once it is warm.

    Attributes:
        silence: seconds without a byte after which it is thought to sleep: more than its period.
        ask: what makes it send one frame if it is awake.
        answers: seconds that it has for that.
        wake: what wakes it and lets it send unasked, in this order.
        waking: seconds that it has to begin after it was woken.
        warming_up: seconds after that for which its values do not count.
    """

    silence: ClassVar[float] = 3.0
    ask: ClassVar[bytes] = b""
    answers: ClassVar[float] = 0.8
    wake: ClassVar[tuple[bytes, ...]] = ()
    waking: ClassVar[float] = 4.2
    warming_up: ClassVar[float] = 30.0
    takes = 8.5
    _warm_at = 0.0

    def latest(self) -> Generator[float, None, bytes]:
        """Return a present frame of a warm sensor.

        Raises:
            NotReady: it slept, or is still warming up. BusTimeout: it is silent. ChecksumError: frames are damaged.
            InvalidReading: what comes is no frame.
        """
        frame = yield from self.newest(self.silence)
        if frame is None and self.heard and not self.damaged:
            # Bytes may trickle in, as through a network.
            frame = yield from self.next(self.takes - self.silence)
        elif frame is None and not self.heard:
            frame = yield from self._roused()
        if frame is None:
            raise self.nothing(self.silence)
        if (left := self._warm_at - clock.now()) > 0:
            raise NotReady(f"{self.name}: it was asleep and is warming up; its values count in {left:.0f} s")
        return frame

    def _roused(self) -> Generator[float, None, bytes | None]:
        """Ask a silent sensor, which answers if it only waits to be asked; else wake it."""
        self.port.write(self.ask)
        frame = yield from self.newest(self.answers)
        for command in self.wake:
            self.port.write(command)
        if frame is not None:
            return frame
        frame = yield from self.newest(self.waking)
        if frame is None and not self.heard:
            # Opened again by the next reading: another device may stand behind this path by then.
            error = self.nothing(self.silence + self.answers + self.waking)
            self.port.close()
            raise error
        self._warm_at = clock.now() + self.warming_up
        return frame

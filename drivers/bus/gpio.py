"""GPIO lines over gpiozero: opened when used, errors named, the line given back when closed.

gpiozero is imported on first use. By default only its backend lgpio is used: the others write to registers that a Pi 5
does not have. A factory that is already set (by a test, or GPIOZERO_PIN_FACTORY) is used as it is.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import importlib
import os
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..errors import AccessDenied, AdapterGone, BusError, PermanentError, TransientError

# Labels of the gpiochips behind the 40-pin header.
HEADER_CHIPS = ("pinctrl-rp1", "pinctrl-bcm2711", "pinctrl-bcm2835")
GPIO_GET_CHIPINFO = 0x8044B401  # linux/gpio.h: name[32], label[32], lines
# linux/gpio.h: name[32], consumer[32], offset, …; 256 bytes.
GPIO_V2_GET_LINEINFO = 0xC100B405
# lgpio's message for -78: the gpiochip is absent, or this user may not open it.
CHIP_SHUT = "can not open gpiochip"
CURES = {
    "PinUnknownPi": "this is no Raspberry Pi; on a desktop, run with --simulate",
    "PinFixedPull": "this pin has a resistor on the board: leave `pull` as it is there (GPIO2 and 3: up)",
}
PULLS = {"up": True, "down": False, "none": None}
INSTALL = "install lgpio: `sudo apt install python3-lgpio`, or `pip install lgpio`"

_making = threading.Lock()


def factory() -> Any:
    """Return gpiozero's pin factory, made at the first call.

    Raises:
        PermanentError: no backend, no GPIO on this machine. AccessDenied: no right to use it.
    """
    with _making, named("gpio"):
        from gpiozero import Device

        if Device.pin_factory is None:
            chosen = os.environ.get("GPIOZERO_PIN_FACTORY")
            if chosen and chosen != "lgpio":
                Device.ensure_pin_factory()
            else:
                Device.pin_factory = _lgpio_factory()
        return Device.pin_factory


def _lgpio_factory() -> Any:
    _import_lgpio()
    if not list(Path("/dev").glob("gpiochip*")):
        raise PermanentError("gpio: this machine has no /dev/gpiochip*; on a desktop, run with --simulate")
    module = importlib.import_module("gpiozero.pins.lgpio")
    return module.LGPIOFactory(chip=header_chip())


def _import_lgpio() -> None:
    """Import lgpio in a temporary folder: it creates a FIFO in the current one, and changes to LG_WD (lg 0.2.2)."""
    if "lgpio" in sys.modules:
        return
    stands, wanted = Path.cwd(), os.environ.get("LG_WD")
    with tempfile.TemporaryDirectory(prefix="limpet-lgpio-") as folder:
        os.environ["LG_WD"] = wanted or folder
        try:
            importlib.import_module("lgpio")
        finally:
            os.chdir(stands)
            if wanted is None:
                del os.environ["LG_WD"]


def header_chip(dev: str = "/dev") -> int | None:
    """Return the number of the gpiochip behind the 40-pin header, found by its label, since kernels renumber them."""
    found = {}
    # Descending, so that of several with one label the lowest number is kept.
    for node in sorted(Path(dev).glob("gpiochip*"), reverse=True):
        info = _ask(node, GPIO_GET_CHIPINFO, bytearray(68))
        found[_text(info[32:64])] = node.name.removeprefix("gpiochip")
    return next((int(found[label]) for label in HEADER_CHIPS if found.get(label, "").isdigit()), None)


def consumer(pin: int, dev: str = "/dev") -> str:
    """Return the kernel's name for the consumer of a line; empty if that is unknown."""
    question = bytearray(256)
    question[64:68] = pin.to_bytes(4, sys.byteorder)
    return _text(_ask(Path(dev) / f"gpiochip{header_chip(dev) or 0}", GPIO_V2_GET_LINEINFO, question)[32:64])


def _ask(node: Path, request: int, argument: bytearray) -> bytearray:
    with contextlib.suppress(OSError):
        descriptor = os.open(node, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.ioctl(descriptor, request, argument)
            return argument
        finally:
            os.close(descriptor)
    return bytearray(len(argument))


def _text(raw: bytes | bytearray) -> str:
    return bytes(raw).split(b"\0")[0].decode("ascii", "replace")


@contextlib.contextmanager
def named(who: str, pin: int | None = None) -> Iterator[None]:
    """Translate errors of gpiozero, lgpio and the kernel into ours; other exceptions pass."""
    try:
        yield
    except (TransientError, PermanentError):
        raise
    except failures() as error:
        # gpiozero keeps a pin reserved as long as the frame of a failed constructor exists.
        traceback.clear_frames(error.__traceback__)
        raise _named(error, f"{who}: GPIO{pin}" if pin is not None else who, pin) from error


def failures() -> tuple[type[Exception], ...]:
    """Return what gpiozero, lgpio and the kernel raise where a line cannot be used."""
    kinds: list[type[Exception]] = [OSError, ImportError]
    if "gpiozero" in sys.modules:
        kinds.append(sys.modules["gpiozero"].GPIOZeroError)
    if hasattr(sys.modules.get("lgpio"), "error"):
        kinds.append(sys.modules["lgpio"].error)
    return tuple(kinds)


def _named(error: Exception, where: str, pin: int | None) -> Exception:
    kind, text = type(error).__name__, str(error).strip("'\"")
    number = getattr(error, "errno", None)
    if isinstance(error, ImportError):
        # gpiozero's BadPinFactory is one, too.
        lacks = getattr(error, "name", None) == "gpiozero"
        cure = "`pip install gpiozero`" if lacks else INSTALL
        return PermanentError(f"{where}: no {'gpiozero' if lacks else 'pin backend'} ({text}); {cure}")
    if number in (errno.EACCES, errno.EPERM) or (text == CHIP_SHUT and not _may_open()):
        return AccessDenied(f"{where}: no permission; `sudo usermod -aG gpio $USER`, then log in again")
    if kind == "GPIOPinInUse" or text == "GPIO busy" or number == errno.EBUSY:
        return PermanentError(f"{where} is busy: {_holder(kind, text, pin)}; one line serves one sensor")
    if "gpiozero" in sys.modules and isinstance(error, sys.modules["gpiozero"].GPIOZeroError):
        return PermanentError(f"{where}: {text}; {CURES.get(kind, 'check `pin` and `options`')}")
    if number in (errno.ENOENT, errno.ENODEV, errno.ENXIO) or text == CHIP_SHUT:
        return AdapterGone(f"{where}: the GPIO chip is gone ({text})", errno=number)
    return BusError(f"{where}: {text}", errno=number)


def _holder(kind: str, text: str, pin: int | None) -> str:
    if kind == "GPIOPinInUse":
        return f"{text} of this program"
    who = consumer(pin) if pin is not None else ""
    return f"{who!r} holds it; stop that program, or remove its dtoverlay" if who else "another program holds it"


def _may_open() -> bool:
    return all(os.access(node, os.R_OK | os.W_OK) for node in Path("/dev").glob("gpiochip*"))


class GpioLine:
    """One GPIO line. Nothing is opened before `open`; every method may be called from any thread.

    Args:
        pin: BCM number.
        who: the driver's name, for messages.
        pull: `up`, `down`, `none`.
        output: whether the line is driven (low at first) instead of read.
    """

    def __init__(self, pin: int, who: str, *, pull: str = "none", output: bool = False) -> None:
        self.pin, self.who, self.pull, self.output = pin, who, pull, output
        self.lock = threading.RLock()
        self._device: Any = None
        self._heard: Callable[[float, int], None] | None = None

    def open(self) -> None:
        """Open the line, closing it first if it is open; it listens to no edges yet.

        Raises:
            PermanentError: no backend, no such pin, or busy; the message says what to do. TransientError: it may heal.
        """
        self.close()
        maker = factory()
        with self.lock, named(self.who, self.pin):
            import gpiozero

            if self.output:
                self._device = gpiozero.OutputDevice(self.pin, pin_factory=maker)
                return
            pull = PULLS[self.pull]
            self._device = gpiozero.InputDevice(
                self.pin, pull_up=pull, active_state=True if pull is None else None, pin_factory=maker
            )

    def close(self) -> None:
        """Give the line back, to other programs as well. Never raises."""
        with self.lock:
            device, self._device, self._heard = self._device, None, None
            if device is None:
                return
            with contextlib.suppress(*failures()):
                maker, pin = device.pin_factory, device.pin
                pin.when_changed = None
                device.close()
                self._free(maker, pin)

    @staticmethod
    def _free(maker: Any, pin: Any) -> None:
        """Hand the line back to the kernel: gpiozero's lgpio pins keep it until the program ends (2.0.1)."""
        lgpio, handle = sys.modules.get("lgpio"), getattr(maker, "_handle", None)
        if lgpio is not None and handle is not None and maker.pins.pop(pin.info, None) is not None:
            lgpio.gpio_free(handle, int(pin.info.name.removeprefix("GPIO")))

    def read(self) -> int:
        """Return the level, 0 or 1, as it is on the wire."""
        with self.lock, named(self.who, self.pin):
            return int(bool(self._pin().state))

    def write(self, level: int) -> None:
        """Drive the line high or low."""
        with self.lock, named(self.who, self.pin):
            self._pin().state = bool(level)

    def listen(self, heard: Callable[[float, int], None] | None, edges: str = "both") -> None:
        """Call `heard(ticks, level)` on each edge, in a thread of the backend; None: stop. Ticks: see `seconds`."""
        with self.lock, named(self.who, self.pin):
            pin = self._pin()
            pin.when_changed = None
            self._heard = heard
            if heard is not None:
                pin.edges = edges
                pin.when_changed = self._edge

    def seconds(self, later: float, earlier: float) -> float:
        """Return the seconds between the ticks of two edges, kernel time where the backend has it."""
        with self.lock, named(self.who, self.pin):
            return float(self._pin().factory.ticks_diff(later, earlier))

    def _pin(self) -> Any:
        if self._device is None or self._device.pin is None:
            raise BusError(f"{self.who}: GPIO{self.pin} is closed")
        return self._device.pin

    def _edge(self, ticks: float, level: int) -> None:
        heard = self._heard
        if heard is not None and level in (0, 1):
            # lgpio says 2 when its watchdog fires
            with contextlib.suppress(TransientError, PermanentError):
                # closed meanwhile; the thread serves all pins
                heard(ticks, int(level))

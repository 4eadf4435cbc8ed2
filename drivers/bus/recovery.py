"""Recovery of a bus that a chip holds low: clock pulses, or a power cycle of the sensors. Opt-in.

Source: NXP UM10204 "I2C-bus specification", section "Bus clear": a chip that holds SDA low sends a bit of a byte that
was broken off; within nine clocks it is through with it. One that holds SCL low is only helped by its reset or power.

A pin that is a wire of the bus belongs to the I2C controller: it is taken, and handed back with `pinctrl`. Two spare
pins, wired to SCL and SDA beside the controller's, need no such thing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from typing import Protocol

from ..errors import BusStuck, NotSupported
from .gpio import GpioLine, named

PULSES = 9
# Seconds without power, and until the chips have started.
OFF, SETTLING = 0.5, 0.1
# GPIO0..3: the wires of i2c-0 and i2c-1 on the header.
OF_CONTROLLERS = range(4)
# `pinctrl get 2`: " 2: a0    pu | hi // GPIO2 = SDA1".
FUNCTION = re.compile(r"^\s*\d+:\s+(\w+)\s+(?:-- )?(p[udn])?")

Pinctrl = Callable[..., str]


class Recovery(Protocol):
    """A way to free a stuck bus."""

    def steps(self) -> Generator[float, None, str]:
        """Try once, in the bus's thread; yield the waits; return a description of what was done.

        Raises:
            BusStuck: it did not help. TransientError, PermanentError: the pins cannot be used.
        """
        ...

    def close(self) -> None: ...


def recovery(
    kind: str,
    *,
    scl: int | None = None,
    sda: int | None = None,
    power: int | None = None,
    pinctrl: Pinctrl | None = None,
) -> Recovery | None:
    """Return the configured recovery: "pulses" with scl and sda, "power" with power; None for "off"."""
    if kind == "pulses" and scl is not None and sda is not None:
        return Pulses(scl, sda, pinctrl)
    if kind == "power" and power is not None:
        return Power(power)
    return None


def run_pinctrl(*arguments: str) -> str:
    """Return the output of Raspberry Pi OS's `pinctrl`.

    Raises:
        NotSupported: there is none, or it fails.
    """
    import subprocess

    try:
        done = subprocess.run(["pinctrl", *arguments], capture_output=True, text=True, timeout=2, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise NotSupported(
            f"pinctrl: {error}; it is of Raspberry Pi OS (`sudo apt install raspi-utils`): without it, wire two spare "
            f"pins to SCL and SDA and name those"
        ) from error
    return done.stdout


class OpenDrain(GpioLine):
    """An open-drain line: held low, or released so that the resistor pulls it up. Never driven high."""

    def hold_low(self) -> None:
        """Pull it low."""
        with self.lock, named(self.who, self.pin):
            self._pin().output_with_state(False)

    def let_go(self) -> None:
        """Release it."""
        with self.lock, named(self.who, self.pin):
            self._pin().input_with_pull("up")


class Pulses:
    """Nine clock pulses and a stop condition.

    Args:
        scl, sda: BCM numbers.
        pinctrl: reads and sets the function of a pin; None where pins have only one (a simulation).
    """

    def __init__(self, scl: int, sda: int, pinctrl: Pinctrl | None = run_pinctrl) -> None:
        self.pinctrl = pinctrl
        self.scl, self.sda = (OpenDrain(pin, "recovery", pull="up") for pin in (scl, sda))

    def steps(self) -> Generator[float, None, str]:
        """Send the pulses. They take a millisecond, so nothing is yielded.

        Raises:
            BusStuck: a line is still held low. NotSupported: the pins could not be handed back.
        """
        before = {line.pin: self._function(line.pin) for line in (self.scl, self.sda)}
        try:
            self._clear()
        finally:
            self.close()
            for pin, function in before.items():
                if function and self.pinctrl:
                    self.pinctrl("set", str(pin), *function)
        yield 0.0
        return f"{PULSES} clock pulses and a stop condition"

    def _clear(self) -> None:
        self.scl.open()
        self.sda.open()
        for _ in range(PULSES):
            self.scl.hold_low()
            self.scl.let_go()
        if not self.scl.read():
            raise BusStuck(f"GPIO{self.scl.pin}: SCL is held low; only the power or the reset of the chips can help")
        self.scl.hold_low()
        self.sda.hold_low()
        self.scl.let_go()
        self.sda.let_go()
        if not self.sda.read():
            raise BusStuck(f"GPIO{self.sda.pin}: SDA is still held low after {PULSES} pulses; try the power")

    def _function(self, pin: int) -> tuple[str, ...]:
        """Return what `pinctrl set` needs to hand the pin back; nothing for a spare one."""
        if self.pinctrl is None or pin not in OF_CONTROLLERS:
            return ()
        said = self.pinctrl("get", str(pin))
        found = FUNCTION.match(said)
        if found is None:
            raise NotSupported(f"pinctrl says {said[:60]!r} of GPIO{pin}: it could not be handed back afterwards")
        return tuple(word for word in found.groups() if word)

    def close(self) -> None:
        """Give the pins back."""
        self.scl.close()
        self.sda.close()


class Power:
    """The sensors' supply off and on. High is on; before the first time, the switch must be on by itself.

    Args:
        pin: BCM number of the pin that switches.
    """

    def __init__(self, pin: int) -> None:
        self.line = GpioLine(pin, "recovery", output=True)

    def steps(self) -> Generator[float, None, str]:
        """Switch off, wait, switch on. The pin stays driven, because the supply might go off if it were released."""
        # low
        self.line.open()
        yield OFF
        self.line.write(1)
        yield SETTLING
        return f"power off for {OFF:g} s"

    def close(self) -> None:
        """Give the pin back."""
        self.line.close()

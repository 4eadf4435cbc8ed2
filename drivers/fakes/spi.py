"""What every fake chip on SPI is: whole bytes in and out, on gpiozero's mock pins, clocked bit by bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from gpiozero.pins.mock import MockSPIDevice

from .pins import FakePin, MockPins

# BCM numbers of each port: clock, MOSI, MISO, and the chip selects.
# What an overlay may make a third select of port 0 is not simulated: it shares the second's pin.
PINS = {0: (11, 10, 9, (8, 7, 7)), 1: (21, 20, 19, (18, 17, 16))}


def place(options: dict[str, Any]) -> tuple[int, int]:
    """Return the port and the chip select of a fake."""
    return options.get("port", 0), options.get("select", 0)


class ByteSlave(MockSPIDevice):  # type: ignore[misc]
    """A slave that hears whole bytes: `begin()` returns the first byte to send, `hear(byte)` each following one."""

    def __init__(
        self, pins: MockPins, where: tuple[int, int], begin: Callable[[], int], hear: Callable[[int], int], phase: int
    ) -> None:
        clock, mosi, miso, selects = PINS[where[0]]
        super().__init__(clock, mosi, miso, selects[where[1]], clock_phase=bool(phase), pin_factory=pins.factory)
        # As the kernel leaves it: not selected.
        self.select_pin.drive_high()
        self.begin, self.hear = begin, hear

    def on_start(self) -> None:
        super().on_start()
        self.tx_word(self.begin(), 8)

    def on_bit(self) -> None:
        if self.rx_bit % 8 == 0:
            byte = 0
            for bit in self.rx_buf[-8:]:
                byte = byte << 1 | int(bit)
            self.tx_word(self.hear(byte), 8)


class FakeSpi(FakePin):
    """A chip on SPI.

    `unplugged`: MISO floats high; `stuck`: it is held low; `corrupt`: one bit of each message arrives wrong;
    `wrong_chip`: something else answers.
    """

    kinds: ClassVar[tuple[str, ...]] = ("unplugged", "nack", "stuck", "frozen", "corrupt", "wrong_chip")
    phase: ClassVar[int] = 0

    def __init__(self, **options: Any) -> None:
        self.messages = 0
        self.sent = 0
        self.slave: ByteSlave | None = None
        self._ahead = 0.0
        super().__init__(**options)

    def apply(self) -> None:
        if self.slave is None:
            self.power_on()
            self.slave = ByteSlave(self.pins, place(self.options), self._begin, self._hear, self.phase)

    def present(self) -> float:
        """Return its time, in seconds."""
        return self.clock() + self._ahead

    def elapse(self, seconds: float) -> None:
        """Let time pass for it alone."""
        self._ahead += seconds

    def power_on(self) -> None:
        """Take the state that the datasheet calls power-on."""

    def lose_power(self) -> None:
        """Forget everything, as after a blip of the supply."""
        self.power_on()

    def select(self) -> int:
        """Be selected; return the first byte to send."""
        raise NotImplementedError

    def exchange(self, byte: int) -> int:
        """Take a byte; return the next one to send."""
        raise NotImplementedError

    def _begin(self) -> int:
        self.messages, self.sent = self.messages + 1, 0
        return self._on_the_wire(self.select())

    def _hear(self, byte: int) -> int:
        self.sent += 1
        return self._on_the_wire(self.exchange(byte))

    def _on_the_wire(self, byte: int) -> int:
        if self.fault in ("unplugged", "nack"):
            return 0xFF
        if self.fault == "stuck":
            return 0x00
        if self.fault == "wrong_chip":
            return 0x42
        # Another bit in each message, so that no two of them agree.
        hit = self.fault == "corrupt" and self.sent == 1 + self.messages % 3
        return byte ^ 1 << self.messages % 8 if hit else byte


class FakeSpiRegisters(FakeSpi):
    """A chip of 8-bit registers: an address, with bit 7 for writing, then bytes from there on."""

    phase = 1
    count: ClassVar[int] = 16

    def __init__(self, **options: Any) -> None:
        self.bank = bytearray(self.count)
        self.address: int | None = None
        self.writes = False
        super().__init__(**options)

    def select(self) -> int:
        self.address = None
        return 0x00

    def exchange(self, byte: int) -> int:
        if self.address is None:
            self.writes, self.address = bool(byte & 0x80), byte & 0x7F
        else:
            if self.writes and self.address < self.count:
                self.store(self.address, byte)
            self.address += 1
        self.refresh()
        return self.bank[self.address] if self.address < self.count and not self.writes else 0x00

    def store(self, register: int, value: int) -> None:
        """Take a byte written to a register."""
        self.bank[register] = value

    def refresh(self) -> None:
        """Bring the registers up to date before they are read."""

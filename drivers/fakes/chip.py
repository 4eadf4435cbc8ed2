"""What every fake chip is: whole messages in, whole messages out, values in SI units, power that can be lost.

A fake is written from the datasheet and never imports the driver that it rehearses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, ClassVar


class Nack(Exception):
    """The chip does not acknowledge: its address, or the byte that it was sent."""

    def __init__(self, *, data: bool = False) -> None:
        super().__init__("data" if data else "address")
        self.data = data


class Stuck(Exception):
    """The chip holds a line of the bus low: no transfer ends."""


class FakeChip:
    """A chip at register level. Set the world with `feel(temperature=…)`; what it feels survives a loss of power.

    Attributes:
        addresses: those that the real chip can have, the default first.
        senses: the quantities it feels, with what it feels at first.
        parts: the quantities whose element can fail while the others go on.
        unlike: what the laws must know of a chip that is unlike others: `settles` (seconds until it knows), `transfers`
            (of a reading), `always_at_work`, `sleeps` (and refuses what wakes it), `slower` (than its datasheet, 1.1),
            `steps` ({quantity: how many}).
        clock: seconds, monotonic; handed in by the bus that the chip is put on.
    """

    name: ClassVar[str] = ""
    addresses: ClassVar[tuple[int, ...]] = ()
    senses: ClassVar[dict[str, float]] = {}
    parts: ClassVar[tuple[str, ...]] = ()
    unlike: ClassVar[Mapping[str, Any]] = MappingProxyType({})

    def __init__(self, **world: float) -> None:
        self.broken: set[str] = set()
        self.clock: Callable[[], float] = lambda: 0.0
        self.world = {**self.senses}
        self.frozen = False
        self.busy_until = self.powered_at = 0.0
        self.feel(**world)
        self.power_on()

    def feel(self, **world: float) -> None:
        """Change what the chip feels, in SI units; a frozen chip does not notice.

        Raises:
            TypeError: the chip cannot feel this.
        """
        if unknown := world.keys() - self.senses.keys():
            raise TypeError(f"a {self.name} feels {', '.join(self.senses)}, not {', '.join(sorted(unknown))}")
        if not self.frozen:
            self.world.update(world)

    def break_part(self, quantity: str) -> None:
        """Let the element of one quantity fail, for good: the chip shows what its datasheet says of that.

        Raises:
            TypeError: it cannot fail alone.
        """
        if quantity not in self.parts:
            raise TypeError(f"of a {self.name} {', '.join(self.parts) or 'nothing'} can fail alone, not {quantity}")
        self.broken.add(quantity)

    def mend(self) -> None:
        """Let all elements work again."""
        self.broken.clear()

    def attach(self, clock: Callable[[], float]) -> None:
        """Be put on a bus whose time is `clock`, and powered."""
        self.clock = clock
        self.lose_power()

    def lose_power(self) -> None:
        """Forget everything and start again, as after a blip of the supply."""
        self.powered_at = self.clock()
        self.busy_until = 0.0
        self.power_on()

    def busy_for(self, seconds: float) -> None:
        """Be at work for so long."""
        self.busy_until = self.clock() + seconds

    @property
    def busy(self) -> bool:
        """Whether the chip is still at work."""
        return self.clock() < self.busy_until - 1e-9

    def power_on(self) -> None:
        """Take the state that the datasheet calls power-on."""

    def on_write(self, data: bytes) -> None:
        """Receive one message (never empty). Raise `Nack` to refuse it."""

    def on_read(self, length: int) -> bytes:
        """Send one message of `length` bytes. Raise `Nack` to refuse."""
        raise NotImplementedError

    def on_stop(self) -> None:
        """See the end of a transfer, with whomever it was."""

    def behind(self, address: int) -> Iterator[FakeChip]:
        """Yield the chips at `address` that this one connects to the bus now: only a multiplexer has any."""
        yield from ()

    def everyone(self) -> Iterator[tuple[int, FakeChip]]:
        """Yield (address, chip) of all chips behind this one, connected or not."""
        yield from ()


class FakeRegisters(FakeChip):
    """A chip of 8-bit registers behind a pointer: the first byte written is the pointer, data follows."""

    writes_advance = True

    def __init__(self, **world: float) -> None:
        self.bank = bytearray(256)
        self.pointer = 0
        super().__init__(**world)

    def lose_power(self) -> None:
        self.bank = bytearray(256)
        self.pointer = 0
        super().lose_power()

    def on_write(self, data: bytes) -> None:
        self.pointer = data[0]
        if self.writes_advance:
            for offset, value in enumerate(data[1:]):
                self.store((data[0] + offset) & 0xFF, value)
        else:
            # (register, value) pairs.
            for register, value in zip(data[0::2], data[1::2], strict=False):
                self.store(register, value)

    def on_read(self, length: int) -> bytes:
        self.refresh()
        return bytes(self.bank[(self.pointer + i) & 0xFF] for i in range(length))

    def store(self, register: int, value: int) -> None:
        """Take a byte written to a register; override where a write means something or is refused."""
        self.bank[register] = value

    def refresh(self) -> None:
        """Bring the registers up to date before they are read."""

    def fill(self, register: int, data: bytes) -> None:
        """Put bytes into the bank from `register` on."""
        self.bank[register : register + len(data)] = data


class FakeWords(FakeChip):
    """A chip of 16-bit registers behind a pointer; `order` is their byte order on the wire."""

    order: ClassVar[Any] = "big"
    defaults: ClassVar[dict[int, int]] = {}

    def __init__(self, **world: float) -> None:
        self.bank: dict[int, int] = {}
        self.pointer = 0
        super().__init__(**world)

    def lose_power(self) -> None:
        self.bank = {}
        self.pointer = 0
        super().lose_power()

    def power_on(self) -> None:
        self.bank.update(self.defaults)

    def on_write(self, data: bytes) -> None:
        self.pointer = data[0]
        if len(data) >= 3:
            self.store(data[0], int.from_bytes(data[1:3], self.order))

    def on_read(self, length: int) -> bytes:
        self.refresh()
        return self.bank.get(self.pointer, 0).to_bytes(2, self.order).ljust(length, b"\xff")[:length]

    def store(self, register: int, value: int) -> None:
        """Take a word written to a register; override where a write means something or is refused."""
        self.bank[register] = value

    def refresh(self) -> None:
        """Bring the registers up to date before they are read."""


def crc8(data: bytes, start: int = 0xFF, polynomial: int = 0x31) -> int:
    """Return a CRC-8, bit by bit: on purpose not the drivers' code."""
    crc = start
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ (polynomial if crc & 0x80 else 0)) & 0xFF
    return crc


def word(value: int, start: int = 0xFF) -> bytes:
    """Return a 16-bit word followed by its CRC-8, as Sensirion's chips send it."""
    data = value.to_bytes(2, "big")
    return data + bytes([crc8(data, start)])


def clamp(value: float, low: int, high: int) -> int:
    """Return the nearest whole number within low..high."""
    return max(low, min(high, round(value)))


def solve(low: int, high: int, wanted: float, formula: Callable[[int], float]) -> int:
    """Return the raw number in low..high at which a monotonic `formula` comes nearest to `wanted`."""
    rising = formula(high) > formula(low)
    while high - low > 1:
        middle = (low + high) // 2
        if (formula(middle) < wanted) == rising:
            low = middle
        else:
            high = middle
    return min((low, high), key=lambda raw: abs(formula(raw) - wanted))

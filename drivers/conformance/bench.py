"""A bench for the laws: one driver, its fake, a wire on which every message can go wrong, in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from .. import PermanentError, TransientError, catalog, open_chip
from ..fakes import FakeBus, FakeChip, FakeTime, fake_chip
from ..fakes.kernel import READ
from .exceptions import RELATIVE, SETTLES, STEPS

I2C_DRIVERS = sorted(name for name in catalog.ours("chips") if catalog.find(name).addresses)
ADAPTERS = ("bcm2835", "designware", "gpio")

Happening = Callable[["EventfulBus", int, bytes, "int | None"], bytes]
# Whether it is a read, its length.
Message = tuple[bool, int]


class EventfulBus(FakeBus):
    """A fake bus that counts its messages, and lets things happen at planned ones.

    Attributes:
        plan: number of a message -> what happens to it.
        rule: what happens to every message, if anything.
        seen: the transfers so far, each a list of messages.
        refused: transfers that failed.
        at_work: transfers that met a chip at work.
    """

    def __init__(self, *args: Any, **more: Any) -> None:
        self.plan: dict[int, Happening] = {}
        self.rule: Happening | None = None
        self.seen: list[list[Message]] = []
        self.messages = self.refused = self.at_work = 0
        super().__init__(*args, **more)

    def _rdwr(self, messages: list[Any]) -> None:
        self.seen.append([(bool(m.flags & READ), m.len) for m in messages])
        self.at_work += any(m.addr in self.chips and self.chips[m.addr].busy for m in messages)
        try:
            super()._rdwr(messages)
        except OSError:
            self.refused += 1
            raise

    def exchange(self, address: int, data: bytes, length: int | None) -> bytes:
        number, self.messages = self.messages, self.messages + 1
        happening = self.plan.get(number, self.rule)
        return happening(self, address, data, length) if happening else self.through(address, data, length)

    def through(self, address: int, data: bytes, length: int | None) -> bytes:
        """Carry a message as the fake bus does."""
        return super().exchange(address, data, length)


def flip(byte: int, bit: int) -> Happening:
    """One bit of what is read arrives wrong."""

    def happening(wire: EventfulBus, address: int, data: bytes, length: int | None) -> bytes:
        answer = bytearray(wire.through(address, data, length))
        answer[byte] ^= 1 << bit
        return bytes(answer)

    return happening


def refuse(number: int) -> Happening:
    """The transfer fails with an errno."""

    def happening(wire: EventfulBus, address: int, data: bytes, length: int | None) -> bytes:
        raise OSError(number, "planned")

    return happening


def blip(wire: EventfulBus, address: int, data: bytes, length: int | None) -> bytes:
    """The chip loses its power for a moment, just before the message."""
    wire.chips[address].lose_power()
    return wire.through(address, data, length)


def level(byte: int) -> Happening:
    """A line that stays high (0xFF) or low (0x00): every write seems to arrive, every read is that byte."""
    return lambda wire, address, data, length: b"" if length is None else bytes([byte]) * length


class Bench:
    """One driver on a `EventfulBus` with its fake, in virtual time.

    Args:
        name: the driver's. adapter: the fake bus's.
        chip: what is really at the address, if not the driver's own fake. address: if not the driver's first.
    """

    def __init__(
        self, name: str, adapter: str = "bcm2835", chip: FakeChip | None = None, address: int | None = None
    ) -> None:
        self.name, self.time = name, FakeTime()
        self.chip = chip or fake_chip(name)
        self.address = address or catalog.find(name).addresses[0]
        self.bus = EventfulBus({self.address: self.chip}, clock=self.time, wait=self.time.sleep, adapter=adapter)
        self.driver = open_chip(name, self.bus, self.address)
        self.driver.sleep = self.time.sleep
        own = fake_chip(name)
        self.senses, self.unlike = own.senses, own.unlike
        self.settle()

    @property
    def noise(self) -> int:
        """How many digits each of the chip's samples is off at most, where it samples on and on."""
        return int(getattr(self.chip, "noise", 0))

    @noise.setter
    def noise(self, digits: int) -> None:
        if hasattr(self.chip, "noise"):
            self.chip.noise = digits

    def settle(self) -> None:
        """Let the chip's longest conversion pass, and whatever else it needs after power-on."""
        self.time.sleep(self.unlike.get("settles", SETTLES.get(self.name, 2.0)))

    def elsewhere(self, share: float) -> dict[str, float]:
        """Return a world that lies `share` of the way from the fake's first one to the far end of each range.

        What spans many powers of ten moves by `share` of itself, so that no range is left.
        """
        world = {}
        for quantity in self.driver.quantities:
            if quantity.name in self.senses:
                here = self.senses[quantity.name]
                if 0 < here < 0.02 * quantity.high:
                    world[quantity.name] = here * (1 + share)
                    continue
                far = max((quantity.low, quantity.high), key=lambda end, here=here: abs(end - here))  # type: ignore[misc]
                world[quantity.name] = here + share * (far - here)
        return world

    def outcome(self) -> str:
        """Read once: `truth`, `raised …` (for the whole, or for a part), or what is wrong with it."""
        began = self.time.now
        try:
            values = self.driver.read()
        except (TransientError, PermanentError) as error:
            result = f"raised {type(error).__name__}: {error}"
        except Exception as error:  # noqa: BLE001
            return f"CRASHED with {error!r}"
        else:
            missing = [f"{name}: {error!r}" for name, error in self.driver.missing.items()]
            result = self.lie(values) or (f"raised {'; '.join(missing)}" if missing else "truth")
        # The identity may be asked twice.
        longest = 2 * max(self.driver.takes, 0.5)
        took = self.time.now - began
        return result if took <= longest + 1e-6 else f"TOOK {took:.3f} s and {result}; at most {longest} s are allowed"

    def lie(self, values: Mapping[str, float]) -> str:
        """Return what is wrong with a reading, nothing if all that was told is what the fake feels."""
        for quantity in self.driver.quantities:
            if quantity.name not in self.senses or quantity.name not in values:
                continue
            felt, told = self.chip.world.get(quantity.name), values[quantity.name]
            if felt is None:
                return f"LIED: told {quantity.name} {told}, but the chip feels none"
            steps = self.unlike.get("steps", {}).get(quantity.name, STEPS.get((self.name, quantity.name), 1.0))
            allowed = steps * quantity.step
            allowed += self.noise * quantity.step
            allowed += RELATIVE.get((self.name, quantity.name), 0.0) * abs(felt) + 1e-9
            if abs(told - felt) > allowed:
                return f"LIED: told {quantity.name} {told:.6g}, felt {felt:.6g}, {allowed:.4g} is allowed"
        return ""

    def truth(self, tries: int = 1) -> str:
        """Read until it is the truth, at most `tries` times; return why not, or nothing."""
        for _ in range(tries):
            result = self.outcome()
            if result == "truth":
                return ""
            if not result.startswith("raised"):
                break
            self.settle()
        return result


@contextmanager
def bench(*args: Any, **more: Any) -> Iterator[Bench]:
    """Set a bench up, and close its bus."""
    one = Bench(*args, **more)
    try:
        yield one
    finally:
        one.bus.close()


# One for each reading, so that an old value is a wrong one.
WORLDS = (0.0, 0.13, 0.02, 0.2)


def adventure(name: str, adapter: str, at: int, happening: Happening, *, may_lie: bool = False) -> Iterator[str]:
    """Let something happen at one message, within four readings; yield whatever breaks the law.

    A reading is the truth or raises; of the two after the one that was hit, one is the truth. With `may_lie` the hit
    reading itself may be wrong, but nothing after it.
    """
    with bench(name, adapter) as one:
        one.bus.plan[at] = happening
        readings: list[str] = []
        began: list[int] = []
        for share in WORLDS:
            one.chip.feel(**one.elsewhere(share))
            one.settle()
            began.append(one.bus.messages)
            readings.append(one.outcome())
    struck = max(index for index, number in enumerate(began) if number <= at)
    for index, result in enumerate(readings):
        excused = index == struck and may_lie and result.startswith("LIED")
        if result != "truth" and not result.startswith("raised") and not excused:
            yield f"reading {index} (hit: {struck}) {result}"
    after = readings[struck + 1 : struck + 3]
    if after and "truth" not in after:
        yield f"did not recover from a hit in reading {struck}: {after}"


def clean(name: str, adapter: str = "bcm2835", readings: int = 2) -> list[Message]:
    """Return the messages of the first readings when nothing goes wrong."""
    with bench(name, adapter) as one:
        for share in WORLDS[:readings]:
            one.chip.feel(**one.elsewhere(share))
            one.settle()
            result = one.outcome()
            assert result == "truth", result
        return [message for transfer in one.bus.seen for message in transfer]

"""A fake kernel below smbus2: it answers open, close and ioctl, so that smbus2 and the drivers above are the real ones.

Three adapters are known by their behaviour: `bcm2835` (Pi Zero to 4), `designware` (Pi 5) and `gpio` (bit-banged).
"""

from __future__ import annotations

import errno
import fcntl
import functools
import operator
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

import smbus2.smbus2 as below
from smbus2 import SMBus

from .chip import FakeChip, Nack, Stuck
from .faults import Faults, InjectedFault, Stranger
from .smbus import Smbus
from .sockets import Sockets
from .time import now

READ = below.I2C_M_RD
EREMOTEIO, ETIMEDOUT, EOPNOTSUPP = 121, 110, 95  # Linux's numbers, also where the desktop has others
MOST_MESSAGES, LONGEST_MESSAGE = 42, 8192  # of one transfer (linux/i2c-dev.h, i2c-dev.c)


@dataclass(frozen=True, slots=True)
class Adapter:
    """How an I2C adapter of the Pi family behaves (i2c-bcm2835.c, i2c-designware-master.c, i2c-algo-bit.c)."""

    name: str
    absent: int = EREMOTEIO  # errno where no chip acknowledges the address
    refused: int = EREMOTEIO  # errno where a data byte is refused
    read_then_more: bool = True  # a read message that is not the last one
    many_addresses: bool = True  # messages to different addresses in one transfer
    empty_writes: bool = True
    smbus_blocks: bool = False  # SMBus block reads, whose length the chip says

    @property
    def functions(self) -> int:
        """What the adapter says that it can do (I2C_FUNCS)."""
        can = below.I2cFunc.I2C | below.I2cFunc.SMBUS_EMUL
        if self.smbus_blocks:
            can |= below.I2cFunc.SMBUS_READ_BLOCK_DATA
        return int(can if self.empty_writes else can & ~below.I2cFunc.SMBUS_QUICK)


ADAPTERS = {
    "bcm2835": Adapter("bcm2835", read_then_more=False),
    "designware": Adapter("designware", many_addresses=False, empty_writes=False),
    "gpio": Adapter("gpio", absent=errno.ENXIO, refused=errno.EIO, smbus_blocks=True),
}


class FakeBus(SMBus):
    """An smbus2.SMBus with register-level chips on it: `FakeBus({0x76: fake_chip("bme280")})`.

    Args:
        chips: address -> fake chip; `bus.chips` may be changed at any time to plug and unplug.
        adapter: one of `ADAPTERS`.
        clock: seconds, monotonic: the chips' time.
        wait: how a slow transfer takes its time, and a hanging one forever (None).
        seed: of the faults' dice.
    """

    def __init__(
        self,
        chips: Mapping[int, FakeChip] | None = None,
        *,
        name: str = "i2c-1",
        adapter: str = "bcm2835",
        clock: Callable[[], float] = now,
        wait: Callable[[float | None], object] | None = None,
        seed: int = 0,
    ) -> None:
        self.name, self.adapter, self.clock = name, ADAPTERS[adapter], clock
        self.chips = chips or {}
        self.claimed: set[int] = set()  # addresses that a kernel driver owns
        self.faults = Faults(Random(seed))
        self.transfers = 0
        self.log: list[tuple[int, int, bytes]] | None = None  # (address, flags, bytes) of each message, if a list
        self.began = clock()
        self._alone = threading.Lock()  # one transfer at a time, as the kernel locks an adapter
        self._meets: dict[int, set[str]] = {}  # address -> what faults do to the messages of this transfer
        self.released = threading.Event()  # set: transfers that hang return
        self.wait = wait or self.released.wait
        super().__init__(1)

    def plug(self, address: int, chip: FakeChip) -> None:
        """Put a chip on the bus; it powers up."""
        self.chips[address] = chip

    @property
    def chips(self) -> Sockets:
        """The chips by address. Putting one in plugs it, taking it out unplugs it."""
        return self._chips

    @chips.setter
    def chips(self, chips: Mapping[int, FakeChip]) -> None:
        self._chips = Sockets(self.clock, chips)

    def open(self, bus: int | str) -> None:
        """Open the fake: a descriptor of its own, answered by this object."""
        self.fd = os.open(os.devnull, os.O_RDWR)
        _BUSES[self.fd] = self
        self.funcs = below.I2cFunc(self.adapter.functions)

    def close(self) -> None:
        """Close it; a transfer that hangs returns."""
        self.released.set()
        if self.fd is not None:
            _BUSES.pop(self.fd, None)
        super().close()

    # ---- the kernel's side

    def ioctl(self, request: int, argument: Any) -> int:
        """Answer what /dev/i2c-N answers.

        Raises:
            OSError: with the errno of this adapter.
        """
        if request == below.I2C_FUNCS:
            argument.value = int(self.adapter.functions)
        elif request in (below.I2C_SLAVE, below.I2C_SLAVE_FORCE) and argument > 0x7F:
            raise OSError(errno.EINVAL, "Invalid argument")
        elif request == below.I2C_SLAVE:
            if argument in self.claimed:
                raise OSError(errno.EBUSY, "Device or resource busy")
            self.slave = argument
        elif request == below.I2C_SLAVE_FORCE:
            self.slave = argument
        elif request == below.I2C_PEC:
            self.checks_pec = bool(argument)
        elif request == below.I2C_RDWR:
            self._rdwr([argument.msgs[i] for i in range(argument.nmsgs)])
        elif request == below.I2C_SMBUS:
            self._smbus(argument)
        else:
            raise OSError(errno.ENOTTY, "Inappropriate ioctl for device")
        return 0

    slave = 0
    checks_pec = False

    def _rdwr(self, messages: list[Any]) -> None:
        adapter = self.adapter
        if not 0 < len(messages) <= MOST_MESSAGES or any(m.len > LONGEST_MESSAGE for m in messages):
            raise OSError(errno.EINVAL, "Invalid argument")
        if not adapter.read_then_more and any(m.flags & READ for m in messages[:-1]):
            raise OSError(EOPNOTSUPP, "Operation not supported")
        if not adapter.many_addresses and len({m.addr for m in messages}) > 1:
            raise OSError(errno.EINVAL, "Invalid argument")
        if not adapter.empty_writes and any(m.len == 0 for m in messages):
            raise OSError(EOPNOTSUPP, "Operation not supported")
        with self._transfer(*(m.addr for m in messages)):
            for message in messages:
                if message.flags & READ:
                    answer = self.exchange(message.addr, b"", message.len)
                    for index, byte in enumerate(answer[: message.len]):
                        message.buf[index] = byte
                else:
                    self.exchange(message.addr, bytes(message.buf[: message.len]), None)

    @contextmanager
    def _transfer(self, *addresses: int) -> Iterator[None]:
        """Frame one transfer: alone on the bus, faults at its beginning, a stop condition at its end."""
        with self._alone:
            self.transfers += 1
            now = self.clock() - self.began
            self._turn(now)
            self._meets = {a: {self._suffer(f) for f in list(self.faults.at(now, a))} for a in addresses}
            try:
                yield
            finally:
                for chip in list(self.chips.values()):
                    chip.on_stop()

    def exchange(self, address: int, data: bytes, length: int | None) -> bytes:
        """Carry one message through the faults to the chip: a write if `length` is None, else a read."""
        meets = self._meets.get(address, ())
        try:
            chips = self._reached(address)
            if "wrong_chip" in meets:
                chips = [Stranger()]
            answer = b"" if length is None and not data else self._ask(chips, data, length)
        except Stuck:
            raise OSError(ETIMEDOUT, "Connection timed out") from None
        except Nack as refusal:
            raise OSError(self.adapter.refused if refusal.data else self.adapter.absent, "not acknowledged") from None
        if self.log is not None:
            self.log.append((address, 0 if length is None else READ, data or answer))
        if "corrupt" in meets and answer:
            bit = self.faults.rng.randrange(8 * len(answer))
            answer = bytes(b ^ (1 << bit % 8 if i == bit // 8 else 0) for i, b in enumerate(answer))
        return answer

    def _reached(self, address: int) -> list[FakeChip]:
        """Return the chips that are reached at an address; more than one where a multiplexer connects a namesake."""
        here = self.chips.get(address)
        through = [far for chip in self.chips.values() if chip is not here for far in chip.behind(address)]
        if chips := ([here] if here else []) + through:
            return chips
        raise Nack

    @staticmethod
    def _ask(chips: list[FakeChip], data: bytes, length: int | None) -> bytes:
        """Let all of them hear a message, or speak at once: a line is low when any of them pulls it low."""
        answers: list[bytes] = []
        for chip in chips:
            try:
                if length is None:
                    chip.on_write(data)
                else:  # an open line floats high
                    answers.append(chip.on_read(length).ljust(length, b"\xff"))
            except Nack:
                if len(chips) == 1:
                    raise
        return bytes(functools.reduce(operator.and_, column) for column in zip(*answers, strict=False))

    def everyone(self) -> Iterator[tuple[int, FakeChip]]:
        """Yield each chip with its address, those behind multiplexers, too."""
        for address, chip in self.chips.items():
            yield address, chip
            yield from chip.everyone()

    def _turn(self, now: float) -> None:
        """Let happen what happens once: at the beginning of a fault, and at its end."""
        for fault in list(self.faults.all):
            hit = [c for a, c in self.everyone() if fault.address in (None, a)]
            if not fault.begun and now >= fault.at:
                fault.begun = True
                for chip in hit:
                    if fault.kind == "power_loss":
                        chip.lose_power()
                    chip.frozen = chip.frozen or fault.kind == "frozen"
            if fault.begun and not fault.ended and not fault.active(now):
                fault.ended = True
                for chip in hit:
                    if fault.kind in ("unplugged", "wrong_chip"):  # plugged in again: it starts from nothing
                        chip.lose_power()
                    elif fault.kind == "frozen":
                        chip.frozen = False
        self.faults.forget()

    def _suffer(self, fault: InjectedFault) -> str:
        """Raise what the fault does to a transfer, or take its time; return what it does to the messages."""
        if fault.kind in ("flaky", "corrupt") and not self.faults.strikes(fault):
            return ""
        if fault.kind in ("unplugged", "nack", "flaky"):
            raise OSError(self.adapter.absent, "not acknowledged")
        if fault.kind == "stuck":
            raise OSError(ETIMEDOUT, "Connection timed out")
        if fault.kind == "bug":
            raise TypeError("unsupported operand type(s): a bug in the driver, played by the scenario")
        if fault.kind == "slow":
            self.wait(fault.delay)
        elif fault.kind == "hang":
            left = None if fault.lasts is None else fault.at + fault.lasts - (self.clock() - self.began)
            self.wait(left)
            raise OSError(ETIMEDOUT, "Connection timed out")
        return fault.kind

    def _smbus(self, request: Any) -> None:
        if request.size == below.I2C_SMBUS_QUICK and not self.adapter.empty_writes:
            raise OSError(EOPNOTSUPP, "Operation not supported")
        with self._transfer(self.slave):
            Smbus(self.exchange, self.slave, pec=self.checks_pec, blocks=self.adapter.smbus_blocks).call(request)


_BUSES: dict[int, FakeBus] = {}
_real_ioctl = fcntl.ioctl


def _ioctl(descriptor: int, request: int, argument: Any = 0, *more: Any) -> Any:
    bus = _BUSES.get(descriptor)
    return _real_ioctl(descriptor, request, argument, *more) if bus is None else bus.ioctl(request, argument)


setattr(below, "ioctl", _ioctl)  # noqa: B010 - smbus2 looks the name up in its module: descriptors that are not ours go to the real one

"""Fake TCA9548A, from Texas Instruments' datasheet (SCPS207): a switch between the bus and eight more buses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from .chip import FakeChip, Stuck


class FakeTca9548a(FakeChip):
    """Each bit of its only register connects a channel, from the next stop condition on; none after power-on.

    Attributes:
        channels: channel 0 to 7 -> address -> chip.
        failing: channels on which a chip holds the line low; while one is connected, no transfer gets through.
    """

    name = "tca9548a"
    addresses = tuple(range(0x70, 0x78))

    def __init__(self, channels: Mapping[int, Mapping[int, FakeChip]] | None = None) -> None:
        self.channels = {n: dict((channels or {}).get(n, {})) for n in range(8)}
        self.failing: set[int] = set()
        super().__init__()

    def plug(self, channel: int, address: int, chip: FakeChip) -> None:
        """Put a chip on a channel; it powers up."""
        chip.attach(self.clock)
        self.channels[channel][address] = chip

    def attach(self, clock: Callable[[], float]) -> None:
        super().attach(clock)
        for _, chip in self.everyone():
            chip.attach(clock)

    def power_on(self) -> None:
        self.control = self.wanted = 0

    def on_write(self, data: bytes) -> None:
        self.wanted = data[-1]

    def on_stop(self) -> None:
        self.control = self.wanted

    def on_read(self, length: int) -> bytes:
        return bytes([self.control]) * length

    def everyone(self) -> Iterator[tuple[int, FakeChip]]:
        for chips in self.channels.values():
            for address, chip in chips.items():
                yield address, chip
                yield from chip.everyone()

    def behind(self, address: int) -> Iterator[FakeChip]:
        for channel, chips in self.channels.items():
            if not self.control >> channel & 1:
                continue
            if channel in self.failing:
                raise Stuck
            for at, chip in chips.items():
                if at == address:
                    yield chip
                else:
                    yield from chip.behind(address)

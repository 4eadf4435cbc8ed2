"""The chips on a fake bus, by address: putting one here plugs it in, taking it out unplugs it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .chip import FakeChip


class Sockets(dict[int, FakeChip]):
    """A dict whose chips power up when they are put into it; the same one put back has forgotten everything.

    Args:
        clock: seconds, monotonic: the chips' time.
    """

    def __init__(self, clock: Callable[[], float], *chips: Any, **more: Any) -> None:
        super().__init__()
        self.clock = clock
        self.update(*chips, **more)

    def __setitem__(self, address: int, chip: FakeChip) -> None:
        chip.attach(self.clock)
        super().__setitem__(address, chip)

    def update(self, *chips: Any, **more: Any) -> None:
        """Plug several."""
        for address, chip in dict(*chips, **more).items():
            self[address] = chip

    def __ior__(self, chips: Any) -> Sockets:  # type: ignore[override,misc]
        self.update(chips)
        return self

    def setdefault(self, address: int, chip: FakeChip | None = None) -> FakeChip:
        """Plug a chip unless there is one; return the chip that is there.

        Raises:
            TypeError: the address is free, and no chip was given.
        """
        if address not in self:
            if chip is None:
                raise TypeError(f"no chip was given for the free address 0x{address:02x}")
            self[address] = chip
        return self[address]

"""What every fake is that sits on no bus of messages: something that feels quantities, breaks and heals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class FakeDevice:
    """Set the world with `feel(temperature=…)`; `suffer(kind)` breaks it, `heal()` mends it.

    Attributes:
        senses: the quantities it feels, with what it feels at first.
        kinds: the faults it can have.
        world: what it feels now. fault: the one it has, if any.
    """

    name: ClassVar[str] = ""
    senses: Mapping[str, float] = {}
    kinds: ClassVar[tuple[str, ...]] = ("unplugged", "nack", "frozen")
    world: dict[str, float]
    fault = ""

    def feel(self, **world: float) -> None:
        """Change what it feels, in the units of its quantities; a frozen one does not notice.

        Raises:
            TypeError: it cannot feel this.
        """
        if unknown := world.keys() - self.senses.keys():
            raise TypeError(f"a {self.name} feels {', '.join(self.senses)}, not {', '.join(sorted(unknown))}")
        if self.fault != "frozen":
            self.world.update(world)
            self.apply()

    def suffer(self, kind: str) -> None:
        """Have a fault, one of `kinds`.

        Raises:
            ValueError: it cannot have this one.
        """
        if kind not in self.kinds:
            raise ValueError(f"a {self.name} can suffer {', '.join(self.kinds)}, not {kind}")
        self.fault = kind
        self.apply()

    def heal(self) -> None:
        """Be whole again."""
        self.fault = ""
        self.apply()

    def apply(self) -> None:
        """Make the outside show what is felt."""
        raise NotImplementedError

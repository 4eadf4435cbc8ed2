"""What accelerometers have in common: an identity register, samples at a rate of their own, three axes that may stop.

They have no checksum. What proves a sample is that two reads of it agree; where the first two do not, because the line
is bad or the next sample came in between, three have to. So the output rate is low enough for several transfers
between one sample and the next, on all but the slowest buses.
"""

from __future__ import annotations

import struct
from collections.abc import Generator, Mapping, Sequence
from typing import Any, ClassVar

from ..chip import I2cChip, Quantity, Untold
from ..errors import ChecksumError, LostPower, NotReady, WrongChip
from ..registers import Register

G = 9.80665  # m/s²
READS = 8  # of one sample, until enough agree
POLLS = 3  # of the flag of a new sample


def axes(
    name: str, unit: str, most: float, step: float, offsets: tuple[float, float, float] | None = None
) -> tuple[Quantity, ...]:
    """Return the quantities of three axes that reach from -most to most.

    Args:
        offsets: what each may show at rest, in `unit`: its accuracy.
    """
    accuracies = (None, None, None) if offsets is None else tuple(round(one, 3) for one in offsets)
    return tuple(
        Quantity(f"{name}_{axis}", unit, None, -most, most, step, accuracy=accuracy)
        for axis, accuracy in zip("xyz", accuracies, strict=True)
    )


class SampledChip(I2cChip):
    """A chip that samples on and on and says which samples are new.

    Attributes:
        identity_register, identity_is: where the identity stands, and what it is.
        identity: what was found there.
        others: what else may answer there, by its identity.
        period: seconds from one sample to the next, with a slow oscillator.
        layout: of a sample, as `struct` has it. noise: by how much each number of a chip at rest differs at most.
        closes: the setting behind the data, which closes a frame: read when it was written.
        shows_ready: whether the flag of a new sample was ever seen: from then on it is relied on.
    """

    identity_register: ClassVar[Register]
    identity_is: ClassVar[int]
    others: ClassVar[Mapping[int, str]] = {}
    period: ClassVar[float]
    layout: ClassVar[str] = "<3h"
    noise: ClassVar[tuple[int, ...]]
    identity = 0
    closes = 0
    shows_ready = False

    def identify(self) -> None:
        """Look at the identity register.

        Raises:
            WrongChip: something else answers.
        """
        found = self.identity = self.get(self.identity_register)
        if found != self.identity_is:
            hint = f"this is {self.others[found]}" if found in self.others else ""
            raise WrongChip(self.name, self.address, expected=self.identity_is, found=found, hint=hint)

    def frame(self) -> tuple[bool, bytes, bytes]:
        """Return whether the sample is new, the settings that are read with it, and the sample."""
        raise NotImplementedError

    def settings(self) -> bytes:
        """Return the settings as `frame` should show them."""
        raise NotImplementedError

    def first_sample(self) -> None:
        """Throw the first sample away, so that it cannot pass for a later one, and see whether it was called new."""
        new, before, data = self.frame()
        _, after, again = self.frame()
        if new and (before, data) == (after, again):
            self.shows_ready = True

    def sample(self) -> Generator[float, None, bytes]:
        """Return the bytes of a new sample.

        Raises:
            NotReady: no new sample came. LostPower: the settings are not as written.
            ChecksumError: the reads do not agree.
        """
        for _ in range(POLLS):
            new, settings, data = self.frame()
            if new or not self.shows_ready:
                break
            yield self.period
        else:
            raise NotReady(f"{self.name}: no new sample came; it stands still")
        frames = [(settings, data)]
        while len(frames) < READS:
            frames.append(self.frame()[1:])
            settings, data = frames[-1]
            if frames.count(frames[-1]) == min(len(frames), 3):
                break
        else:
            # On a slow bus each read is of another sample: those of a chip at rest differ by its noise. One that lost
            # its settings may sample faster than any bus reads, and move.
            if any(found == self.settings() for found, _ in frames):
                data = self._middle(frames)
        if settings != self.settings():
            raise LostPower(
                f"{self.name}: its settings are {settings.hex(' ')}, written was {self.settings().hex(' ')}"
            )
        return data

    def _middle(self, frames: Sequence[tuple[bytes, bytes]]) -> bytes:
        """Return the middle one of each number of several samples with the same settings.

        Raises:
            ChecksumError: they differ by more than the noise of the chip.
        """
        columns = list(zip(*(struct.unpack(self.layout, data) for _, data in frames), strict=True))
        noisy = any(max(column) - min(column) > noise for column, noise in zip(columns, self.noise, strict=True))
        if noisy or len({settings for settings, _ in frames}) > 1:
            raise ChecksumError(f"{self.name}: the reads of a sample do not agree; shorten or shield the cable")
        return struct.pack(self.layout, *(sorted(column)[len(column) // 2] for column in columns))

    def axis(self, name: str, value: float, stop: int) -> float | Untold:
        """Return an axis's value; at a stop (-1, 1) of the axis, or beyond its range, what is known of it.

        Args:
            stop: 1 where the axis stands at its upper end, -1 at the lower, 0 between them.
        """
        end = next(quantity.high for quantity in self.quantities if quantity.name == name)
        hint = f"take a larger `{'rotation_range' if name.startswith('rotation') else 'range'}`"
        if stop > 0 or value > end:
            return self.beyond(name, at_least=end, hint=hint)
        if stop < 0 or value < -end:
            return self.beyond(name, at_most=-end, hint=hint)
        return value


def one_of(value: Any, name: str, allowed: Sequence[int], unit: str) -> int:
    """Return an option's value.

    Raises:
        ValueError: it is not one of `allowed`.
    """
    if isinstance(value, bool) or value not in allowed:
        raise ValueError(f"{name}: {value!r} is none of {', '.join(map(str, allowed))} {unit}")
    return int(value)

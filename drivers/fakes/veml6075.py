"""Fake VEML6075, from Vishay's datasheet (84304) and application note (84339): words, least significant byte first."""

from __future__ import annotations

from .chip import FakeWords, clamp

CONFIG, UVA, DARK, UVB, VISIBLE, INFRARED, IDENTITY = 0x00, 0x07, 0x08, 0x09, 0x0A, 0x0B, 0x0C
SHUT_DOWN, FORCED, TRIGGER = 0x01, 0x02, 0x04
MILLISECONDS = (50, 100, 200, 400, 800)  # by bits 6:4
SLOW = 1.4  # a measurement takes more than its integration
SEEN = (40, 25)  # counts of visible light and infrared in 50 ms


class FakeVeml6075(FakeWords):
    """Feels the counts of UVA and UVB alone, of 50 ms; `uv_index` is felt as an equal share of both."""

    name = "veml6075"
    addresses = (0x10,)
    order = "little"
    senses = {"uva": 800.0, "uvb": 450.0}
    unlike = {"transfers": 26, "always_at_work": True}
    defaults = {IDENTITY: 0x0026}

    def feel(self, **world: float) -> None:
        if "uv_index" in world:
            index = world.pop("uv_index")
            world |= {"uva": index / 0.001461, "uvb": index / 0.002591}
        super().feel(**world)

    def power_on(self) -> None:
        super().power_on()
        self.bank[CONFIG] = 0
        self.begin()

    def begin(self) -> None:
        """Begin a measurement."""
        self.running = True
        self.busy_for(SLOW * self.milliseconds / 1000)

    @property
    def milliseconds(self) -> int:
        """Of one integration; the reserved settings work as the longest."""
        return MILLISECONDS[min(self.bank[CONFIG] >> 4 & 7, 4)]

    def store(self, register: int, value: int) -> None:
        self.refresh()
        if register != CONFIG:
            return
        self.bank[CONFIG] = value & 0x007B
        if value & SHUT_DOWN:
            self.running, self.busy_until = False, 0.0
        elif not value & FORCED or value & TRIGGER:
            self.begin()
        else:
            self.running, self.busy_until = False, 0.0

    def refresh(self) -> None:
        if not self.running or self.busy:
            return
        uva, uvb = self.world["uva"], self.world["uvb"]
        visible, infrared = SEEN
        if max(uva + 2.22 * visible + 1.33 * infrared, uvb + 2.95 * visible + 1.74 * infrared) > 0xFFFE:
            # A lamp of ultraviolet alone.
            visible = infrared = 0
        longer = self.milliseconds / 50
        for register, counts in (
            (UVA, uva + 2.22 * visible + 1.33 * infrared),
            (UVB, uvb + 2.95 * visible + 1.74 * infrared),
            (VISIBLE, visible),
            (INFRARED, infrared),
        ):
            self.bank[register] = clamp(counts * longer, 0, 0xFFFF)
        self.running = not self.bank[CONFIG] & FORCED
        if self.running:
            self.begin()

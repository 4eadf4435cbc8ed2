"""ROHM BH1750FVI: illuminance on I2C.

Source: ROHM "BH1750FVI" technical note, sections "Instruction Set Architecture" and "Electrical Characteristics".
"""

from __future__ import annotations

from collections.abc import Generator

from .. import crc
from ..chip import I2cChip, Quantity, Reading, Untold
from ..errors import InvalidReading, NoAcknowledge, WrongChip
from ..registers import Register

POWER_ON = b"\x01"
# Clears the result, so that an old one cannot pass for a new one.
RESET = b"\x07"
ONE_TIME_HIGH = b"\x20"
MEASURING_TAKES = 0.2  # 180 ms at most, and 10 %
RESULT = Register(0, 2)
SATURATED = 0xFFFF
USUAL_TIME, SHORT_TIME = 69, 31  # measurement time register: default and least

# What else has one of its addresses: a register, and what that answers. To a BH1750 these are no commands.
OTHERS = {"LPS22HB": (0x0F, b"\xb1"), "LTR-559": (0x86, b"\x92\x05")}

# Of measurements, until two in a row are alike: within a fiftieth, and two digits.
TRIES, ALIKE, DIGITS = 3, 0.02, 2


class Bh1750(I2cChip):
    """One BH1750. Measures on command only; where one result proves nothing, once more.

    It has no identity, no checksum and nothing that can be read back: a command or a measurement time that arrived
    damaged shows in the result alone. So every result is read twice, and told when the one before was like it; one that
    a line without a chip could show as well is measured again with another time, and an end of the scale is believed
    where the line does not acknowledge everything.
    """

    name = "bh1750"
    addresses = (0x23, 0x5C)
    takes = 1.3
    quantities = (Quantity("illuminance", "lx", "illuminance", 0.0, 121_552.0, 0.84, noisy=False),)

    # Whether it takes another measurement time: some clones do not.
    has_times = True
    # lx, of the measurement before.
    before: float | None = None

    def identify(self) -> None:
        """Make sure that no chip with registers answers that shows darkness, too; a result is cleared before.

        Raises:
            WrongChip: another chip answers that has one of these addresses.
        """
        self.write(POWER_ON)
        self.write(RESET)
        for name, (register, answer) in OTHERS.items():
            if self.write_read(bytes([register]), len(answer)) == answer:
                expected = "nothing, having no registers"
                raise WrongChip(self.name, self.address, expected=expected, found=f"as a {name}")

    def configure(self) -> None:
        """Wake the chip and see whether it takes a measurement time; one that refuses that twice does not."""
        self.write(POWER_ON)
        for _ in range(2):
            try:
                self._set_time(USUAL_TIME)
            except NoAcknowledge:
                self.write(POWER_ON)
                self.has_times = False
            else:
                self.has_times = True
                break

    def measure(self) -> Reading:
        """Return illuminance in lx; in too bright light, what is known of it.

        Where no two measurements are alike, the light itself changes: then the middle one is told.

        Raises:
            ChecksumError: the result read twice differs. InvalidReading: no chip drives the line.
        """
        seen: list[float] = []
        for _ in range(TRIES):
            told = yield from self._measured()
            # Darkness, and light beyond the scale, were measured twice.
            if not isinstance(told, float) or not told:
                return {"illuminance": told}
            before, self.before = self.before, told
            if before is not None and abs(told - before) <= ALIKE * before + lux(DIGITS):
                return {"illuminance": told}
            seen.append(told)
        return {"illuminance": sorted(seen)[TRIES // 2]}

    def _measured(self) -> Generator[float, None, float | Untold]:
        code = yield from self._once(USUAL_TIME)
        if code == 0:
            # dark, or power was lost while it measured, or it measures longer than it was told
            code = yield from self._once(USUAL_TIME)
        if code == 0:
            self.identify()
            return self._or_no_chip(0.0)
        if not is_doubtful(code):
            return lux(code, USUAL_TIME)
        time = SHORT_TIME if self.has_times else USUAL_TIME
        code = yield from self._once(time)
        if code == SATURATED:
            return self._or_no_chip(self.beyond("illuminance", at_least=lux(SATURATED, time)))
        if is_doubtful(code) and self.has_times:
            raise InvalidReading(f"{self.name}: 0x{code:04x} with another measurement time: no chip drives the line")
        return lux(code, time)

    def _or_no_chip(self, told: float | Untold) -> float | Untold:
        """Return what an end of the scale means, unless the line itself is stuck there.

        Raises:
            InvalidReading: the line acknowledges an address of no chip.
        """
        if self.device.acknowledges_everything():
            raise InvalidReading(f"{self.name}: the line acknowledges every address: no chip drives it")
        return told

    def _once(self, time: int) -> Generator[float, None, int]:
        if self.has_times:
            # each time: it cannot be read back, and a damaged one would stay
            self._set_time(time)
        # Asleep, it takes neither of the other two: with one of the wakings lost, no old result is read for a new one.
        for command in (POWER_ON, RESET, POWER_ON, ONE_TIME_HIGH):
            self.write(command)
        yield MEASURING_TAKES
        return RESULT.decode(crc.agreed(self.read_bytes(2), self.read_bytes(2)))

    def _set_time(self, time: int) -> None:
        self.write(bytes([0b01000_000 | time >> 5]))
        self.write(bytes([0b011_00000 | time & 0b11111]))


def is_doubtful(code: int) -> bool:
    """Return whether a line without a chip, or one that breaks off in a byte, could show this code as well."""
    high, low = divmod(code, 256)
    return high == low or low in (0x00, 0xFF)


def lux(code: int, time: int = USUAL_TIME) -> float:
    """Return lx from the 16-bit result of the high resolution mode at a measurement time (section "Measurement")."""
    return code / 1.2 * USUAL_TIME / time

"""Vishay VEML6075: UV index, and the counts of UVA and UVB, on I2C.

Sources: Vishay "VEML6075" datasheet (document 84304), section "Command Register Format"; application note "Designing
the VEML6075 into an Application" (document 84339) for the coefficients in open air, which are those of 50 ms; the
Linux driver veml6075.c for the time that a measurement takes.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

from ..chip import I2cChip, Quantity, Question, Reading, Untold
from ..errors import BeyondRange, ChecksumError, InvalidReading, LostPower, WrongChip
from ..registers import Field, Register

CONFIG, IDENTITY = Register(0x00, 2, "little"), Register(0x0C, 2, "little")
UVA, UVB = Register(0x07, 2, "little"), Register(0x09, 2, "little")
# Visible light and infrared, which both of them see as well.
VISIBLE, INFRARED = Register(0x0A, 2, "little"), Register(0x0B, 2, "little")
RESULTS = (UVA, UVB, VISIBLE, INFRARED)
# Of the identity; the upper byte tells the address.
DEVICE, DEVICE_ID = Field(7, 0), 0x26
# 50 ms, normal range, one measurement on command: shut down, begun, and over. All 0 after power-on.
SHUT_DOWN, BEGIN, OVER = 0x0003, 0x0006, 0x0002
# Seconds: up to 1.4 times the integration, and 10 % for the oscillator.
MEASURING_TAKES = 1.1 * 1.5 * 0.050
SATURATED = 0xFFFF
# Of visible light and infrared, in UVA and in UVB; UV index of a count of each.
A, B, C, D = 2.22, 1.33, 2.95, 1.74
UVA_RESPONSE, UVB_RESPONSE = 0.001461, 0.002591
MOST = SATURATED - 1
# Counts below 0 that are taken for darkness: a tenth of the scale.
CLIPPED = MOST / 10
MOST_INDEX = (MOST * UVA_RESPONSE + MOST * UVB_RESPONSE) / 2


class Veml6075(I2cChip):
    """One VEML6075, measuring on command. UVA and UVB are told without the visible light and infrared in them.

    No register holds a known byte other than 0 in its upper half: answers that break off there cannot be recognised.
    """

    name = "veml6075"
    addresses = (0x10,)
    questions = (Question(b"\x0c", 2, lambda answer: answer[0] == DEVICE_ID),)
    quantities = (
        Quantity("uv_index", "", None, 0.0, MOST_INDEX, 0.0021, noisy=False),
        Quantity("uva", "", None, 0.0, float(MOST), 1.0, noisy=False),
        Quantity("uvb", "", None, 0.0, float(MOST), 1.0, noisy=False),
    )

    # Of the measurement before.
    before: Sequence[int] = ()

    def identify(self) -> None:
        """Look at the identity register.

        Raises:
            WrongChip: something else answers.
        """
        found = DEVICE.of(self.get(IDENTITY))
        if found != DEVICE_ID:
            raise WrongChip(self.name, self.address, expected=DEVICE_ID, found=found)

    def measure(self) -> Reading:
        """Return the UV index, and the counts of UVA and UVB, of one measurement; beyond the scale, what is known.

        Raises:
            LostPower: the configuration is gone. ChecksumError: two reads differ. InvalidReading: more visible light
            or infrared than there is light.
        """
        counts = yield from self._counts()
        if counts == self.before or not any(counts):
            # They may be those, or those of power-on, and the command was lost: measured once more.
            counts = yield from self._counts()
        self.before = counts
        return self._told(*counts)

    def _counts(self) -> Generator[float, None, list[int]]:
        self.put(CONFIG, SHUT_DOWN)
        self.command(CONFIG, BEGIN, has_begun)
        yield MEASURING_TAKES
        # The results stand still until the next command.
        counts = [self.get(register) for register in RESULTS]
        # Both are read between the two: a line that fails for a moment cannot damage both unseen.
        config, identity = self.get(CONFIG), DEVICE.of(self.get(IDENTITY))
        if counts != [self.get(register) for register in RESULTS]:
            raise ChecksumError(f"{self.name}: two reads of one result differ; shorten or shield the cable")
        if not has_begun(config) or (identity != DEVICE_ID and not self.lenient):
            raise LostPower(f"{self.name}: its configuration is 0x{config:04x}, written was 0x{BEGIN:04x}")
        return counts

    def _told(self, uva: int, uvb: int, visible: int, infrared: int) -> dict[str, float | Untold]:
        if SATURATED in (visible, infrared):
            too_bright = BeyondRange(f"{self.name}: too much visible light or infrared to tell ultraviolet in it")
            return dict.fromkeys(("uv_index", "uva", "uvb"), too_bright)
        a, b = uva_counts(uva, visible, infrared), uvb_counts(uvb, visible, infrared)
        if min(a, b) < -CLIPPED:
            raise InvalidReading(f"{self.name}: more visible light and infrared than light ({a:.0f}, {b:.0f})")
        a, b = max(0.0, a), max(0.0, b)
        told: dict[str, float | Untold] = {"uv_index": index(a, b), "uva": a, "uvb": b}
        if uva == SATURATED:
            told["uva"] = self.beyond("uva", at_least=a)
        if uvb == SATURATED:
            told["uvb"] = self.beyond("uvb", at_least=b)
        if SATURATED in (uva, uvb):
            told["uv_index"] = self.beyond("uv_index", at_least=index(a, b))
        return told


def has_begun(config: int) -> bool:
    """Return whether a measurement was begun, and is under way or over."""
    return config in (BEGIN, OVER)


def uva_counts(uva: int, visible: int, infrared: int) -> float:
    """Return the counts that are of UVA alone ("UVAcalc")."""
    return uva - A * visible - B * infrared


def uvb_counts(uvb: int, visible: int, infrared: int) -> float:
    """Return the counts that are of UVB alone ("UVBcalc")."""
    return uvb - C * visible - D * infrared


def index(uva: float, uvb: float) -> float:
    """Return the UV index from both ("UVI = (UVIA + UVIB) / 2")."""
    return (uva * UVA_RESPONSE + uvb * UVB_RESPONSE) / 2

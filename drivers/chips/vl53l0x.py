"""ST VL53L0X: distance by time of flight on I2C.

Sources: STMicroelectronics "VL53L0X" datasheet (DocID029104), section "I2C interface - reference registers"; the
start-up sequence and its unexplained numbers are those of ST's API (STSW-IMG005), as all open drivers have them.
"""

from __future__ import annotations

from collections.abc import Generator

from .. import crc
from ..chip import I2cChip, Quantity, Question, Reading, Untold, Waits
from ..errors import BeyondRange, InvalidReading, LostPower, NotReady, WrongChip
from ..registers import Field, Register

IDENTITY, IDENTITY_IS = Register(0xC0, 3), 0xEEAA10
START, SEQUENCE, INTERRUPT, CLEAR = 0x00, 0x01, 0x0A, 0x0B
# Bytes from there: ready, status, nine others, distance.
READY, READY_BITS, FRAME = 0x13, 0x07, 13
# What the status says, by the words of ST's API: a target in range; too little signal, or a phase that fits none;
# a target nearer than the range begins.
STATUS, IN_RANGE, NO_TARGET, TOO_NEAR = Field(6, 3), 11, (4, 6, 9), (8, 10)
DISTANCE = Register(0x1E, 2)
STOP_VARIABLE, LIMITS, GOOD_SPADS, SPAD_STATE, SPAD_INFO, INTERRUPT_LEVEL = 0x91, 0x60, 0xB0, 0x83, 0x92, 0x84
STEPS = 0xE8  # of a measurement
FARTHEST = 2000.0  # mm; without a target the chip says 8190 or 8191
BOOTING_TAKES, MEASURING_TAKES = 0.0015, 0.037  # 1.2 and 33 ms, and 10 %
CALIBRATING_TAKES, POLLS = 0.011, 4

PRIVATE_ON = bytes.fromhex("8001 ff01 0000")
PRIVATE_OFF = bytes.fromhex("0001 ff00 8000")
TO_SPAD_INFO = bytes.fromhex("ff07 8101 8001 946b 8300")
SPAD_MAP_RULES = bytes.fromhex("ff01 4f00 4e2c ff00 b6b4")
TUNING = bytes.fromhex(
    "ff01 0000 ff00 0900 1000 1100 2401 25ff 7500 ff01 4e2c 4800 3020 ff00 3009 5400 3104 3203 4083 4625 6000 2700"
    "5006 5100 5296 5608 5730 6100 6200 6400 6500 66a0 ff01 2232 4714 49ff 4a00 ff00 7a0a 7b00 7821 ff01 2334 4200"
    "44ff 4526 4605 4040 0e06 201a 4340 ff00 3403 3544 ff01 3104 4b09 4c05 4d04 ff00 4400 4520 4708 4828 6700 7004"
    "7101 72fe 7600 7700 ff01 0d01 ff00 8001 01f8 ff01 8e01 0001 ff00 8000"
)


class Vl53l0x(I2cChip):
    """One VL53L0X, one measurement of 33 ms per reading. Two on a bus need their XSHUT pins wired."""

    name = "vl53l0x"
    addresses = (0x29,)
    questions = (Question(b"\xc0", 3, lambda found: IDENTITY.decode(found) == IDENTITY_IS),)
    takes = 0.7
    quantities = (Quantity("distance", "mm", "distance", 0.0, FARTHEST, 1.0),)
    stop_variable, witness = 0, b""

    def identify(self) -> Waits:
        """Look at the three reference registers.

        Raises:
            WrongChip: something else answers.
        """
        yield BOOTING_TAKES
        found = self.get(IDENTITY)
        if found != IDENTITY_IS:
            # a set-up that broke off may have left another page of registers open
            self._pairs(b"\xff\x00\x80\x00")
            found = self.get(IDENTITY)
        if found != IDENTITY_IS:
            hint = "" if found >> 16 != 0xEA else "a VL53L1X has the same address"
            raise WrongChip(self.name, self.address, expected=IDENTITY_IS, found=found, hint=hint)

    def configure(self) -> Waits:
        """Go through ST's start-up: detectors (SPADs), tuning, both calibrations.

        Raises:
            NotReady: a step did not end.
        """
        self._pairs(b"\x88\x00" + PRIVATE_ON)
        self.stop_variable = self._byte(STOP_VARIABLE)
        self._pairs(PRIVATE_OFF)
        # no limits of the signal before the final range
        self._pairs(bytes([LIMITS, self._byte(LIMITS) | 0x12]))
        # signal of at least 0.25 MCPS
        self.write(bytes.fromhex("44 0020"))
        self._pairs(bytes([SEQUENCE, 0xFF]))
        try:
            count, aperture = yield from self._spads()
            good = self.write_read(bytes([GOOD_SPADS]), 6)
            self._pairs(SPAD_MAP_RULES)
            self.write(bytes([GOOD_SPADS]) + spad_map(good, count, aperture))
        except NotReady:
            # it does not name its detectors: they stay as they are
            self._pairs(b"\x81\x00\xff\x06\x83\x00\xff\x01" + PRIVATE_OFF)
            if self._byte(SEQUENCE) != 0xFF:
                raise LostPower(f"{self.name}: power was lost while it was set up") from None
        self._pairs(TUNING)
        self._pairs(bytes([INTERRUPT, 0x04, INTERRUPT_LEVEL, self._byte(INTERRUPT_LEVEL) & ~0x10, CLEAR, 0x01]))
        yield from self._calibrate()
        self._pairs(bytes([SEQUENCE, STEPS]))
        self.witness = self._witness()

    def _calibrate(self) -> Waits:
        # voltage, then phase
        for step, kind in ((0x01, 0x41), (0x02, 0x01)):
            self._pairs(bytes([SEQUENCE, step, START, kind]))
            yield from self._wait(READY, READY_BITS, CALIBRATING_TAKES)
            self._pairs(bytes([CLEAR, 0x01, START, 0x00]))

    def measure(self) -> Reading:
        """Return distance in mm; without a target in range, what is known of it.

        Raises:
            NotReady: the measurement did not end. LostPower: the set-up is gone.
            ChecksumError: two reads differ. InvalidReading: the chip says that it could not measure.
        """
        self._pairs(bytes([CLEAR, 0x01]) + PRIVATE_ON + bytes([STOP_VARIABLE, self.stop_variable]) + PRIVATE_OFF)
        self._pairs(bytes([START, 0x01]))
        for _ in range(POLLS):
            yield MEASURING_TAKES
            frame = self.write_read(bytes([READY]), FRAME)
            if frame[0] & READY_BITS:
                break
        else:
            raise NotReady(f"{self.name}: the measurement did not end")
        # The witness is read between the two: a line that fails for a moment cannot damage both frames unseen.
        witness = self._witness()
        crc.agreed(frame, self.write_read(bytes([READY]), FRAME))
        if witness != self.witness:
            raise LostPower(f"{self.name}: the set-up is gone")
        return {"distance": self._told(STATUS.of(frame[1]), float(DISTANCE.decode(frame[-2:])))}

    def _told(self, status: int, distance: float) -> float | Untold:
        if status in NO_TARGET or (status == IN_RANGE and distance > FARTHEST):
            return self.beyond("distance", at_least=FARTHEST, hint="there is no target in range")
        if status in TOO_NEAR:
            return BeyondRange(f"{self.name}: the target is nearer than its range begins")
        if status != IN_RANGE:
            raise InvalidReading(f"{self.name}: it could not measure (status {status}, {distance:g} mm)")
        return distance

    def _spads(self) -> Generator[float, None, tuple[int, bool]]:
        self._pairs(PRIVATE_ON + b"\xff\x06")
        self._pairs(bytes([SPAD_STATE, self._byte(SPAD_STATE) | 0x04]) + TO_SPAD_INFO)
        yield from self._wait(SPAD_STATE, 0xFF, 0.002)
        self._pairs(bytes([SPAD_STATE, 0x01]))
        info = self._byte(SPAD_INFO)
        self._pairs(b"\x81\x00\xff\x06")
        self._pairs(bytes([SPAD_STATE, self._byte(SPAD_STATE) & ~0x04]) + b"\xff\x01" + PRIVATE_OFF)
        return info & 0x7F, bool(info & 0x80)

    def _wait(self, register: int, bits: int, takes: float) -> Waits:
        for _ in range(POLLS):
            yield takes
            if self._byte(register) & bits:
                return
        raise NotReady(f"{self.name}: register 0x{register:02x} did not become ready")

    def _witness(self) -> bytes:
        settings = self.write_read(bytes([SEQUENCE]), INTERRUPT - SEQUENCE + 1)
        return settings[:1] + settings[-1:]

    def _byte(self, register: int) -> int:
        return self.write_read(bytes([register]), 1)[0]

    def _pairs(self, pairs: bytes) -> None:
        for at in range(0, len(pairs), 2):
            self.write(pairs[at : at + 2])


def spad_map(good: bytes, count: int, aperture: bool) -> bytes:
    """Return the map of the first `count` good reference detectors; those with an aperture begin at the 12th."""
    chosen = [n for n in range(12 if aperture else 0, 48) if good[n // 8] >> n % 8 & 1][:count]
    return bytes(sum(1 << n % 8 for n in chosen if n // 8 == byte) for byte in range(6))

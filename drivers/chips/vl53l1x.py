"""ST VL53L1X: distance by time of flight, up to 4 m, on I2C.

Sources: STMicroelectronics "VL53L1X" datasheet (DocID031281) for addresses, timing and range; its ultra lite driver
(STSW-IMG009, described in UM2510), as all open drivers have it, for the registers and the configuration.
"""

from __future__ import annotations

from .. import crc
from ..chip import I2cChip, Quantity, Reading, Untold, Waits
from ..errors import BeyondRange, InvalidReading, LostPower, NotReady, WrongChip

# The registers have addresses of two bytes.
IDENTITY, IDENTITY_IS = b"\x01\x0f", b"\xea\xcc"
IS_BOOTED, BOOTED = b"\x00\xe5", 0x01
# The configuration of the ultra lite driver, from register 0x2D on: long distance, 100 ms a measurement.
CONFIGURATION_BEGINS = 0x2D
CONFIGURATION = bytes.fromhex(
    "00 00 00 01 02 00 02 08 00 08 10 01 01 00 00 00 00 ff 00 0f 00 00 00 00 00 20 0b 00 00 02 0a 21 00 00 05 00"
    "00 00 00 c8 00 00 38 ff 01 00 08 00 00 01 cc 0f 01 f1 0d 01 68 00 80 08 b8 00 00 00 00 0f 89 00 00 00 00 00"
    "00 00 01 0f 0d 0e 0e 00 00 02 c7 ff 9b 00 00 00 01 00 00"
)
# Laser's periods, thresholds and time-outs: those written, or those of a chip that lost its power.
WITNESS, WITNESS_BEGINS, WITNESS_ENDS = b"\x00\x60", 0x60, 0x6A
# From then on the calibration begins with the last temperature.
CALIBRATED = (b"\x00\x08\x09", b"\x00\x0b\x00")
CLEAR, START, STOP = b"\x00\x86\x01", b"\x00\x87\x40", b"\x00\x87\x00"
# High where there is a result: so it is configured.
READY, IS_READY = b"\x00\x31", 0x01
# Status, twelve others, distance, two others.
FRAME, FRAME_LENGTH, STATUS_BITS = b"\x00\x89", 17, 0x1F
DISTANCE = slice(13, 15)
# What the status says, by the words of ST's driver: a target in range; too little signal, a phase out of bounds, or a
# target so far that its echo comes with the next pulse; a target nearer than the range begins.
IN_RANGE, NO_TARGET, TOO_NEAR = 9, (4, 5, 7), 8
WRONG = {6: "the echo is too noisy", 19: "nothing proves that the echo is of the last pulse"}
FARTHEST = 4000.0  # mm
BOOTING_TAKES, MEASURING_TAKES = 0.0015, 0.11  # 1.2 and 100 ms, and 10 %
POLLS, POLL = 8, 0.05


class Vl53l1x(I2cChip):
    """One VL53L1X, two measurements of 100 ms per reading. Two on a bus need their XSHUT pins wired."""

    name = "vl53l1x"
    addresses = (0x29,)
    takes = 2.1
    quantities = (Quantity("distance", "mm", "distance", 0.0, FARTHEST, 1.0, accuracy=20.0),)

    def identify(self) -> Waits:
        """Look at model and module type. No scan may: other chips take the register's address for a write.

        Raises:
            WrongChip: something else answers.
        """
        yield BOOTING_TAKES
        found = self.write_read(IDENTITY, 2)
        if found != IDENTITY_IS:
            raise WrongChip(self.name, self.address, expected=IDENTITY_IS.hex(" "), found=found.hex(" "))

    def configure(self) -> Waits:
        """Write ST's configuration, and measure once: with the first measurement the chip calibrates itself.

        Raises:
            NotReady: a step did not end. LostPower: the configuration is not kept.
        """
        for _ in range(POLLS):
            if self.write_read(IS_BOOTED, 1)[0] & BOOTED:
                break
            yield BOOTING_TAKES
        else:
            raise NotReady(f"{self.name}: its firmware does not start")
        self.write(bytes([0, CONFIGURATION_BEGINS]) + CONFIGURATION)
        self.keeps_configuration()
        self.write(START)
        yield from self.result()
        self.stop()
        for message in CALIBRATED:
            self.write(message)

    def measure(self) -> Reading:
        """Return distance in mm; without a target in range, what is known of it.

        The first result after a start does not show echoes of the pulse before, so the second one counts.

        Raises:
            NotReady: the measurement did not end. LostPower: the configuration is gone.
            ChecksumError: two reads differ. InvalidReading: the chip says that it could not measure.
        """
        self.write(CLEAR)
        self.write(START)
        yield from self.result()
        self.write(CLEAR)
        yield from self.result()
        frame = self.write_read(FRAME, FRAME_LENGTH)
        # Read between the two: a line that fails for a moment cannot damage both frames unseen.
        self.keeps_configuration()
        crc.agreed(frame, self.write_read(FRAME, FRAME_LENGTH))
        self.stop()
        return {"distance": self.told(frame[0] & STATUS_BITS, float(int.from_bytes(frame[DISTANCE], "big")))}

    def result(self) -> Waits:
        """Wait for a result.

        Raises:
            NotReady: none came.
        """
        yield MEASURING_TAKES
        for _ in range(POLLS):
            # Asked again where it says so: a damaged bit would pass the result before for a new one.
            if self.is_ready() and self.is_ready():
                return
            yield POLL
        raise NotReady(f"{self.name}: the measurement did not end")

    def is_ready(self) -> bool:
        """Return whether there is a result."""
        return bool(self.write_read(READY, 1)[0] & IS_READY)

    def stop(self) -> None:
        """Stop measuring, and forget that there is a result."""
        self.write(STOP)
        self.write(CLEAR)

    def keeps_configuration(self) -> None:
        """Make sure that the configuration is there.

        Raises:
            LostPower: it is not.
        """
        found = self.write_read(WITNESS, WITNESS_ENDS - WITNESS_BEGINS)
        written = CONFIGURATION[WITNESS_BEGINS - CONFIGURATION_BEGINS : WITNESS_ENDS - CONFIGURATION_BEGINS]
        if found != written:
            raise LostPower(f"{self.name}: its configuration is {found.hex(' ')}, written was {written.hex(' ')}")

    def told(self, status: int, distance: float) -> float | Untold:
        """Return the distance, or the `BeyondRange` in its place.

        Raises:
            InvalidReading: the chip could not measure.
        """
        if status in NO_TARGET or (status == IN_RANGE and distance > FARTHEST):
            return self.beyond("distance", at_least=FARTHEST, hint="there is no target in range")
        if status == TOO_NEAR:
            return BeyondRange(f"{self.name}: the target is nearer than its range begins")
        if status != IN_RANGE:
            why = WRONG.get(status, "it could not measure")
            raise InvalidReading(f"{self.name}: {why} (status {status}, {distance:g} mm)")
        return distance

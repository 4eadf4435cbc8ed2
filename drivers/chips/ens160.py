"""ScioSense ENS160: air quality index, volatile organic compounds and equivalent CO₂ on I2C.

Source: ScioSense "ENS160 Datasheet" SC-001224-DS-9 (2023), sections 10 (operation) and 16 (registers). Its checksum
(register 0x38) covers what was read from it only where no other program reads; two reads that agree are asked for.
"""

from __future__ import annotations

from typing import Annotated, Any

from ..chip import I2cChip, Quantity, Question, Reading, Waits, Within, says
from ..errors import ChecksumError, InvalidReading, LostPower, NotReady, WrongChip
from ..registers import Field, Register

IDENTITY, ENS160 = Register(0x00, 2, "little"), 0x0160
OTHERS = {0x0161: "this is an ENS161, which this driver does not know"}
MODE, STANDARD = Register(0x10), 0x02
# What the chip compensates for: 1/64 K and 1/512 %.
TEMPERATURE, HUMIDITY = Register(0x13, 2, "little"), Register(0x15, 2, "little")
# Mode, two registers for commands, temperature, humidity.
SETTINGS, SETTINGS_LENGTH = b"\x10", 7
# Status, air quality index, compounds, CO₂. To read the last three clears the flag of a new value in the first.
STATUS = Register(0x20)
FRAME, FRAME_LENGTH = b"\x20", 6
RUNS, HAS_ERROR, IS_NEW = 0x80, 0x40, 0x02
VALIDITY = Field(3, 2)
NOT_VALID = {
    1: "it warms up, for three minutes from its start",
    2: "it is in its first hour of operation",
    3: "it has no valid output",
}
# Without the flags of new data, which reading clears.
LASTING = 0xFC
INDEX, COMPOUNDS, CO2 = Field(2, 0), Register(0x22, 2, "little"), Register(0x24, 2, "little")
# ppb and ppm: the chip goes no further.
STOP = 65_000
# 10 ms and 1 ms, and 10 %.
BOOTING_TAKES, SWITCHING_TAKES = 0.011, 0.0011
# A value comes every second, 10 % slow.
POLLS, POLL = 6, 0.25
READS = 4


class Ens160(I2cChip):
    """One ENS160, measuring every second. Three minutes from its start, and in its very first hour, it has no value.

    Args:
        temperature: of the air in °C, for the chip's own compensation; 25 by default.
        humidity: of the air in %, likewise; 50 by default.
    """

    name = "ens160"
    addresses = (0x53, 0x52)
    questions = (Question(b"\x00", 2, says(b"\x60\x01")),)
    takes = 2.5
    quantities = (
        Quantity("aqi", "", "aqi", 1.0, 5.0, 1.0, noisy=False),
        Quantity("tvoc", "ppb", "volatile_organic_compounds_parts", 0.0, STOP - 1.0, 1.0, needs="aqi", noisy=False),
        Quantity("eco2", "ppm", "carbon_dioxide", 400.0, STOP - 1.0, 1.0, noisy=False),
    )
    kept = b""

    def __init__(
        self,
        bus: Any,
        address: int | None = None,
        *,
        temperature: Annotated[float, Within(-40, 85, "°C")] | None = None,
        humidity: Annotated[float, Within(0, 100, "%")] | None = None,
        identity: str = "strict",
    ) -> None:
        super().__init__(bus, address, identity=identity)
        self.air = [] if temperature is None else [(TEMPERATURE, sixty_fourths(temperature))]
        self.air += [] if humidity is None else [(HUMIDITY, round(512 * humidity))]

    def identify(self) -> Waits:
        """Look at the part's number.

        Raises:
            WrongChip: something else answers.
        """
        yield BOOTING_TAKES
        found = self.get(IDENTITY)
        if found != ENS160:
            raise WrongChip(self.name, self.address, expected=ENS160, found=found, hint=OTHERS.get(found, ""))

    def configure(self) -> Waits:
        """Let the chip measure, unless it does: it would warm up again. Tell it its air, where that is known.

        Raises:
            LostPower: a setting is not kept.
        """
        if self.get(MODE) != STANDARD:
            self.put(MODE, STANDARD)
            yield SWITCHING_TAKES
        for register, value in self.air:
            self.put(register, value)
        self.kept = self.settings()
        wrong = [register for register, value in self.air if self.get(register) != value]
        if self.kept[0] != STANDARD or wrong:
            raise LostPower(f"{self.name}: its settings are {self.kept.hex(' ')}; they are not kept")

    def settings(self) -> bytes:
        """Return the settings as the chip has them."""
        return self.write_read(SETTINGS, SETTINGS_LENGTH)

    def measure(self) -> Reading:
        """Return aqi (1 is excellent, 5 unhealthy), tvoc in ppb and eco2 in ppm; of one at its stop, what is known.

        Raises:
            NotReady: it warms up, or no value came. InvalidReading: it reports an error.
            LostPower: it does not measure. ChecksumError: the reads do not agree.
        """
        for _ in range(POLLS):
            # Asked again where it says so: a damaged bit would pass what it shows before its first value.
            if self.get(STATUS) & IS_NEW and self.get(STATUS) & IS_NEW:
                break
            yield POLL
        else:
            if self.settings() != self.kept:
                raise LostPower(f"{self.name}: it does not measure any more")
            raise NotReady(f"{self.name}: no value within {POLLS * POLL:g} s")
        status, data = self.agreed()
        if status & HAS_ERROR:
            raise InvalidReading(f"{self.name}: it reports an error (status 0x{status:02x})")
        if not status & RUNS:
            raise LostPower(f"{self.name}: it does not measure any more (status 0x{status:02x})")
        if validity := VALIDITY.of(status):
            raise NotReady(f"{self.name}: {NOT_VALID[validity]}")
        return {
            "aqi": float(INDEX.of(data[0])),
            "tvoc": self.below("tvoc", COMPOUNDS.decode(data[1:]), STOP),
            "eco2": self.below("eco2", CO2.decode(data[3:]), STOP),
        }

    def agreed(self) -> tuple[int, bytes]:
        """Return the status and the data that two reads in a row agree on; a new value may come between two.

        Raises:
            LostPower: the settings, read between them, are not as written. ChecksumError: no two agree.
        """
        frame = self.frame()
        for _ in range(READS):
            settings, again = self.settings(), self.frame()
            if (frame[0] & LASTING, frame[1:]) == (again[0] & LASTING, again[1:]):
                break
            frame = again
        else:
            raise ChecksumError(f"{self.name}: the reads of a value do not agree; shorten or shield the cable")
        if settings != self.kept:
            raise LostPower(f"{self.name}: its settings are {settings.hex(' ')}, written was {self.kept.hex(' ')}")
        return frame[0], frame[1:]

    def frame(self) -> bytes:
        """Return the status, the index, and both concentrations."""
        return self.write_read(FRAME, FRAME_LENGTH)


def sixty_fourths(degrees: float) -> int:
    """Return the chip's number for a temperature in °C: 1/64 K (section 16, TEMP_IN)."""
    return round(64 * (degrees + 273.15))

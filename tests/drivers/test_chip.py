"""What every driver inherits: waits that are slept or yielded, parts of a reading, registers."""

import contextlib
import math

import pytest

from drivers.chip import Driver, I2cChip, Quantity
from drivers.errors import BeyondRange, ChecksumError, InvalidReading, NoAcknowledge, PermanentError, WrongChip
from drivers.registers import Register

BOTH = (
    Quantity("temperature", "°C", low=-40, high=85, step=0.01),
    Quantity("humidity", "%", low=0, high=100, step=0.01, clips=True),
)


class Plain(Driver):
    """Waits for nothing."""

    name = "plain"
    quantities = BOTH

    def __init__(self):
        self.done, self.slept = [], []
        self.sleep = self.slept.append

    def identify(self):
        self.done.append("identify")

    def configure(self):
        self.done.append("configure")

    def measure(self):
        return {"temperature": 20.0, "humidity": 40.0}


class Yielding(Plain):
    """Waits everywhere, after its parent, which does not."""

    def identify(self):
        yield 1.0
        yield from super().identify()

    def configure(self):
        yield 2.0
        yield from super().configure()

    def measure(self):
        values = super().measure()
        yield 4.0
        return {**values, "temperature": 21.0}


class Grandchild(Yielding):
    """Waits after its parent, which waits."""

    def identify(self):
        yield from super().identify()
        yield 10.0

    def measure(self):
        values = yield from super().measure()
        return {**values, "humidity": 41.0}


class PlainAgain(Yielding):
    """Waits for nothing itself, but its parent does."""

    def identify(self):
        super().identify()

    def measure(self):
        return {**super().measure(), "humidity": 42.0}


def waits_of(generator):
    waits = []
    while True:
        try:
            waits.append(next(generator))
        except StopIteration as end:
            return waits, end.value


class TestAMethodThatWaits:
    @pytest.mark.parametrize("kind", [Plain, Yielding, Grandchild, PlainAgain])
    def test_sleeps_when_it_is_called_from_outside(self, kind):
        chip = kind()
        chip.identify()
        assert chip.done == ["identify"]
        assert chip.slept == {Plain: [], Grandchild: [1.0, 10.0]}.get(kind, [1.0])

    def test_sleeps_in_setup_and_read(self):
        chip = Yielding()
        chip.setup()
        assert chip.slept == [1.0, 2.0]
        assert chip.read() == {"temperature": 21.0, "humidity": 40.0}
        assert chip.slept == [1.0, 2.0, 4.0]

    def test_yields_to_whoever_runs_the_reading(self):
        chip = Grandchild()
        waits, told = waits_of(chip.reading())
        assert waits == [1.0, 10.0, 2.0, 4.0]
        assert told == {"temperature": 21.0, "humidity": 41.0}
        assert chip.done == ["identify", "configure"]
        assert not chip.slept

    def test_is_slept_by_a_plain_child_that_has_no_other_way(self):
        chip = PlainAgain()
        waits, told = waits_of(chip.reading())
        assert waits == [2.0]
        assert chip.slept == [1.0, 4.0]
        assert told == {"temperature": 21.0, "humidity": 42.0}

    def test_is_a_generator_as_it_was_written_when_it_measures(self):
        assert next(Yielding().measure()) == 4.0
        assert Plain().measure() == {"temperature": 20.0, "humidity": 40.0}

    def test_is_closed_with_the_reading(self):
        class Careful(Plain):
            def identify(self):
                try:
                    yield 1.0
                finally:
                    self.done.append("closed")

        chip = Careful()
        reading = chip.reading()
        next(reading)
        reading.close()
        assert chip.done == ["closed"]

    def test_sleeps_again_from_outside_after_it_broke_off(self):
        class Stranger(Plain):
            def identify(self):
                yield 1.0
                raise WrongChip(self.name, 0x40, expected=1, found=2)

        chip = Stranger()
        for _ in range(2):
            with pytest.raises(WrongChip):
                chip.read()
        with pytest.raises(WrongChip):
            chip.identify()
        assert chip.slept == [1.0] * 5

    def test_may_come_from_a_class_that_is_no_driver(self):
        class Slow:
            def identify(self):
                yield 3.0

        class Mixed(Slow, Plain):
            pass

        chip = Mixed()
        chip.identify()
        assert chip.slept == [3.0]


def reading_of(**measured):
    class Chip(Plain):
        def measure(self):
            return measured

    return Chip()


class TestAReading:
    @pytest.mark.parametrize(
        "humidity",
        [
            NoAcknowledge("its humidity is silent"),
            PermanentError("call a person"),
            math.nan,
            math.inf,
            None,
            111.0,
            -11.0,
        ],
    )
    def test_tells_what_is_well_whatever_else_is_not(self, humidity):
        chip = reading_of(temperature=20.0, humidity=humidity)
        assert chip.read() == {"temperature": 20.0}
        assert set(chip.missing) == {"humidity"}
        if not isinstance(humidity, Exception):
            assert type(chip.missing["humidity"]) is InvalidReading
            assert "humidity" in str(chip.missing["humidity"])

    def test_notices_a_quantity_that_is_not_there_at_all(self):
        chip = reading_of(temperature=20.0)
        assert chip.read() == {"temperature": 20.0}
        assert isinstance(chip.missing["humidity"], InvalidReading)

    def test_raises_when_nothing_can_be_told(self):
        chip = reading_of(temperature=NoAcknowledge("gone"), humidity=math.nan)
        for ask in (lambda: waits_of(chip.reading()), chip.read):
            with pytest.raises(NoAcknowledge, match="gone"):
                ask()
            assert not chip.known

    def test_hands_on_that_all_is_beyond_its_range(self):
        chip = reading_of(temperature=BeyondRange("hot"), humidity=BeyondRange("wet"))
        _, told = waits_of(chip.reading())
        assert all(isinstance(value, BeyondRange) for value in told.values())
        assert chip.known
        with pytest.raises(BeyondRange, match="hot"):
            chip.read()
        assert set(chip.missing) == {"temperature", "humidity"}

    def test_sets_the_device_up_again_after_twenty_damaged_frames_in_a_row(self):
        class Forgetful(Plain):
            """Its reads differ until it is set up again."""

            def measure(self):
                if self.done.count("configure") < 2:
                    raise ChecksumError("two reads differ")
                return super().measure()

        chip = Forgetful()
        for _ in range(20):
            with pytest.raises(ChecksumError):
                chip.read()
        assert chip.done.count("configure") == 1
        assert chip.read()["temperature"] == 20.0

    def test_does_not_set_the_device_up_again_for_damaged_frames_with_a_good_one_between(self):
        class Noisy(Plain):
            """Every twentieth of its frames arrives whole."""

            frames = 0

            def measure(self):
                self.frames += 1
                if self.frames % 20:
                    raise ChecksumError("damaged")
                return super().measure()

        chip = Noisy()
        for _ in range(80):
            with contextlib.suppress(ChecksumError):
                chip.read()
        assert chip.done.count("configure") == 1

    def test_sets_the_device_up_again_where_a_part_was_missing(self):
        chip = reading_of(temperature=20.0, humidity=math.nan)
        chip.read()
        chip.read()
        assert chip.done == ["identify", "configure"] * 2

    def test_does_not_set_it_up_again_for_what_is_beyond_its_range(self):
        chip = reading_of(temperature=20.0, humidity=BeyondRange("wet"))
        chip.read()
        chip.read()
        assert chip.done == ["identify", "configure"]

    def test_forgets_what_was_missing_before(self):
        measured = {"temperature": 20.0, "humidity": math.nan}
        chip = reading_of(**measured)
        chip.measure = lambda: measured
        chip.read()
        measured["humidity"] = 40.0
        chip.read()
        assert not chip.missing

    def test_tells_nothing_that_is_computed_from_what_is_missing(self):
        class Chip(Plain):
            quantities = (BOTH[0], Quantity("humidity", "%", low=0, high=100, needs="temperature"), Quantity("co2"))

            def measure(self):
                return {"temperature": math.nan, "humidity": 40.0, "co2": 400.0}

        chip = Chip()
        assert chip.read() == {"co2": 400.0}
        assert "without temperature" in str(chip.missing["humidity"])

    @pytest.mark.parametrize(
        ("humidity", "told"), [(100.35, 100.0), (110.0, 100.0), (-10.0, 0.0), (110.1, None), (-10.1, None)]
    )
    def test_clips_a_formula_for_a_tenth_of_its_scale(self, humidity, told):
        assert reading_of(temperature=20.0, humidity=humidity).read().get("humidity") == told

    @pytest.mark.parametrize(("quantity", "value", "fits"), [
        (Quantity("t", low=-40, high=85, step=0.02), -40.02, True),
        (Quantity("t", low=-40, high=85, step=0.02), -40.03, False),
        (Quantity("t", low=-40, high=85, step=8.0), -40.04, True),
        (Quantity("t", low=-40, high=85, step=8.0), -41.0, False),
        (Quantity("light", low=0, high=88_000, step=8.0), -4.0, False),
        (Quantity("anything", step=8.0), -1e9, True),
    ])  # fmt: skip
    def test_passes_an_end_by_no_more_than_rounding_does(self, quantity, value, fits):
        assert (quantity.judge(value, "chip") == value) is fits


def test_what_lies_beyond_is_said_with_its_unit():
    error = Plain().beyond("temperature", at_least=85.0, hint="shade it")
    assert str(error) == "plain: temperature is 85 °C or more; shade it"
    assert (error.at_least, error.at_most) == (85.0, None)
    assert str(Plain().beyond("temperature", at_most=-40.0)) == "plain: temperature is -40 °C or less"


class Bank:
    """A bus with one register of two bytes, each read of which may differ."""

    def __init__(self, *reads):
        self.reads, self.written = list(reads), []

    def i2c_rdwr(self, *messages):
        for message in messages:
            if not message.flags & 1:
                self.written.append(bytes(message))
                continue
            for index, byte in enumerate(self.reads.pop(0)):
                message.buf[index] = bytes([byte])


class Chip(I2cChip):
    name, addresses = "chip", (0x40,)


class TestAChipWithRegisters:
    HERE = Register(0x05, 2, is_signed=True)

    def test_gets_and_puts_them(self):
        bus = Bank(b"\xff\xfe")
        chip = Chip(bus)
        assert chip.get(self.HERE) == -2
        chip.put(self.HERE, 0x1234)
        assert bus.written == [b"\x05", b"\x05\x12\x34"]

    def test_gets_them_twice_where_there_is_no_checksum(self):
        assert Chip(Bank(b"\x00\x07", b"\x00\x07")).get_twice(self.HERE) == 7
        with pytest.raises(ChecksumError):
            Chip(Bank(b"\x00\x07", b"\x00\x06")).get_twice(self.HERE)


class Forgetful:
    """A bus to a chip of one register, which hears only every so many commands."""

    def __init__(self, hears):
        self.hears, self.writes, self.register = hears, 0, 0

    def i2c_rdwr(self, *messages):
        for message in messages:
            if message.flags & 1:
                message.buf[0] = bytes([self.register])
            elif message.len == 2:
                self.writes += 1
                if self.writes == self.hears:
                    self.register = bytes(message)[1]


class TestACommand:
    @pytest.mark.parametrize("hears", [1, 2, 3])
    def test_is_written_until_the_chip_shows_it(self, hears):
        bus = Forgetful(hears)
        assert Chip(bus, 0x18).command(Register(5), 7, lambda found: found == 7) == 7
        assert bus.writes == hears

    def test_is_taken_for_granted_when_it_was_written_three_times(self):
        bus = Forgetful(99)
        assert Chip(bus, 0x18).command(Register(5), 7, lambda found: found == 7) == 0
        assert bus.writes == 3


class Stranger(I2cChip):
    """Finds another device, and reads it nevertheless where it is told to."""

    name, addresses = "stranger", (0x40,)
    quantities = (Quantity("temperature"),)

    def identify(self):
        raise WrongChip(self.name, self.address, expected=1, found=2)

    def measure(self):
        return {"temperature": 20.0}


class TestAnIdentity:
    def test_is_insisted_on(self):
        with pytest.raises(WrongChip):
            Stranger(Bank()).read()

    def test_may_be_left_to_the_user(self):
        chip = Stranger(Bank(), identity="lenient")
        assert chip.read() == {"temperature": 20.0}
        with pytest.raises(WrongChip):
            chip.identify()

    def test_is_strict_or_lenient(self):
        with pytest.raises(ValueError, match="strict, lenient"):
            Stranger(Bank(), identity="none")

"""A scan names whom it can by reading alone, says what it cannot tell, and leaves everybody as they were."""

import threading

import pytest

from drivers import catalog, open_chip
from drivers.conformance.bench import ADAPTERS, I2C_DRIVERS
from drivers.conformance.exceptions import SETTLES
from drivers.errors import AdapterGone
from drivers.fakes import FakeBus, FakeTime, fake_chip
from drivers.fakes.chip import FakeRegisters, Nack
from drivers.scan import DEAD_AFTER, LIMIT, BusScan, run

# Nothing in them can be read that shows who they are, or nothing without a message that others take for a write.
UNSURE = {"aht10", "bh1750", "pcf8591", "vl53l1x"}
TWINS = {"ads1015": "ads1115", **dict.fromkeys(("mcp3421", "mcp3422", "mcp3424"), "mcp342x")}


@pytest.fixture
def time():
    return FakeTime()


@pytest.fixture
def bus(time):
    """An empty bus in virtual time."""
    with FakeBus(clock=time, wait=time.sleep) as bus:
        yield bus


@pytest.fixture
def scan(bus, time):
    """Scan the bus; return the scan."""

    def scanned(of=None):
        one = BusScan(1, lambda: of or bus)
        (of or bus).close = lambda: None
        time.run(one.steps())
        return one

    return scanned


def who(scanned):
    return {(one.mux, one.address): one.driver for one in scanned.found}


class TestAChip:
    @pytest.mark.parametrize("adapter", ADAPTERS)
    @pytest.mark.parametrize("name", I2C_DRIVERS)
    def test_is_named_or_among_the_candidates(self, name, adapter, scan, time):
        chip = fake_chip(name)
        address = chip.addresses[-1]
        bus = FakeBus({address: chip}, adapter=adapter, clock=time, wait=time.sleep)
        time.sleep(2.0)
        (found,) = scan(bus).found
        assert (found.address, found.error) == (address, None)
        assert found.driver == (None if name in UNSURE else TWINS.get(name, name))
        assert name in found.candidates

    @pytest.mark.parametrize("name", I2C_DRIVERS)
    def test_goes_on_being_read_as_if_nothing_had_happened(self, name, bus, scan, time):
        chip = fake_chip(name)
        bus.plug(chip.addresses[0], chip)
        driver = open_chip(name, bus)
        driver.sleep = time.sleep
        time.sleep(SETTLES.get(name, 2.0))
        before = driver.read()
        scan()
        bus.transfers = 0
        time.sleep(SETTLES.get(name, 2.0))
        driver.setup = driver.setting_up = None  # whoever sets up again would hide what the scan did
        after = driver.read()
        # A sum goes on.
        before |= {name: after[name] for name in ("energy", "charge_passed") if name in before}
        assert after == pytest.approx(before, rel=0.02, abs=0.1)

    @pytest.mark.parametrize("name", sorted(set(I2C_DRIVERS) - UNSURE))
    def test_at_work_for_a_driver_is_still_named(self, name, bus, scan, time):
        chip = fake_chip(name)
        bus.plug(chip.addresses[0], chip)
        driver = open_chip(name, bus)
        driver.sleep = time.sleep
        time.sleep(SETTLES.get(name, 2.0))
        driver.read()
        time.sleep(2.0)
        assert list(who(scan()).values()) == [TWINS.get(name, name)]

    def test_of_another_kind_is_shown_with_its_address_and_candidates(self, bus, scan):
        bus.plug(0x76, FakeRegisters())
        bus.plug(0x20, FakeRegisters())
        unknown = {one.address: (one.driver, one.candidates) for one in scan().found}
        assert unknown == {0x76: (None, ()), 0x20: (None, ())}

    def test_of_registers_is_written_nothing_to_but_the_pointer(self, bus, scan):
        """A PCA9685, a servo board, has an HTU21D's address: two bytes would move its motors."""

        class Servos(FakeRegisters):
            def store(self, register, value):
                raise AssertionError(f"0x{value:02x} was written to register 0x{register:02x}")

        for address in range(0x40, 0x80):
            bus.plug(address, Servos())
        assert not any(one.driver or one.multiplexer for one in scan().found)

    @pytest.mark.parametrize("adapter", ADAPTERS)
    def test_is_never_sent_an_empty_message(self, adapter, scan, time):
        chips = {fake_chip(name).addresses[0]: fake_chip(name) for name in I2C_DRIVERS}
        bus = FakeBus(chips, adapter=adapter, clock=time, wait=time.sleep)
        bus.log = []
        scan(bus)
        assert bus.log
        assert all(data for _, _, data in bus.log)

    def test_that_the_kernel_owns_is_shown_and_left_alone(self, bus, scan):
        bus.plug(0x68, fake_chip("ds3231"))
        bus.claimed.add(0x68)
        bus.log = []
        (found,) = scan().found
        assert (found.address, found.driver) == (0x68, None)
        assert found.owner
        assert 0x68 not in {address for address, _, _ in bus.log}


class TestAMultiplexer:
    @pytest.fixture
    def mux(self, bus, time):
        chips = {2: {0x44: fake_chip("sht4x")}, 5: {0x44: fake_chip("sht3x"), 0x76: fake_chip("bmp280")}}
        bus.plug(0x71, fake_chip("tca9548a", channels=chips))
        bus.plug(0x77, fake_chip("bme280"))
        time.sleep(1.0)
        return bus.chips[0x71]

    def test_is_scanned_channel_by_channel(self, mux, scan):
        found = who(scan())
        assert found == {
            (None, 0x71): None,
            (None, 0x77): "bme280",
            ((0x71, 2), 0x44): "sht4x",
            ((0x71, 5), 0x44): "sht3x",
            ((0x71, 5), 0x76): "bmp280",
        }

    def test_is_told_from_the_chips_that_share_its_addresses(self, mux, scan):
        assert [one.address for one in scan().found if one.multiplexer] == [0x71]

    def test_shows_nobody_twice_whom_it_had_connected_and_is_left_as_it_was(self, mux, bus, scan):
        mux.control = mux.wanted = 1 << 2
        assert ((0x71, 2), 0x44) in who(scan())
        assert (None, 0x44) not in who(scan())
        assert mux.control == 1 << 2

    @pytest.mark.parametrize("address", [0x70, 0x76, 0x77])
    def test_that_has_the_address_of_a_chip_is_left_as_it_was_all_the_same(self, address, bus, scan, time):
        bus.plug(address, fake_chip("tca9548a", channels={2: {0x44: fake_chip("sht4x")}}))
        time.sleep(1.0)
        bus.chips[address].control = bus.chips[address].wanted = 1 << 2
        assert who(scan()) == {(None, address): None, ((address, 2), 0x44): "sht4x"}
        assert bus.chips[address].control == 1 << 2

    def test_with_a_stuck_channel_does_not_hide_the_others(self, mux, scan):
        mux.failing.add(2)
        scanned = scan()
        assert who(scanned)[(0x71, 5), 0x44] == "sht3x"
        assert [one.mux for one in scanned.found if one.error] == [(0x71, 2)]


class TestAnSHTC3AtTheFirstAddressOfAMultiplexer:
    @pytest.mark.parametrize("adapter", ADAPTERS)
    def test_is_named_also_where_it_was_left_asleep_and_sleeps_on(self, adapter, scan, time):
        bus = FakeBus({0x70: fake_chip("shtc3")}, adapter=adapter, clock=time, wait=time.sleep)
        time.sleep(1.0)
        bus.chips[0x70].asleep = True
        assert who(scan(bus)) == {(None, 0x70): "shtc3"}
        assert bus.chips[0x70].asleep

    def test_with_an_answer_that_waits_to_be_read_is_no_multiplexer(self, bus, scan, time):
        bus.plug(0x70, fake_chip("shtc3"))
        time.sleep(1.0)
        bus.chips[0x70].on_write(b"\x78\x66")
        time.sleep(1.0)
        (found,) = scan().found
        assert not found.multiplexer
        assert found.candidates == ("shtc3",)

    def test_sends_no_question_to_a_multiplexer_there(self, bus, scan, time):
        bus.plug(0x70, fake_chip("tca9548a", channels={2: {0x44: fake_chip("sht4x")}}))
        time.sleep(1.0)
        bus.log = []
        assert who(scan()) == {(None, 0x70): None, ((0x70, 2), 0x44): "sht4x"}
        assert all(len(data) == 1 for address, is_read, data in bus.log if address == 0x70)


class TestAParticleSensorThatSleeps:
    @pytest.mark.parametrize("adapter", ADAPTERS)
    def test_is_named_and_sleeps_on(self, adapter, scan, time):
        bus = FakeBus({0x69: fake_chip("sps30")}, adapter=adapter, clock=time, wait=time.sleep)
        time.sleep(1.0)
        bus.chips[0x69].on_write(b"\x10\x01")
        time.sleep(1.0)
        assert who(scan(bus)) == {(None, 0x69): "sps30"}
        assert bus.chips[0x69].asleep


class TestACloneWithoutASerialNumber:
    def test_is_among_the_candidates(self, bus, scan, time, monkeypatch):
        chip = fake_chip("htu21d")
        bus.plug(0x40, chip)
        time.sleep(1.0)
        obey = chip.on_write

        def refuse(data):
            if data == b"\xfc\xc9":
                raise Nack(data=True)
            obey(data)

        monkeypatch.setattr(chip, "on_write", refuse)
        (found,) = scan().found
        assert (found.driver, found.candidates) == (None, ("htu21d",))


class TestAChipThatFallsAsleepAgainWithinMilliseconds:
    def test_is_named_where_the_thread_comes_too_late_at_first(self, bus, time):
        bus.plug(0x5C, fake_chip("am2320"))
        scanned = BusScan(1, lambda: bus)
        late = [0.010, 0.010]
        for wait in scanned.steps():
            time.sleep(wait + (late.pop() if wait and late else 0.0))
        assert who(scanned) == {(None, 0x5C): "am2320"}

    def test_that_is_not_there_is_not_waited_for(self, bus, scan, time):
        began = time.now
        scan()
        assert time.now - began < 0.05


class TestABus:
    def test_that_is_stuck_is_given_up_after_a_few_addresses(self, bus, scan):
        bus.plug(0x76, fake_chip("bme280"))
        bus.faults.add("stuck")
        scanned = scan()
        assert "did not end in time" in scanned.error
        assert not scanned.found
        assert bus.transfers <= DEAD_AFTER

    def test_on_which_one_chip_fails_is_scanned_to_the_end(self, bus, scan):
        bus.plug(0x44, fake_chip("sht4x"))
        bus.plug(0x76, fake_chip("bme280"))
        bus.faults.add("hang", 0x44, lasts=1e9)
        bus.wait = lambda seconds: None
        by_address = {one.address: one for one in scan().found}
        assert "did not end in time" in by_address[0x44].error
        assert by_address[0x76].driver == "bme280"

    @pytest.mark.parametrize("last", [0x77, 0x7F])
    def test_that_acknowledges_everything_is_told_in_one_line(self, bus, scan, last):
        for address in range(0x08, last + 1):
            bus.plug(address, FakeRegisters())
        scanned = scan()
        assert not scanned.found
        assert "every address is acknowledged" in scanned.error
        assert "\n" not in scanned.error

    def test_that_cannot_be_opened_has_an_error_and_the_others_are_scanned(self, bus):
        def gone():
            raise AdapterGone("i2c-7: no such bus")

        bus.plug(0x76, fake_chip("bme280"))
        scans = [BusScan(7, gone), BusScan(1, lambda: bus)]
        run(scans)
        assert scans[0].error == "i2c-7: no such bus"
        assert [one.driver for one in scans[1].found] == ["bme280"]

    def test_that_hangs_forever_does_not_hold_the_end_up(self, time):
        released = threading.Event()

        def hang(_seconds):
            time.sleep(LIMIT + 0.1)
            released.wait()

        with FakeBus({0x76: fake_chip("bme280")}, clock=time, wait=hang) as bus:
            bus.faults.add("hang", 0x44)
            scan = BusScan(1, lambda: bus)
            run([scan], clock=time)
            assert "0x44 never ends" in scan.error
            released.set()


def test_no_question_is_a_command_that_heats_resets_or_sleeps():
    """Of one byte: an SHT4x heats at these, an HTU21D resets at 0xfe, an MLX90614 sleeps at 0xff."""
    harmful = {0x44: {0x15, 0x1E, 0x24, 0x2F, 0x32, 0x39, 0x94}, 0x5A: {0xFF}}
    for name in I2C_DRIVERS:
        driver = catalog.find(name)
        for address, commands in harmful.items():
            if address in driver.addresses:
                assert not commands & {question.ask[0] for question in driver.questions if len(question.ask) == 1}

"""The fake kernel behaves as Linux on three adapters, under the real smbus2; faults do what their names say."""

import threading

import pytest
from smbus2 import I2cFunc, SMBus, i2c_msg

from drivers import open_chip
from drivers.fakes import ADAPTERS, FakeBus, FakeChip, FakeRegisters, FakeTime, InjectedFault, Nack, fake_chip
from drivers.fakes.chip import crc8
from drivers.fakes.faults import KINDS

HERE, THERE, NOBODY = 0x20, 0x21, 0x30


class Memory(FakeRegisters):
    """Registers that keep what is written; 0xFF refuses. Feels one number, in register 0x10."""

    name = "memory"
    senses = {"number": 7.0}

    def on_write(self, data):
        if data[0] == 0xFF:
            raise Nack(data=True)
        super().on_write(data)

    def refresh(self):
        self.bank[0x10] = int(self.world["number"])


class Recorder(FakeChip):
    """Remembers what it is sent, answers what it is told to."""

    name = "recorder"
    answer = b""

    def __init__(self):
        self.heard = []
        super().__init__()

    def on_write(self, data):
        self.heard.append(data)

    def on_read(self, length):
        return self.answer


@pytest.fixture
def time():
    return FakeTime()


@pytest.fixture
def on(time):
    """Make a bus of an adapter with two memories and a recorder at 0x22."""
    buses = []

    def make(adapter="bcm2835"):
        chips = {HERE: Memory(), THERE: Memory(), 0x22: Recorder()}
        buses.append(FakeBus(chips, adapter=adapter, clock=time, wait=time.sleep))
        return buses[-1]

    yield make
    for bus in buses:
        bus.close()


@pytest.fixture
def bus(on):
    return on()


def read(bus, register=0x10, address=HERE):
    return bus.read_byte_data(address, register)


adapters = pytest.mark.parametrize("adapter", ADAPTERS)


def each(*values):
    """One expected value per adapter; None: it works."""
    return pytest.mark.parametrize(("adapter", "expected"), list(zip(ADAPTERS, values, strict=True)))


def outcome(action, *arguments):
    try:
        action(*arguments)
    except OSError as error:
        return error.errno
    return None


class TestAnAdapter:
    @each(121, 121, 6)
    def test_says_that_nobody_answers(self, on, adapter, expected):
        assert outcome(on(adapter).i2c_rdwr, i2c_msg.read(NOBODY, 1)) == expected

    @each(121, 121, 5)
    def test_says_that_a_byte_was_refused(self, on, adapter, expected):
        assert outcome(on(adapter).i2c_rdwr, i2c_msg.write(HERE, [0xFF])) == expected

    @each(110, 110, 110)
    def test_times_out_on_a_stuck_line(self, on, adapter, expected):
        bus = on(adapter)
        bus.faults.add("stuck")
        assert outcome(bus.i2c_rdwr, i2c_msg.read(HERE, 1)) == expected

    @each(95, None, None)
    def test_may_refuse_a_read_that_is_not_the_last_message(self, on, adapter, expected):
        messages = i2c_msg.read(HERE, 1), i2c_msg.write(HERE, [0])
        assert outcome(on(adapter).i2c_rdwr, *messages) == expected

    @each(None, 22, None)
    def test_may_refuse_two_addresses_in_one_transfer(self, on, adapter, expected):
        messages = i2c_msg.write(HERE, [0]), i2c_msg.write(THERE, [0])
        assert outcome(on(adapter).i2c_rdwr, *messages) == expected

    @each(None, 95, None)
    def test_may_refuse_an_empty_message(self, on, adapter, expected):
        assert outcome(on(adapter).i2c_rdwr, i2c_msg.write(HERE, [])) == expected

    @each(None, 95, None)
    def test_may_refuse_a_quick_command(self, on, adapter, expected):
        bus = on(adapter)
        assert outcome(bus.write_quick, HERE) == expected
        assert bool(bus.funcs & I2cFunc.SMBUS_QUICK) == (expected is None)

    @each(95, 95, None)
    def test_may_refuse_a_block_whose_length_the_chip_tells(self, on, adapter, expected):
        bus = on(adapter)
        bus.chips[0x22].answer = b"\x02ab"
        assert outcome(bus.read_block_data, 0x22, 5) == expected
        assert bool(bus.funcs & I2cFunc.SMBUS_READ_BLOCK_DATA) == (expected is None)

    @adapters
    def test_takes_no_more_than_42_messages(self, on, adapter):
        assert outcome(on(adapter).i2c_rdwr, *(i2c_msg.write(HERE, [0]) for _ in range(43))) == 22

    @adapters
    def test_writes_and_reads_in_one_transfer(self, on, adapter):
        bus = on(adapter)
        answer = i2c_msg.read(HERE, 3)
        bus.i2c_rdwr(i2c_msg.write(HERE, [1, 10, 20, 30]))
        bus.i2c_rdwr(i2c_msg.write(HERE, [1]), answer)
        assert bytes(answer) == bytes([10, 20, 30])
        assert bus.transfers == 2

    def test_reads_high_where_a_chip_stops_talking(self, bus):
        bus.chips[0x22].answer = b"\x01"
        answer = i2c_msg.read(0x22, 3)
        bus.i2c_rdwr(answer)
        assert bytes(answer) == b"\x01\xff\xff"


class TestSmbusCalls:
    def test_are_those_of_the_real_library(self):
        assert FakeBus.read_word_data is SMBus.read_word_data

    def test_carry_a_byte(self, bus):
        bus.write_byte(HERE, 0x10)
        assert bus.read_byte(HERE) == 7

    def test_carry_a_byte_of_a_register(self, bus):
        bus.write_byte_data(HERE, 3, 99)
        assert bus.read_byte_data(HERE, 3) == 99

    def test_carry_a_word_low_byte_first(self, bus):
        bus.write_word_data(HERE, 3, 0x1234)
        assert bus.chips[HERE].bank[3:5] == b"\x34\x12"
        assert bus.read_word_data(HERE, 3) == 0x1234

    def test_carry_an_i2c_block(self, bus):
        bus.write_i2c_block_data(HERE, 3, [1, 2, 3, 4])
        assert bus.read_i2c_block_data(HERE, 3, 4) == [1, 2, 3, 4]

    def test_carry_a_block_after_its_length(self, bus):
        bus.write_block_data(0x22, 9, [1, 2, 3])
        assert bus.chips[0x22].heard == [b"\x09\x03\x01\x02\x03"]

    def test_carry_a_block_whose_length_the_chip_tells(self, on):
        bus = on("gpio")
        bus.chips[0x22].answer = b"\x03abc"
        assert bytes(bus.read_block_data(0x22, 5)) == b"abc"

    def test_refuse_a_block_of_an_impossible_length(self, on):
        assert outcome(on("gpio").read_block_data, 0x22, 5) == 71  # nobody drives the line: a length of 255

    def test_carry_a_process_call(self, bus):
        bus.chips[0x22].answer = b"\x78\x56"
        assert bus.process_call(0x22, 9, 0x1234) == 0x5678
        assert bus.chips[0x22].heard == [b"\x09\x34\x12"]

    def test_go_to_the_address_that_was_set_last(self, bus):
        bus.write_byte_data(HERE, 3, 1)
        bus.write_byte_data(THERE, 3, 2)
        assert [bus.read_byte_data(HERE, 3), bus.read_byte_data(THERE, 3)] == [1, 2]

    def test_still_go_there_after_a_driver_used_the_bus(self, bus, time):
        bus.plug(0x44, fake_chip("sht4x"))
        bus.write_byte_data(HERE, 3, 1)
        air = open_chip("sht4x", bus)
        air.sleep = time.sleep
        air.read()
        assert bus.read_byte_data(HERE, 3) == 1


class TestPacketErrorChecking:
    @pytest.fixture
    def bus(self, on):
        bus = on()
        bus.pec = 1
        return bus

    def test_checks_what_is_read(self, bus):
        said = bytes([0x22 << 1, 5, 0x22 << 1 | 1, 0x34, 0x12])
        bus.chips[0x22].answer = said[3:] + bytes([crc8(said, 0, 0x07)])
        assert bus.read_word_data(0x22, 5) == 0x1234

    def test_says_ebadmsg_when_a_bit_is_wrong(self, bus):
        said = bytes([0x22 << 1, 5, 0x22 << 1 | 1, 0x34, 0x12])
        bus.chips[0x22].answer = said[3:] + bytes([crc8(said, 0, 0x07) ^ 1])
        assert outcome(bus.read_word_data, 0x22, 5) == 74

    def test_checks_the_frame_of_the_datasheet(self, bus):
        bus.plug(0x5A, Recorder())
        bus.chips[0x5A].answer = b"\xd2\x3a\x30"  # MLX90614: 28.01 °C of command 0x07
        assert bus.read_word_data(0x5A, 0x07) == 0x3AD2

    def test_is_written_after_the_data(self, bus):
        bus.write_byte_data(0x22, 5, 6)
        assert bus.chips[0x22].heard == [bytes([5, 6, crc8(bytes([0x22 << 1, 5, 6]), 0, 0x07)])]

    def test_leaves_i2c_blocks_alone(self, bus):
        bus.write_i2c_block_data(0x22, 5, [6, 7])
        assert bus.chips[0x22].heard == [b"\x05\x06\x07"]


class TestAnAddressThatTheKernelOwns:
    @pytest.fixture
    def bus(self, on):
        bus = on()
        bus.claimed.add(HERE)
        return bus

    def test_is_busy_for_smbus_calls(self, bus):
        assert outcome(bus.read_byte, HERE) == 16

    def test_is_open_to_those_who_force_it(self, bus):
        assert bus.read_byte_data(HERE, 0x10, force=True) == 7

    def test_is_not_checked_by_i2c_rdwr(self, bus):
        bus.i2c_rdwr(i2c_msg.read(HERE, 1))


class TestTheDescriptor:
    def test_is_closed_once_and_for_all(self, on):
        bus = on()
        bus.close()
        bus.close()
        assert bus.fd is None

    def test_tells_two_buses_apart(self, on):
        one, two = on(), on()
        one.write_byte_data(HERE, 3, 1)
        assert two.read_byte_data(HERE, 3) == 0


class TestAFault:
    def test_of_an_unknown_kind_is_refused(self):
        with pytest.raises(ValueError, match="unplugged"):
            InjectedFault("sunspots")

    @pytest.mark.parametrize("kind", ["unplugged", "nack", "flaky", "stuck", "hang"])
    def test_is_there_from_its_beginning_to_its_end(self, bus, time, kind):
        bus.faults.add(kind, HERE, at=10.0, lasts=5.0)
        assert read(bus) == 7
        time.sleep(10)
        assert outcome(read, bus) in (110, 121)
        time.sleep(5)
        assert read(bus) == 7

    @pytest.mark.parametrize("kind", sorted(set(KINDS) - {"power_loss", "frozen", "slow", "corrupt", "wrong_chip"}))
    def test_of_one_chip_leaves_the_others_alone(self, bus, kind):
        bus.faults.add(kind, HERE, lasts=1.0)
        with pytest.raises((OSError, TypeError)):
            read(bus)
        assert read(bus, address=THERE) == 7

    def test_of_no_address_is_the_whole_bus(self, bus):
        bus.faults.add("nack")
        assert {outcome(read, bus, 0x10, address) for address in (HERE, THERE)} == {121}

    @pytest.mark.parametrize("kind", ["unplugged", "wrong_chip"])
    def test_that_ends_leaves_a_chip_that_forgot_everything(self, bus, time, kind):
        bus.write_byte_data(HERE, 3, 99)
        bus.faults.add(kind, HERE, lasts=5.0)
        outcome(read, bus)
        time.sleep(5)
        assert read(bus, 3) == 0

    def test_of_silence_leaves_what_the_chip_knows(self, bus, time):
        bus.write_byte_data(HERE, 3, 99)
        bus.faults.add("nack", HERE, lasts=5.0)
        outcome(read, bus)
        time.sleep(5)
        assert read(bus, 3) == 99

    def test_of_power_is_a_blip(self, bus):
        bus.write_byte_data(HERE, 3, 99)
        bus.faults.add("power_loss", HERE)
        assert read(bus, 3) == 0
        bus.write_byte_data(HERE, 3, 98)
        assert read(bus, 3) == 98

    def test_of_a_wrong_chip_lets_somebody_else_answer(self, bus):
        bus.faults.add("wrong_chip", HERE)
        assert read(bus) == 0x42

    def test_of_a_wrong_chip_puts_nobody_on_an_empty_address(self, bus):
        bus.faults.add("wrong_chip", NOBODY)
        assert outcome(read, bus, 0, NOBODY) == 121

    def test_of_freezing_holds_what_was_felt(self, bus, time):
        bus.faults.add("frozen", HERE, lasts=5.0)
        read(bus)
        bus.chips[HERE].feel(number=9)
        assert read(bus) == 7
        time.sleep(5)
        read(bus)
        bus.chips[HERE].feel(number=9)
        assert read(bus) == 9

    def test_of_slowness_takes_its_time_once_a_transfer(self, bus, time):
        bus.faults.add("slow", HERE, delay=0.3)
        before = time()
        assert read(bus) == 7
        assert time() - before == pytest.approx(0.3)

    def test_of_hanging_ends_in_a_timeout(self, bus, time):
        bus.faults.add("hang", HERE, lasts=5.0)
        before = time()
        assert outcome(read, bus) == 110
        assert time() - before == pytest.approx(5.0)

    def test_that_is_a_bug_is_no_error_of_the_system(self, bus):
        bus.faults.add("bug", HERE)
        with pytest.raises(TypeError):
            read(bus)

    def test_that_corrupts_flips_one_bit_of_what_is_read(self, bus):
        bus.faults.add("corrupt", HERE)
        assert all((read(bus) ^ 7).bit_count() == 1 for _ in range(20))

    def test_that_is_flaky_fails_as_often_as_its_rate(self, bus):
        bus.faults.add("flaky", HERE, rate=0.3)
        failures = sum(outcome(read, bus) is not None for _ in range(1000))
        assert 250 < failures < 350

    def test_strikes_alike_for_the_same_seed(self, time):
        def run():
            with FakeBus({HERE: Memory()}, clock=time, wait=time.sleep, seed=5) as bus:
                bus.faults.add("flaky", HERE, rate=0.5)
                return [outcome(read, bus) for _ in range(50)]

        assert run() == run()


class TestAFaultThatIsTakenAway:
    def test_is_over(self, bus):
        fault = bus.faults.add("nack", HERE)
        assert outcome(read, bus) == 121
        bus.faults.remove(fault)
        assert read(bus) == 7

    def test_is_forgotten(self, bus):
        fault = bus.faults.add("nack", HERE)
        outcome(read, bus)
        bus.faults.remove(fault)
        read(bus)
        assert bus.faults.all == []

    def test_thaws_what_was_frozen(self, bus):
        bus.faults.add("frozen", HERE)
        read(bus)
        bus.faults.clear()
        read(bus)
        bus.chips[HERE].feel(number=9)
        assert read(bus) == 9

    def test_plugs_in_again_what_was_unplugged(self, bus):
        bus.write_byte_data(HERE, 3, 99)
        bus.faults.add("unplugged", HERE)
        outcome(read, bus)
        bus.faults.clear()
        assert read(bus, 3) == 0

    def test_never_happened_if_nobody_met_it(self, bus):
        bus.write_byte_data(HERE, 3, 99)
        bus.faults.remove(bus.faults.add("power_loss", HERE))
        assert read(bus, 3) == 99


class TestTheTime:
    def test_of_the_chips_is_that_of_the_bus(self, bus, time):
        bus.plug(0x44, fake_chip("sht4x"))
        bus.write_byte(0x44, 0xFD)
        assert outcome(bus.read_byte, 0x44) == 121
        time.sleep(0.0083)
        bus.read_byte(0x44)

    def test_stands_still_without_a_wait(self, bus, time):
        before = time()
        read(bus)
        assert time() == before

    def test_goes_on_when_a_hanging_bus_is_closed(self):
        bus = FakeBus({HERE: Memory()})
        bus.faults.add("hang", HERE)
        hangs, outcomes = threading.Event(), []
        bus.wait = lambda seconds: hangs.set() or bus.released.wait(seconds)
        thread = threading.Thread(target=lambda: outcomes.append(outcome(bus.i2c_rdwr, i2c_msg.read(HERE, 1))))
        thread.start()
        assert hangs.wait(5)
        bus.close()
        thread.join(5)
        assert outcomes == [110]


def test_a_transfer_is_alone_on_the_bus(on):
    """The first thread pauses between its two messages; the second one has to wait for its end."""
    heard, inside, goes_on = [], threading.Event(), threading.Event()

    class Pausing(FakeChip):
        def on_write(self, data):
            heard.append(data)
            if data == b"one":
                inside.set()
                goes_on.wait(5)

        def on_read(self, length):
            heard.append(b"read")
            return b"\x00"

    bus = on()
    bus.plug(0x23, Pausing())
    one = threading.Thread(target=bus.i2c_rdwr, args=(i2c_msg.write(0x23, b"one"), i2c_msg.read(0x23, 1)))
    two = threading.Thread(target=bus.i2c_rdwr, args=(i2c_msg.write(0x23, b"two"),))
    one.start()
    assert inside.wait(5)
    two.start()
    two.join(0.05)  # time in which it could come between
    goes_on.set()
    one.join(5)
    two.join(5)
    assert heard == [b"one", b"read", b"two"]

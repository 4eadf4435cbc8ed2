"""A channel of a multiplexer is a bus: drivers work over it unchanged, faults stay where they are."""

import contextlib
import threading

import pytest
from smbus2 import i2c_msg

from drivers import open_chip
from drivers.bus.lasting import LastingBus
from drivers.bus.mux import Mux
from drivers.errors import AddressClaimed, BusTimeout, NoAcknowledge, TransientError
from drivers.fakes import FakeBus, FakeTime, fake_chip

MUX, AIR = 0x70, 0x44
ADAPTERS = ("bcm2835", "designware", "gpio")


@pytest.fixture
def time():
    return FakeTime()


@pytest.fixture(params=ADAPTERS)
def bus(request, time):
    """A bus with one multiplexer; on its channels 3 and 5 a sensor at the same address."""
    channels = {3: {AIR: fake_chip("sht4x", temperature=3.0)}, 5: {AIR: fake_chip("sht4x", temperature=5.0)}}
    with FakeBus({MUX: fake_chip("tca9548a", channels=channels)}, adapter=request.param, clock=time) as bus:
        yield bus


@pytest.fixture
def air(bus, time):
    """Make the sensor behind a channel."""

    def make(channel, address=MUX):
        chip = open_chip("sht4x", Mux(bus, address, channel))
        chip.sleep = time.sleep
        return chip

    return make


def celsius(chip):
    return round(chip.read()["temperature"], 1)


class TestAChannel:
    def test_reaches_its_own_chip_among_namesakes(self, air):
        three, five = air(3), air(5)
        assert [celsius(chip) for chip in (three, five, three)] == [3.0, 5.0, 3.0]

    def test_is_disconnected_after_each_transfer(self, air, bus):
        air(3).read()
        assert bus.chips[MUX].control == 0

    def test_is_disconnected_after_a_transfer_that_failed(self, air, bus):
        bus.chips[MUX].channels[3].clear()
        with pytest.raises(NoAcknowledge):
            air(3).read()
        assert bus.chips[MUX].control == 0

    def test_says_who_is_silent_behind_it(self, air, bus):
        bus.chips[MUX].channels[3].clear()
        with pytest.raises(NoAcknowledge, match=r"i2c-1: 0x44 \(sht4x\): no acknowledge"):
            air(3).read()

    def test_uses_a_transfer_each_for_selecting_reading_and_deselecting(self, bus):
        before = bus.transfers
        Mux(bus, MUX, 3).i2c_rdwr(i2c_msg.write(AIR, [0x89]))
        assert bus.transfers - before == 3

    def test_passes_on_that_the_kernel_owns_an_address(self, air, bus):
        bus.claimed.add(AIR)
        with pytest.raises(AddressClaimed):
            air(3).read()

    @pytest.mark.parametrize(("address", "channel"), [(0x6F, 0), (0x78, 0), (0x70, -1), (0x70, 8)])
    def test_that_cannot_be_is_refused_without_io(self, address, channel):
        with pytest.raises(ValueError, match="TCA9548A"):
            Mux(object(), address, channel)


class TestALostMultiplexer:
    def test_is_named(self, air, bus):
        bus.chips.pop(MUX)
        with pytest.raises(NoAcknowledge, match="the multiplexer 0x70 does not answer"):
            air(3).read()

    def test_works_again_once_it_is_back(self, air, bus):
        chip = air(3)
        fault = bus.faults.add("unplugged", MUX)
        with pytest.raises(NoAcknowledge):
            chip.read()
        bus.faults.remove(fault)
        assert celsius(chip) == 3.0

    def test_does_not_hinder_another_one(self, air, bus):
        bus.plug(0x71, fake_chip("tca9548a"))
        bus.chips[0x71].plug(0, AIR, fake_chip("sht4x", temperature=7.1))
        bus.faults.add("unplugged", MUX)
        with pytest.raises(NoAcknowledge, match="0x70"):
            air(3).read()
        assert celsius(air(0, 0x71)) == 7.1

    def test_that_forgot_its_channel_is_selected_anew(self, air, bus):
        chip = air(3)
        chip.read()
        bus.chips[MUX].lose_power()
        assert celsius(chip) == 3.0


class TestAFailingChannel:
    def test_is_a_timeout_of_its_chip(self, air, bus):
        bus.chips[MUX].failing.add(3)
        with pytest.raises(BusTimeout, match="0x44"):
            air(3).read()

    def test_leaves_the_others_alone(self, air, bus):
        bus.chips[MUX].failing.add(3)
        with pytest.raises(BusTimeout):
            air(3).read()
        assert celsius(air(5)) == 5.0

    def test_is_read_again_once_it_is_well(self, air, bus):
        chip = air(3)
        bus.chips[MUX].failing.add(3)
        with pytest.raises(BusTimeout):
            chip.read()
        bus.chips[MUX].failing.clear()
        assert celsius(chip) == 3.0


class DeafAtClosing:
    """A bus on which the next `deaf` attempts to deselect are lost."""

    def __init__(self, bus, deaf):
        self.bus, self.deaf = bus, deaf

    def i2c_rdwr(self, *messages):
        if self.deaf and bytes(messages[0]) == b"\x00":
            self.deaf -= 1
            raise OSError(121, "not acknowledged")
        self.bus.i2c_rdwr(*messages)


class TestAChannelThatStayedConnected:
    def test_does_not_cost_the_reading_that_is_there(self, bus, time):
        chip = open_chip("sht4x", Mux(DeafAtClosing(bus, 1000), MUX, 3))
        chip.sleep = time.sleep
        assert celsius(chip) == 3.0
        assert bus.chips[MUX].control == 1 << 3

    def test_is_overwritten_by_the_next_selection(self, bus, time):
        deaf = DeafAtClosing(bus, 1000)
        for channel in (3, 5):
            chip = open_chip("sht4x", Mux(deaf, MUX, channel))
            chip.sleep = time.sleep
            assert celsius(chip) == channel

    def test_is_closed_before_another_multiplexer_is_used(self, bus):
        bus.plug(0x71, fake_chip("tca9548a"))
        bus.chips[0x71].plug(0, AIR, fake_chip("sht4x"))
        deaf = DeafAtClosing(bus, 1)
        Mux(deaf, MUX, 3).i2c_rdwr(i2c_msg.write(AIR, [0x94]))
        assert bus.chips[MUX].control == 1 << 3
        Mux(deaf, 0x71, 0).i2c_rdwr(i2c_msg.write(AIR, [0x94]))
        assert bus.chips[MUX].control == 0


class TestAMultiplexerThatAnotherProgramLeftOpen:
    @pytest.fixture
    def left_open(self, bus):
        """A second multiplexer, whose chip answers at the address of the first one's."""
        bus.plug(0x71, fake_chip("tca9548a"))
        other = bus.chips[0x71]
        other.plug(0, AIR, fake_chip("sht4x", temperature=16.0))
        other.control = other.wanted = 1
        return other

    def test_is_closed_before_the_first_selection(self, bus, air, left_open):
        Mux(bus, 0x71, 0)
        assert celsius(air(3)) == 3.0
        assert left_open.control == 0

    @pytest.mark.parametrize("failures", [1, 3])
    def test_is_tried_again_when_closing_it_fails(self, bus, time, left_open, failures):
        deaf = DeafAtClosing(bus, failures)
        Mux(deaf, 0x71, 0)
        chip = open_chip("sht4x", Mux(deaf, MUX, 3))
        chip.sleep = time.sleep
        with contextlib.suppress(TransientError):
            chip.read()
        assert celsius(chip) == 3.0
        assert left_open.control == 0

    def test_is_closed_before_a_chip_on_the_bus_itself_is_read(self, bus, time, left_open):
        bus.plug(AIR, fake_chip("sht4x", temperature=25.0))
        lasting = LastingBus("i2c-1", lambda: bus)
        Mux(lasting, 0x71, 0)
        chip = open_chip("sht4x", lasting)
        chip.sleep = time.sleep
        assert celsius(chip) == 25.0

    def test_that_is_gone_costs_no_reading(self, bus, time):
        lasting = LastingBus("i2c-1", lambda: bus)
        Mux(lasting, 0x72, 0)
        chip = open_chip("sht4x", Mux(lasting, MUX, 5))
        chip.sleep = time.sleep
        assert celsius(chip) == 5.0


def test_threads_do_not_come_between_selecting_and_transfer(bus):
    """The first thread pauses in the middle of its turn; the second one has to wait for its end."""
    seen, inside, goes_on = [], threading.Event(), threading.Event()

    class Pausing:
        def i2c_rdwr(self, *messages):
            seen.append((threading.current_thread().name, messages[0].addr))
            if threading.current_thread().name == "one" and messages[0].addr == AIR:
                inside.set()
                goes_on.wait(5)
            bus.i2c_rdwr(*messages)

    pausing = Pausing()
    threads = [
        threading.Thread(target=Mux(pausing, MUX, n).i2c_rdwr, args=(i2c_msg.write(AIR, [0x94]),), name=name)
        for name, n in (("one", 3), ("two", 5))
    ]
    threads[0].start()
    assert inside.wait(5)
    threads[1].start()
    threads[1].join(0.05)  # time in which it could come between
    goes_on.set()
    for thread in threads:
        thread.join(5)
    assert seen == [(name, address) for name in ("one", "two") for address in (MUX, AIR, MUX)]


class TestTheFakeMultiplexer:
    def test_connects_a_channel_from_the_stop_condition_on(self, time):
        chips = {MUX: fake_chip("tca9548a", channels={3: {AIR: fake_chip("sht4x")}})}
        with FakeBus(chips, clock=time) as bus:
            select, command = i2c_msg.write(MUX, [1 << 3]), i2c_msg.write(AIR, [0x89])
            with pytest.raises(OSError, match="not acknowledged"):
                bus.i2c_rdwr(select, command)
            bus.i2c_rdwr(command)

    def test_lets_namesakes_speak_at_once_when_two_channels_are_connected(self, bus, time):
        bus.i2c_rdwr(i2c_msg.write(MUX, [1 << 3 | 1 << 5]))
        bus.i2c_rdwr(i2c_msg.write(AIR, [0xFD]))
        time.sleep(0.0083)
        both = i2c_msg.read(AIR, 6)
        bus.i2c_rdwr(both)
        alone = []
        for channel in (3, 5):
            bus.i2c_rdwr(i2c_msg.write(MUX, [1 << channel]))
            bus.i2c_rdwr(i2c_msg.write(AIR, [0xFD]))
            time.sleep(0.0083)
            answer = i2c_msg.read(AIR, 6)
            bus.i2c_rdwr(answer)
            alone.append(bytes(answer))
        assert bytes(both) == bytes(a & b for a, b in zip(*alone, strict=True))

    def test_says_what_is_connected(self, bus):
        bus.i2c_rdwr(i2c_msg.write(MUX, [1 << 5]))
        assert bus.read_byte(MUX) == 1 << 5

    def test_hands_a_power_loss_to_the_chips_behind_it(self, bus):
        chip = bus.chips[MUX].channels[3][AIR]
        chip.answer = b"left"
        bus.faults.add("power_loss", AIR)
        bus.read_byte(MUX)
        assert chip.answer == b""

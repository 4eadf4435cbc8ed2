"""A bus that fell silent is freed: once per opening of its breaker, in the bus's own thread."""

from random import Random

import pytest
from gpiozero import Device
from greenhouse import Greenhouse

from agent import config
from agent.service.build import Assembly
from agent.simulation.machine import SimulatedMachine
from agent.simulation.worker import LoopWorker
from drivers.errors import BusStuck


class Spy:
    """A recovery that is counted; ends the faults of a bus, or fails."""

    def __init__(self, bus, helps=True):
        self.bus, self.helps, self.times = bus, helps, 0

    def steps(self):
        self.times += 1
        yield 0.5
        if not self.helps:
            raise BusStuck("SCL is held low")
        self.bus.faults.clear()
        return "clocks"

    def close(self):
        pass


@pytest.fixture(autouse=True)
def pins():
    """Leave gpiozero as it was."""
    before = Device.pin_factory
    yield
    Device.pin_factory = before


def house(helps=True, sensors=2):
    made = Greenhouse(per_bus=(sensors,))
    bus = made.guarded["i2c-1"]
    bus.recovery = Spy(made.buses["i2c-1"], helps)
    return made, bus.recovery


class TestABusWithARecovery:
    def test_reads_again_after_it_helped(self, runner):
        async def run():
            made, spy = house()
            made.fault("stuck")
            batches = await made.rounds(3)
            return spy.times, [batch.degraded for batch in batches]

        times, degraded = runner.run(run())
        assert times == 1
        assert degraded[0]
        assert not degraded[-1]

    def test_tries_once_each_time_that_the_breaker_opens(self, runner):
        async def run():
            made, spy = house(helps=False)
            made.fault("stuck")
            opened = []
            breaker = made.guarded["i2c-1"].breaker
            breaker.on_event = lambda event: opened.append(event) if event.new.value == "open" else None
            await made.rounds(12)
            return spy.times, len(opened)

        times, opened = runner.run(run())
        assert times == opened > 1

    def test_tries_once_when_three_sensors_find_the_bus_dead_at_the_same_time(self, runner):
        async def run():
            made, spy = house(helps=False, sensors=3)
            await made.rounds(1)
            next_round = (made.clock() // 10 + 1) * 10
            made.buses["i2c-1"].faults.add("stuck", at=next_round + 0.004)  # all of them are converting then
            await made.rounds(1)
            return spy.times, made.guarded["i2c-1"].silent

        times, silent = runner.run(run())
        assert len(silent) == 3
        assert times == 1

    def test_leaves_a_bus_alone_on_which_one_sensor_is_silent(self, runner):
        async def run():
            made, spy = house()
            made.fault("unplugged", "s1")
            await made.rounds(5)
            return spy.times

        assert runner.run(run()) == 0

    def test_leaves_a_bus_alone_whose_thread_hangs(self, runner):
        async def run():
            made, spy = house()
            made.fault("hang")
            await made.rounds(5)
            return spy.times

        assert runner.run(run()) == 0

    def test_says_what_it_did(self, runner, caplog):
        async def run():
            made, _ = house()
            made.fault("stuck")
            await made.rounds(2)

        with caplog.at_level("INFO", "limpet.bus"):
            runner.run(run())
        assert "bus recovery done" in caplog.messages

    def test_says_that_it_did_not_help_and_why(self, runner, caplog, logged):
        async def run():
            made, _ = house(helps=False)
            made.fault("stuck")
            await made.rounds(2)

        with caplog.at_level("INFO", "limpet.bus"):
            runner.run(run())
        (told,) = [record for record in logged("limpet.bus") if record.msg == "bus recovery failed"]
        assert told.error == "SCL is held low"


TWO = """
[[sensor]]
id = "a"
driver = "sht4x"
[[sensor]]
id = "b"
driver = "bme280"
"""
PULSES = '[[bus]]\nname = "i2c-1"\nrecovery = "pulses"\nscl = 23\nsda = 24\n'
POWER = '[[bus]]\nname = "i2c-1"\nrecovery = "power"\npower = 25\n'


def parsed(text):
    settings, mistakes = config.parse(text)
    assert settings, mistakes
    return settings


class TestTheConfiguration:
    def assembled(self, settings, clock=lambda: 0.0):
        machine = SimulatedMachine(settings, clock=clock)
        assembly = Assembly(machine, clock, Random(1), lambda event: None)
        assembly.arrange(settings)
        return assembly

    def test_without_a_bus_table_recovers_nothing(self):
        assert self.assembled(parsed(TWO)).buses["i2c-1"].recovery is None

    def test_is_followed_when_it_is_read_again(self):
        assembly = self.assembled(parsed(TWO))
        kinds = []
        for text in (PULSES, PULSES, POWER, ""):
            assembly.arrange(parsed(TWO + text))
            kinds.append(type(assembly.buses["i2c-1"].recovery).__name__)
        assert kinds == ["Pulses", "Pulses", "Power", "NoneType"]

    @pytest.mark.parametrize("text", [PULSES, POWER])
    def test_frees_the_simulated_bus_through_simulated_pins(self, runner, text):
        async def run():
            from agent.acquisition.collector import Collector
            from agent.acquisition.scheduler import Scheduler

            settings, loop, batches = parsed(TWO + text), runner.get_loop(), []
            machine = SimulatedMachine(settings, clock=loop.time, worker=lambda bus: LoopWorker(bus, loop))
            assembly = Assembly(machine, loop.time, Random(1), lambda event: None)
            assembly.arrange(settings)
            machine.bus(1).faults.add("stuck")
            collector = Collector(assembly.buses, loop.time)
            await Scheduler(collector, assembly.due, batches.append, loop.time).run(3)
            return [batch.degraded for batch in batches]

        degraded = runner.run(run())
        assert degraded[0]
        assert not degraded[-1]

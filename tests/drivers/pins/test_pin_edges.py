"""Edges: debounced, capped, and the truth told in the end."""

import pytest

from drivers.errors import BusError
from drivers.pins.edges import Edges


class Bench:
    """A line, a clock and timers in the test's hand."""

    def __init__(self, *, quiet=0.02, most=20):
        self.now, self.level, self.timers, self.told = 1000.0, 0, [], []
        self.edges = Edges(lambda: self.level, quiet=quiet, most=most)
        self.edges.clock = lambda: self.now
        self.edges.later = lambda seconds, function: self.timers.append((self.now + seconds, function))
        self.edges.settle()
        self.edges.tell = lambda value, at: self.told.append((value, round(at - 1000, 6)))

    def go(self, *levels, every=0.0):
        for level in levels:
            self.level = level
            self.edges.edge(level)
            self.now += every

    def run(self, until):
        while self.timers and self.timers[0][0] <= 1000 + until:
            self.now, function = self.timers.pop(0)
            function()
        self.now = 1000 + until


class TestALineThatBounces:
    def test_is_told_once(self):
        bench = Bench()
        bench.go(1, 0, 1, 0, 1, every=0.001)
        bench.run(1)
        assert bench.told == [(1, 0.0)]
        assert bench.edges.count == 1

    def test_is_told_where_it_settles_even_if_the_pulse_was_shorter_than_the_bounce(self):
        bench = Bench()
        bench.go(1, 0, every=0.001)
        bench.run(1)
        assert bench.told == [(1, 0.0), (0, 0.02)]

    def test_is_told_again_after_the_quiet_time(self):
        bench = Bench()
        bench.go(1, 0, 1, every=0.1)
        assert [value for value, _ in bench.told] == [1, 0, 1]
        assert bench.edges.count == 2


class TestAStorm:
    def test_tells_no_more_than_the_cap_in_a_second_and_counts_the_rest(self):
        bench = Bench(quiet=0, most=5)
        bench.go(*[1, 0] * 50, every=0.001)
        assert len(bench.told) == 5
        assert bench.edges.suppressed == 95
        assert bench.edges.count == 50

    def test_ends_with_the_present_level(self):
        bench = Bench(quiet=0, most=5)
        bench.go(*[1, 0] * 50, every=0.001)  # the fifth that was told is a 1, the last level is 0
        bench.run(3)
        assert bench.told[-1][0] == 0
        assert len(bench.told) == 6

    def test_is_told_in_full_again_when_it_is_over(self):
        bench = Bench(quiet=0, most=5)
        bench.go(*[1, 0] * 50, every=0.001)
        bench.run(10)
        bench.told.clear()
        bench.go(1, 0, every=0.1)
        assert [value for value, _ in bench.told] == [1, 0]


class TestAWatcher:
    def test_that_raises_does_not_kill_the_thread_and_is_kept_for_the_next_reading(self):
        bench = Bench()
        bench.edges.tell = lambda value, at: 1 / 0
        bench.go(1)
        assert isinstance(bench.edges.failure, ZeroDivisionError)

    def test_hears_of_an_edge_that_the_kernel_lost(self):
        bench = Bench()
        bench.level = 1
        bench.edges.settle()
        assert bench.told == [(1, 0.0)]

    def test_is_not_told_what_it_knows(self):
        bench = Bench()
        bench.go(1, 1, 1, every=1)
        assert len(bench.told) == 1

    def test_that_comes_late_is_not_told_the_past(self):
        bench = Bench()
        bench.edges.forget()
        bench.go(1, every=1)
        bench.edges.tell = lambda value, at: bench.told.append((value, at))
        bench.edges.settle()
        assert bench.told == []


def test_a_second_look_at_a_line_that_is_gone_waits_for_the_next_reading():
    bench = Bench()

    def gone():
        raise BusError("closed")

    bench.go(1, 0, every=0.001)
    bench.edges.look = gone
    bench.run(1)
    with pytest.raises(BusError):
        bench.edges.settle()

"""What runs the turns of a bus: the thread of a real one and the event loop of a simulated one behave alike."""

import queue
import threading

import pytest

from agent.simulation.worker import LoopWorker
from drivers.bus.worker import BusWorker, Share, Turn
from drivers.fakes import FakeTime

LONG = 10.0  # real seconds after which a thread that has not answered never will


class JumpingQueue(queue.SimpleQueue):
    """Where the thread would wait for its next turn, moves the clock there."""

    def __init__(self, time):
        super().__init__()
        self.time = time

    def get(self, block=True, timeout=None):
        if timeout is None or not self.empty():
            return super().get()
        self.time.sleep(timeout)
        raise queue.Empty


class OnThread:
    """A `BusWorker` in virtual time."""

    def __init__(self):
        self.clock = FakeTime()
        self.worker = BusWorker("i2c-1", self.clock, JumpingQueue(self.clock))
        self.released = threading.Event()

    def take(self, seconds, *looks):
        """Let the step that runs take so long; call each `look` on the way: (after so many seconds, function)."""
        began = self.clock()
        for after, look in looks:
            self.clock.now = began + after
            look()
        if seconds is None:
            self.released.wait(LONG)
        else:
            self.clock.now = began + seconds

    def run(self, *shares):
        """Submit shares of turns and return when all are over."""
        overs = [threading.Event() for _ in shares]
        for turns, over in zip(shares, overs, strict=True):
            self.worker.submit(Share(turns, over.set))
        assert all(over.wait(LONG) for over in overs)

    def begin(self, turns, until):
        """Submit turns of which one never comes back, and return when `until` is set."""
        self.worker.submit(Share(turns, lambda: None))
        assert until.wait(LONG)

    def end(self):
        self.released.set()
        self.worker.close()


class OnLoop:
    """A `LoopWorker` in virtual time."""

    def __init__(self, runner):
        self.runner, self.loop = runner, runner.get_loop()
        self.clock = runner.clock
        self.worker = LoopWorker("i2c-1", self.loop)

    def take(self, seconds, *looks):
        for after, look in looks:
            self.loop.call_later(after, look)
        self.worker.occupy(seconds)

    def run(self, *shares):
        async def all_over():
            overs = [self.loop.create_future() for _ in shares]
            for turns, over in zip(shares, overs, strict=True):
                self.worker.submit(Share(turns, lambda over=over: over.set_result(None)))
            for over in overs:
                await over

        self.runner.run(all_over())

    def begin(self, turns, until):
        async def begun():
            self.worker.submit(Share(turns, lambda: None))
            while not until.is_set():
                over = self.loop.create_future()
                self.loop.call_later(0.01, over.set_result, None)
                await over

        self.runner.run(begun())

    def end(self):
        self.worker.close()


@pytest.fixture(params=["thread", "loop"])
def bench(request, runner):
    one = OnThread() if request.param == "thread" else OnLoop(runner)
    yield one
    one.end()


class TestAWorker:
    def test_begins_the_turns_of_a_share_in_their_order(self, bench):
        order = []

        def turn(n):
            order.append(n)
            yield 0.0

        bench.run([Turn(turn(n), 1.0) for n in range(5)])
        assert order == list(range(5))

    def test_runs_the_others_while_one_waits(self, bench):
        began = bench.clock()

        def converting():
            yield 0.01
            return bench.clock() - began

        turns = [Turn(converting(), 1.0) for _ in range(10)]
        bench.run(turns)
        assert [turn.result for turn in turns] == [pytest.approx(0.01)] * 10
        assert bench.clock() - began == pytest.approx(0.01)

    def test_goes_on_with_whichever_wait_ends_first(self, bench):
        order = []

        def waiting(seconds):
            yield seconds
            order.append(seconds)

        bench.run([Turn(waiting(seconds), 1.0) for seconds in (0.3, 0.1, 0.2)])
        assert order == [0.1, 0.2, 0.3]

    def test_never_lets_a_turn_go_on_before_its_wait_has_ended(self, bench):
        ended = {}

        def holding():
            bench.take(0.5)
            yield 0.0

        def waiting():
            began = bench.clock()
            yield 0.2
            ended["after"] = bench.clock() - began

        bench.run([Turn(waiting(), 1.0), Turn(holding(), 1.0)])
        assert ended["after"] >= 0.2

    def test_says_once_that_a_share_is_over(self, bench):
        def turn(n):
            yield 0.01 * n
            return n

        first, second = ([Turn(turn(n), 1.0) for n in range(3)] for _ in range(2))
        bench.run(first, second)
        assert [one.result for one in first + second] == [0, 1, 2] * 2
        assert all(one.done for one in first + second)
        assert {one.share.left for one in first + second} == {0}

    def test_keeps_a_crash_to_its_own_turn(self, bench):
        def bug():
            yield 0.0
            raise TypeError("a bug")

        def good():
            yield 0.01
            return "well"

        one, two = Turn(bug(), 1.0), Turn(good(), 1.0)
        bench.run([one, two])
        assert (type(one.crashed), one.done, two.crashed, two.result) == (TypeError, True, None, "well")

    def test_closes_an_abandoned_turn_at_its_next_step(self, bench):
        steps = []

        def going_on():
            try:
                for n in range(5):
                    steps.append(n)
                    yield 0.01
            finally:
                steps.append("closed")

        def abandoning():
            turn.abandoned = True
            yield 0.0

        turn = Turn(going_on(), 1.0)
        bench.run([turn, Turn(abandoning(), 1.0)])
        assert (steps, turn.done) == ([0, "closed"], False)

    def test_runs_no_turn_once_it_is_closed(self, bench):
        steps, held = [], threading.Event()

        def closing():
            bench.worker.close()
            held.set()
            yield 0.0
            steps.append("after closing")

        def later():
            steps.append("another turn")
            yield 0.0

        bench.begin([Turn(closing(), 1.0), Turn(later(), 1.0)], held)
        assert not steps


class TestABusThatHangs:
    def test_names_the_turn_whose_step_takes_longer_than_it_may(self, bench):
        seen = []

        def look():
            seen.append(bench.worker.overdue())

        def slow():
            bench.take(0.9, (0.4, look), (0.6, look))
            yield 0.0
            look()

        turn = Turn(slow(), 0.5)
        bench.run([turn])
        assert seen == [None, turn, None]

    def test_does_not_count_a_wait_as_a_step(self, bench):
        seen = []

        def waiting():
            yield 2.0
            seen.append(bench.worker.overdue())

        bench.run([Turn(waiting(), 0.5)])
        assert seen == [None]
        assert bench.worker.overdue() is None

    def test_runs_nothing_else_meanwhile(self, bench):
        steps, hung = [], threading.Event()

        def hanging():
            bench.take(None, (1.5, hung.set))
            yield 0.0

        def other():
            steps.append("other")
            yield 0.0

        turn = Turn(hanging(), 1.0)
        bench.begin([turn, Turn(other(), 1.0)], hung)
        assert bench.worker.overdue() is turn
        assert not steps

    def test_goes_on_with_the_others_when_a_late_step_comes_back(self, bench):
        def slow():
            bench.take(3.0)
            yield 0.0
            return "late"

        def other():
            yield 0.0
            return "well"

        late, well = Turn(slow(), 0.5), Turn(other(), 0.5)
        bench.run([late, well])
        assert (late.result, well.result) == ("late", "well")
        assert bench.worker.overdue() is None


class TestABusThatMoves:
    def test_moves_while_its_steps_are_short(self, bench):
        seen = []

        def look():
            seen.append(bench.worker.moving())

        def transferring():
            bench.take(0.03, (0.02, look))
            yield 0.0

        bench.run([Turn(transferring(), 1.0)])
        assert seen == [True]

    def test_does_not_move_in_the_middle_of_a_long_step(self, bench):
        seen = []

        def hanging():
            bench.take(0.5, (0.2, lambda: seen.append(bench.worker.moving())))
            yield 0.0

        bench.run([Turn(hanging(), 1.0)])
        assert seen == [False]

    def test_does_not_move_without_turns(self, bench):
        def turn():
            yield 0.0

        assert not bench.worker.moving()
        bench.run([Turn(turn(), 1.0)])
        assert not bench.worker.moving()

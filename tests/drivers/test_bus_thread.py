"""The thread of one bus with turns that crash, wait and are abandoned, in real time."""

import threading

from drivers.bus.worker import BusWorker, Share, Turn


def played(*turns: Turn) -> None:
    """Run turns in a bus's thread to their end."""
    done, worker = threading.Event(), BusWorker("test")
    worker.submit(Share(turns, done.set))
    assert done.wait(5)
    worker.close()


def test_a_turn_that_crashes_leaves_the_others_and_the_thread_alone():
    def bug():
        yield 0.0
        raise TypeError

    def good():
        yield 0.01
        return "well"

    one, two = Turn(bug(), 1.0), Turn(good(), 1.0)
    played(one, two)
    assert (type(one.crashed), two.result) == (TypeError, "well")


def test_the_turns_of_a_share_begin_in_their_order():
    order = []

    def noted(number):
        order.append(number)
        yield 0.0

    played(*(Turn(noted(number), 1.0) for number in range(5)))
    assert order == list(range(5))


def test_an_abandoned_turn_is_closed_at_its_next_step():
    steps = []

    def goes_on():
        for number in range(3):
            steps.append(number)
            yield 0.0

    turn = Turn(goes_on(), 1.0)
    turn.step()
    turn.abandoned = True
    assert turn.step() is None
    assert (steps, turn.done) == ([0], False)

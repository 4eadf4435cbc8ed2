"""What the publisher learns of its way to the broker: how much may be under way, and how long to wait."""

from random import Random
from types import SimpleNamespace

from agent.broker import BrokerLost
from agent.publisher.pacing import Pacing
from agent.publisher.reconnect import Reconnect


def test_a_slow_acknowledgement_halves_the_window():
    pacing = Pacing(lambda: 0.0, Random(1), 20.0, 16)
    for _ in range(20):
        pacing.acknowledged(0.1)
    pacing.acknowledged(3.0)
    assert pacing.window == 8


def test_the_first_wait_after_an_acknowledgement_is_short_again():
    longest = SimpleNamespace(uniform=lambda low, high: high)
    reconnect = Reconnect(lambda: 0.0, longest)
    for _ in range(8):
        reconnect.ended(BrokerLost("x"), None)
    assert reconnect.wait(guarded=False) > 1.0
    reconnect.proved()
    reconnect.ended(BrokerLost("x"), None)
    assert reconnect.wait(guarded=False) <= 1.0

"""Schedules that once broke a promise, as short as they could be made."""

import pytest
from faults import Fault
from game import played

ONCE_WRONG = {
    "what a disk held that failed at the start was written over, or never sent": (
        8,
        [
            Fault(558.564, 168.382, "link", "blackhole", 39295),
            Fault(583.679, 274.227, "disk", "failing", 45079),
            Fault(615.673, 1.729, "process", "kill", 63978),
        ],
    ),
    "the same after a clean restart": (
        2,
        [
            Fault(770.91, 50.856, "link", "twin", 39666),
            Fault(847.302, 132.902, "link", "lost_pubacks", 15728),
            Fault(972.434, 247.236, "disk", "failing", 4888),
            Fault(1001.004, 1.415, "process", "restart", 61927),
        ],
    ),
}


@pytest.mark.parametrize("name", ONCE_WRONG)
def test_what_once_went_wrong_goes_right(runner, name):
    seed, schedule = ONCE_WRONG[name]
    assert played(type(runner), seed, 0.6, schedule).wrong == []

"""A line that bounces more than once: each time it is told where the line settled."""

from drivers.pins.edges import Edges


def test_a_line_that_bounced_twice_is_told_where_it_settled_both_times():
    level, now, timers, told = [0], [1000.0], [], []
    edges = Edges(lambda: level[0], quiet=0.02, most=20)
    edges.clock, edges.later = lambda: now[0], lambda seconds, function: timers.append(function)
    edges.settle()
    edges.tell = lambda value, at: told.append(value)
    for _ in range(2):
        for value in (1, 0):
            level[0] = value
            edges.edge(value)
            now[0] += 0.001
        now[0] += 1
        while timers:
            timers.pop()()
        now[0] += 1
    assert told == [1, 0, 1, 0]

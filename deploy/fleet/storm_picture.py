"""The picture of a storm: how many agents are back, second by second, as SVG that loads nothing."""

from __future__ import annotations

from dataclasses import dataclass

WIDTH, HEIGHT, LEFT, TOP = 440, 180, 60, 40
COLOURS = ("#2a7f62", "#3b6ea8", "#b5483a", "#8a6d1d")
SHOWN = 240  # seconds


@dataclass(frozen=True, slots=True)
class Curve:
    """One strategy after one outage. `back`: seconds until all were in again; None: not within an hour."""

    name: str
    outage: float
    peak: int
    back: float | None
    arrivals: dict[int, int]
    served: tuple[float, ...]


def svg(made: list[Curve], outages: tuple[float, ...], agents: int) -> str:
    """Return a picture that loads nothing: how many are back, second by second, after each outage."""
    panels = []
    for column, outage in enumerate(outages):
        mine = [one for one in made if one.outage == outage]
        panels.append(_panel(mine, outage, agents, LEFT + column * (WIDTH + 80)))
    width, height = 2 * (WIDTH + 80) + 20, HEIGHT + 130
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="12">\n'
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>\n' + "\n".join(panels) + "\n</svg>\n"
    )


def _panel(made: list[Curve], outage: float, agents: int, left: int) -> str:
    bottom = TOP + HEIGHT
    parts = [
        f'<text x="{left}" y="{TOP - 16}" font-weight="bold">the broker was away for {outage:.0f} s</text>',
        f'<path d="M{left} {TOP}V{bottom}H{left + WIDTH}" fill="none" stroke="#555555"/>',
        f'<text x="{left - 8}" y="{TOP + 4}" text-anchor="end">{agents:,}</text>',
        f'<text x="{left - 8}" y="{bottom}" text-anchor="end">0</text>',
    ]
    for seconds in range(0, SHOWN + 1, 60):
        x = left + WIDTH * seconds / SHOWN
        parts.append(f'<text x="{x:.0f}" y="{bottom + 16}" text-anchor="middle">{seconds} s</text>')
    for number, (one, colour) in enumerate(zip(made, COLOURS, strict=True)):
        parts.append(f'<path d="{_line(one, agents, left)}" fill="none" stroke="{colour}" stroke-width="2"/>')
        back = f"back after {one.back:.0f} s" if one.back is not None else "not back within an hour"
        text = f"{one.name}: {back}, at most {one.peak:,} a second"
        parts.append(f'<text x="{left}" y="{bottom + 36 + 16 * number}" fill="{colour}">{text}</text>')
    return "\n".join(parts)


def _line(one: Curve, agents: int, left: int) -> str:
    points = []
    for seconds in range(SHOWN + 1):
        count = sum(at <= seconds for at in one.served)
        points.append(f"{left + WIDTH * seconds / SHOWN:.1f} {TOP + HEIGHT * (1 - count / agents):.1f}")
    return "M" + "L".join(points)

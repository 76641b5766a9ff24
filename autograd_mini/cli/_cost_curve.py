"""The cost over the steps of training, as an SVG picture and as bars of text."""

from __future__ import annotations

import math
from typing import Sequence

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 360, 64, 16, 40, 48

STYLE = """
    text { font: 13px system-ui, sans-serif; fill: #444 }
    .title { font-size: 15px; fill: #111 }
    .grid { stroke: #8884; fill: none }
    .cost { stroke: #2563eb; fill: none; stroke-width: 2; stroke-linejoin: round }
    @media (prefers-color-scheme: dark) { text { fill: #bbb } .title { fill: #eee } .cost { stroke: #7aa2ff } }
"""


def svg(costs: Sequence[float], title: str) -> str:
    """A picture of the cost before each step and after the last; finite numbers, at least one."""
    last, highest = max(len(costs) - 1, 1), max([*costs, 1e-300])

    def x(step: float) -> str:
        return f"{LEFT + step / last * (WIDTH - LEFT - RIGHT):.2f}"

    def y(cost: float) -> str:
        return f"{HEIGHT - BOTTOM - cost / highest * (HEIGHT - TOP - BOTTOM):.2f}"

    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img">',
             f"<title>{title}: from {costs[0]:.6g} to {costs[-1]:.6g}</title>", f"<style>{STYLE}</style>",
             f'<text class="title" x="{LEFT}" y="22">{title}</text>',
             f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 10}" text-anchor="middle">steps</text>']
    for tick in ticks(highest):
        lines += [f'<path class="grid" d="M{LEFT} {y(tick)}H{WIDTH - RIGHT}"/>',
                  f'<text x="{LEFT - 8}" y="{y(tick)}" dy="4" text-anchor="end">{tick:.6g}</text>']
    for tick in (t for t in ticks(last) if t == int(t)):
        lines += [f'<path class="grid" d="M{x(tick)} {TOP}V{HEIGHT - BOTTOM}"/>',
                  f'<text x="{x(tick)}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{tick:.6g}</text>']
    points = " ".join(f"{x(step)},{y(cost)}" for step, cost in enumerate(costs))
    lines += [f'<polyline class="cost" points="{points}"/>',
              f'<circle cx="{x(len(costs) - 1)}" cy="{y(costs[-1])}" r="3.5" fill="#2563eb"/>', "</svg>", ""]
    return "\n".join(lines)


def ticks(highest: float) -> list[float]:
    """Round numbers from 0 up to `highest`, four to eight of them.

    >>> ticks(0.7), ticks(200)
    ([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7], [0.0, 50.0, 100.0, 150.0, 200.0])
    """
    power = math.floor(math.log10(highest / 4))
    step = next(m * 10.0 ** power for m in (1, 2, 2.5, 5, 10) if highest / (m * 10.0 ** power) <= 7.5)
    return [round(i * step, 12 - power) for i in range(int(highest / step * (1 + 1e-12)) + 1)]


def bars(costs: Sequence[float], width: int) -> list[str]:
    """The cost at steps 0, 1, 2, 5, 10, 20, 50 ... and the last, a line and a bar for each.

    >>> print("\\n".join(bars([8.0, 4.0, 2.0, 1.0], 8)))
     0   8            ████████
     1   4            ████
     2   2            ██
     3   1            █
    """
    last, highest = len(costs) - 1, max([*costs, 1e-300])
    rounds = {m * 10 ** power for power in range(len(str(last))) for m in (1, 2, 5)}
    steps = [0, *sorted(step for step in rounds if step <= last)]
    if steps[-1] != last:
        steps = [step for step in steps if step < 0.8 * last] + [last]
    return [f"{step:{len(str(last)) + 1}}   {costs[step]:<10.6g}   {_bar(costs[step] / highest, width)}".rstrip()
            for step in steps]


def _bar(share: float, width: int) -> str:
    eighths = round(share * width * 8)
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()

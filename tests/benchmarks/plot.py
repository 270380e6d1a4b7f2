"""A plot with logarithmic axes as SVG, made of text: two panels over the number of items."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, LEFT, TOP, SPACE = 330, 220, 64, 34, 100
INK, PALE, LINE = "#57606a", "#d0d7de", "#0969da"


@dataclass(frozen=True, slots=True)
class Panel:
    """One curve: points (x, y), both above 0."""

    title: str
    unit: str
    points: Sequence[tuple[float, float]]


def svg(panels: Sequence[Panel], caption: str) -> str:
    """Return the picture; it has no background, and grey ink that can be read on a dark and on a light page."""
    width, height = LEFT + len(panels) * (WIDTH + SPACE), TOP + HEIGHT + 62
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="sans-serif" font-size="12" fill="{INK}" role="img" aria-label="{caption}">'
    ]
    for number, panel in enumerate(panels):
        parts.append(f'<g transform="translate({LEFT + number * (WIDTH + SPACE)},{TOP})">')
        parts.extend(_panel(panel))
        parts.append("</g>")
    parts.append(f'<text x="{LEFT}" y="{height - 8}">{caption}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _panel(panel: Panel) -> Iterator[str]:
    xs, ys = _decades([x for x, _ in panel.points]), _decades([y for _, y in panel.points])
    yield f'<text x="0" y="-14" font-weight="bold">{panel.title}</text>'
    for power in range(xs[0], xs[1] + 1):
        x = _place(10**power, xs, WIDTH)
        yield f'<path d="M{x:.1f} 0V{HEIGHT}" stroke="{PALE}"/>'
        yield f'<text x="{x:.1f}" y="{HEIGHT + 18}" text-anchor="middle">{10**power:,}</text>'
    for power in range(ys[0], ys[1] + 1):
        y = HEIGHT - _place(10.0**power, ys, HEIGHT)
        yield f'<path d="M0 {y:.1f}H{WIDTH}" stroke="{PALE}"/>'
        yield f'<text x="-8" y="{y + 4:.1f}" text-anchor="end">{10.0**power:,g} {panel.unit}</text>'
    places = [(_place(x, xs, WIDTH), HEIGHT - _place(y, ys, HEIGHT), y) for x, y in panel.points]
    line = "L".join(f"{x:.1f} {y:.1f}" for x, y, _ in places)
    yield f'<path d="M{line}" fill="none" stroke="{LINE}" stroke-width="2"/>'
    for x, y, value in places:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{LINE}"/>'
        yield f'<text x="{x:.1f}" y="{y - 10:.1f}" text-anchor="middle">{_short(value)}</text>'


def _decades(values: Sequence[float]) -> tuple[int, int]:
    """Return the powers of ten around the values; at least one apart."""
    lowest, highest = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return lowest, max(highest, lowest + 1)


def _place(value: float, decades: tuple[int, int], length: float) -> float:
    return (math.log10(value) - decades[0]) / (decades[1] - decades[0]) * length


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"

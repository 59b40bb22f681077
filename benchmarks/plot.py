"""Plots as SVG: bars, spans and lines. Written by hand: a plotting library would be the benchmarks' largest dependency."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple
from xml.sax.saxutils import escape

_ROW: Final = 22
_LEFT: Final = 300
_WIDTH: Final = 760
_WIDE: Final = 860
_HEIGHT: Final = 400
_COLOURS: Final = ("#4878a8", "#d1605e", "#59a14f", "#b07aa1", "#e49444", "#76787b", "#2b9c9c", "#8c6d31")
_GREY: Final = "#c8c8c8"


class Span(NamedTuple):
    """A figure with its spread, each as a multiple of what is wanted; `note` stands beside it."""

    label: str
    least: float
    median: float
    greatest: float
    note: str


class Axis(NamedTuple):
    """`ticks`: the places that are written at it, each with its text; `at`: where a value stands, as a number."""

    title: str
    ticks: Mapping[float, str]
    at: Callable[[float], float]


def bars(title: str, values: Mapping[str, float]) -> str:
    """One bar a value, in the order given."""
    greatest = max(values.values())
    lines = []
    for place, (name, value) in enumerate(values.items()):
        top = (place + 1.5) * _ROW
        width = value / greatest * (_WIDTH - _LEFT - 60)
        lines += [
            _text(_LEFT - 8, top + 15, name, "end"),
            f'<rect x="{_LEFT}" y="{top + 3:.0f}" width="{width:.1f}" height="{_ROW - 6}" fill="{_COLOURS[0]}"/>',
            _text(_LEFT + width + 6, top + 15, f"{value:.0f}"),
        ]
    return _drawing(title, (len(values) + 2) * _ROW, lines)


def spans(title: str, rows: Sequence[Span], ticks: Sequence[float]) -> str:
    """A row a figure on a logarithmic axis, with a line at 1: what is right of it is reached."""
    left, right = 480, _WIDE - 110
    low, high = math.log(min(ticks)), math.log(max(ticks))

    def across(value: float) -> float:
        return left + (min(max(math.log(value), low), high) - low) / (high - low) * (right - left)

    bottom = (len(rows) + 1.5) * _ROW
    lines = []
    for tick in ticks:
        colour, wide = ("#333333", 2) if tick == 1 else (_GREY, 1)
        lines += [
            f'<path d="M{across(tick):.1f} {1.5 * _ROW} V{bottom:.0f}" stroke="{colour}" stroke-width="{wide}"/>',
            _text(across(tick), bottom + 16, f"{tick:g}", "middle"),
        ]
    for place, row in enumerate(rows):
        middle = (place + 2) * _ROW
        colour = _COLOURS[2] if row.median >= 1 else _COLOURS[1]
        start, end = across(row.least), across(row.greatest)
        lines += [
            _text(left - 10, middle + 4, row.label, "end"),
            f'<path d="M{start:.1f} {middle} H{end:.1f}" stroke="{colour}" stroke-width="3"/>',
            f'<circle cx="{across(row.median):.1f}" cy="{middle}" r="5" fill="{colour}"/>',
            _text(right + 12, middle + 4, row.note),
        ]
    return _drawing(title, bottom + 1.5 * _ROW, lines, _WIDE)


def curves(title: str, across: Axis, up: Axis, series: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """A line a series, through its points, with its name at the right."""
    left, right, top, bottom = 80, _WIDTH - 230, 2.6 * _ROW, _HEIGHT - 60
    x_of = _scale(across, [x for points in series.values() for x, _ in points], left, right)
    y_of = _scale(up, [y for points in series.values() for _, y in points], bottom, top)
    lines = []
    for value, name in across.ticks.items():
        lines += [
            f'<path d="M{x_of(value):.1f} {top:.0f} V{bottom}" stroke="{_GREY}"/>',
            _text(x_of(value), bottom + 18, name, "middle"),
        ]
    for value, name in up.ticks.items():
        lines += [
            f'<path d="M{left} {y_of(value):.1f} H{right}" stroke="{_GREY}"/>',
            _text(left - 8, y_of(value) + 4, name, "end"),
        ]
    lines += [
        _text((left + right) / 2, bottom + 42, across.title, "middle"),
        _text(left - 8, top - 14, up.title, "end"),
    ]
    for place, (name, points) in enumerate(series.items()):
        colour = _COLOURS[place % len(_COLOURS)]
        path = " L".join(f"{x_of(x):.1f} {y_of(y):.1f}" for x, y in points)
        key = top + 14 + place * _ROW
        lines += [
            f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>',
            *(f'<circle cx="{x_of(x):.1f}" cy="{y_of(y):.1f}" r="3" fill="{colour}"/>' for x, y in points),
            f'<rect x="{right + 16}" y="{key - 9:.0f}" width="14" height="10" fill="{colour}"/>',
            _text(right + 36, key, name),
        ]
    return _drawing(title, _HEIGHT, lines)


def logarithmic(title: str, values: Sequence[float]) -> Axis:
    """An axis from the power of ten below the least of these positive values to that above the greatest."""
    exponents = range(math.floor(math.log10(min(values))), math.ceil(math.log10(max(values))) + 1)
    return Axis(title, {10.0**exponent: f"{10.0**exponent:,g}" for exponent in exponents}, math.log10)


def _scale(axis: Axis, values: Sequence[float], start: float, end: float) -> Callable[[float], float]:
    places = [axis.at(value) for value in (*values, *axis.ticks)]
    low, high = min(places), max(places)
    width = high - low or 1.0
    return lambda value: start + (axis.at(value) - low) / width * (end - start)


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.0f}" text-anchor="{anchor}">{escape(text)}</text>'


def _drawing(title: str, height: float, lines: Sequence[str], width: int = _WIDTH) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height:.0f}" '
        f'viewBox="0 0 {width} {height:.0f}" font-family="sans-serif" font-size="13">'
    )
    name = f'<text x="12" y="{_ROW}" font-weight="bold">{escape(title)}</text>'
    return "\n".join([head, '<rect width="100%" height="100%" fill="white"/>', name, *lines, "</svg>"]) + "\n"

"""Horizontal bars as SVG, for docs/performance.md. Written by hand: a plotting library would be its largest dependency."""

from collections.abc import Mapping
from typing import Final
from xml.sax.saxutils import escape

_ROW: Final = 22
_LEFT: Final = 300
_WIDTH: Final = 760


def bars(title: str, values: Mapping[str, float]) -> str:
    """One bar a value, in the order given."""
    greatest = max(values.values())
    height = (len(values) + 2) * _ROW
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" font-family="sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="12" y="{_ROW}" font-weight="bold">{escape(title)}</text>',
    ]
    for place, (name, value) in enumerate(values.items()):
        top = (place + 1.5) * _ROW
        width = value / greatest * (_WIDTH - _LEFT - 60)
        lines += [
            f'<text x="{_LEFT - 8}" y="{top + 15:.0f}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{_LEFT}" y="{top + 3:.0f}" width="{width:.1f}" height="{_ROW - 6}" fill="#4878a8"/>',
            f'<text x="{_LEFT + width + 6:.1f}" y="{top + 15:.0f}">{value:.0f}</text>',
        ]
    return "\n".join([*lines, "</svg>"]) + "\n"

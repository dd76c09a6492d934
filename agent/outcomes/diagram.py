"""The reliability diagram: what was predicted against what came to pass, as text and as SVG."""

from collections.abc import Sequence

from moot.agent.outcomes.stats import Bin

__all__ = ["as_svg", "as_text"]

_BAR = 40
_SIDE, _EDGE = 400, 50
"""Pixels of the square, and around it."""

_STYLE = (
    "text{font:12px sans-serif;fill:#444}.frame{fill:none;stroke:#999}.even{stroke:#999;stroke-dasharray:4}"
    ".span{stroke:#2a6fb0;stroke-width:1.5}.seen{fill:#2a6fb0}"
)


def as_text(bins: Sequence[Bin]) -> list[str]:
    """Return lines of at most 80 columns; a bar is what came to pass, `|` is what was predicted."""
    lines = [f"{'predicted':<10} {'wrong in fact ( | predicted )':<{_BAR}} {'share [95 %]':<18} {'edits':>5}"]
    for each in bins:
        share = each.wrong
        value, low, high = share.value or 0.0, share.low or 0.0, share.high or 0.0
        bar = f"{'█' * round(_BAR * value):<{_BAR}}"
        at = min(_BAR - 1, round(_BAR * each.predicted))
        bar = f"{bar[:at]}|{bar[at + 1 :]}"
        said = f"{value:.2f} [{low:.2f}, {high:.2f}]"
        lines.append(f"{each.low:.1f} to {each.high:.1f} {bar} {said:<18} {share.of:>5}")
    return lines


def as_svg(bins: Sequence[Bin]) -> str:
    """Return a drawing: a point for each bin, as large as it has edits, with its 95 % interval."""
    size = _SIDE + 2 * _EDGE
    most = max((each.wrong.of for each in bins), default=1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" role="img">',
        "<title>Predicted probability against the share of wrong edits</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="frame" x="{_EDGE}" y="{_EDGE}" width="{_SIDE}" height="{_SIDE}"/>',
        f'<line class="even" x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}"/>',
        f'<text x="{_x(0.5)}" y="{size - 12}" text-anchor="middle">predicted</text>',
        f'<text transform="translate(16 {_y(0.5)}) rotate(-90)" text-anchor="middle">wrong in fact</text>',
    ]
    for tick in (0.0, 0.5, 1.0):
        parts.append(f'<text x="{_x(tick)}" y="{_y(0) + 18}" text-anchor="middle">{tick}</text>')
        parts.append(f'<text x="{_EDGE - 6}" y="{_y(tick) + 4}" text-anchor="end">{tick}</text>')
    for each in bins:
        share, x = each.wrong, _x(each.predicted)
        low, high = _y(share.low or 0.0), _y(share.high or 0.0)
        parts.append(f'<line class="span" x1="{x}" y1="{low}" x2="{x}" y2="{high}"/>')
        radius = 3 + 6 * (share.of / most) ** 0.5
        parts.append(f'<circle class="seen" cx="{x}" cy="{_y(share.value or 0.0)}" r="{radius:.1f}"/>')
    return "\n".join([*parts, "</svg>", ""])


def _x(value: float) -> float:
    return round(_EDGE + _SIDE * value, 1)


def _y(value: float) -> float:
    return round(_EDGE + _SIDE * (1 - value), 1)

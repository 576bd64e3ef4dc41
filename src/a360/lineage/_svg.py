"""Lineage as a picture: one self-contained SVG, in layers from FHIR to gold, for light and dark screens."""

import re
from collections.abc import Iterator
from html import escape

from a360.lineage._graph import Edge
from a360.lineage._layout import Card, Layout, arrange
from a360.lineage._model import Field
from a360.lineage._view import LineageView, name_of

_ZONES = {"fhir": "FHIR", "record": "Records", "bronze": "Bronze", "silver": "Silver", "gold": "Gold"}
# Of each zone, on light and on dark ground.
_COLOURS = {
    "fhir": ("#2f7d8c", "#5bb6c6"),
    "record": ("#2f7d8c", "#5bb6c6"),
    "bronze": ("#a8683a", "#d39a6c"),
    "silver": ("#6b7a8d", "#a3b1c2"),
    "gold": ("#b8860b", "#e3b341"),
}
_STYLE = """
.ground{fill:#fcfcfb}.band{fill:#f3f4f2}
.zone,.head,.said{font-family:ui-sans-serif,system-ui,sans-serif}
.name,.field{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
.zone{font-size:12px;font-weight:600;letter-spacing:1px}
.head{font-size:16px;font-weight:600;fill:#1d2430}
.said{font-size:12px;fill:#5a6472}
.card{fill:#fff;stroke:#d5d9dd}.focus{stroke-width:2;stroke:#3157d5}.row{fill:#edf1fd}
.name{font-size:13px;font-weight:600;fill:#1d2430}
.field{font-size:12px;fill:#333c49}
.value,.decides{fill:none;stroke-width:1.5}.value{stroke:#5e7be0}.decides{stroke:#a1a8b3;stroke-dasharray:4 4}
.tip{fill:#5e7be0}.dull{fill:#a1a8b3}
"""
_DARK = """
.ground{fill:#14171c}.band{fill:#1b1f26}.head,.name{fill:#e8ebf0}.said{fill:#9aa4b2}
.card{fill:#222730;stroke:#3a414d}.focus{stroke:#8ba3ff}.row{fill:#2a3350}.field{fill:#ccd3dd}
.value{stroke:#8ba3ff}.decides{stroke:#6b7482}.tip{fill:#8ba3ff}.dull{fill:#6b7482}
"""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def svg(view: LineageView) -> str:
    """The picture of a view."""
    layout = arrange(view)
    title = f"Lineage of {name_of(view.focus)}"
    parts = [
        _opening(layout),
        f'<title id="title">{_text(title)}</title>',
        f'<desc id="what">{_text(_described(view))}</desc>',
        f"<style>{_style()}</style>",
        '<rect class="ground" width="100%" height="100%"/>',
        f'<text class="head" x="24" y="36">{_text(title)}</text>',
        *_bands(layout),
        *(_line(edge, layout) for edge in _drawn(view, layout)),
        *(part for card in layout.cards for part in _card(card, view)),
        *_legend(layout),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _opening(layout: Layout) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{layout.width}" height="{layout.height}" '
        f'viewBox="0 0 {layout.width} {layout.height}" role="img" aria-labelledby="title what">'
    )


def _style() -> str:
    light = "".join(f".z-{zone}{{fill:{pair[0]}}}" for zone, pair in _COLOURS.items())
    dark = "".join(f".z-{zone}{{fill:{pair[1]}}}" for zone, pair in _COLOURS.items())
    return f"{_STYLE}{light}\n@media (prefers-color-scheme:dark){{{_DARK}{dark}}}\n"


def _described(view: LineageView) -> str:
    said = [f"from {', '.join(view.upstream)}"] if view.upstream else []
    said += [f"to {', '.join(view.downstream)}"] if view.downstream else []
    return f"{name_of(view.focus)}, {'; '.join(said)}" if said else name_of(view.focus)


def _bands(layout: Layout) -> Iterator[str]:
    for zone, left, right in layout.bands:
        yield (
            f'<rect class="band" x="{left}" y="{layout.top - 40}" width="{right - left}" '
            f'height="{layout.bottom - layout.top + 56}" rx="10"/>'
        )
        word = _text(_ZONES.get(zone, zone).upper())
        yield f'<text class="zone z-{zone}" x="{left + 16}" y="{layout.top - 16}">{word}</text>'


def _drawn(view: LineageView, layout: Layout) -> list[Edge]:
    """Decisions lie beneath values."""
    edges = [edge for edge in view.edges if edge.source in layout.ends and edge.target in layout.ends]
    return sorted(edges, key=lambda edge: edge.direct)


def _line(edge: Edge, layout: Layout) -> str:
    source, target = layout.ends[edge.source], layout.ends[edge.target]
    from_x, from_y, to_x, to_y = source.right, source.middle, target.left - 7, target.middle
    bend = max(36, (to_x - from_x) // 2)
    kind, tip = ("value", "tip") if edge.direct else ("decides", "dull")
    uses = ", ".join(sorted(use.lower().replace("_", " ") for use in edge.uses))
    told = f"{name_of(edge.source)} → {name_of(edge.target)}" + (f": {uses}" if uses else "")
    return (
        f'<g><title>{_text(told)}</title><path class="{kind}" d="M{from_x} {from_y}C{from_x + bend} {from_y} '
        f'{to_x - bend} {to_y} {to_x} {to_y}"/>'
        f'<path class="{tip}" d="M{to_x} {to_y - 4}L{to_x + 7} {to_y}L{to_x} {to_y + 4}z"/></g>'
    )


def _card(card: Card, view: LineageView) -> Iterator[str]:
    focus = " focus" if card.dataset == view.dataset else ""
    yield f"<g><title>{_text(name_of(card.dataset))}</title>"
    yield (
        f'<rect class="card{focus}" x="{card.left}" y="{card.top}" width="{card.width}" '
        f'height="{card.height}" rx="7"/>'
    )
    yield (
        f'<rect class="z-{card.zone}" x="{card.left + 8}" y="{card.top + 10}" width="4" height="16" rx="2"/>'
    )
    yield f'<text class="name" x="{card.left + 20}" y="{card.top + 23}">{_text(card.title)}</text>'
    for field, top in card.rows:
        if field == view.focus:
            yield (
                f'<rect class="row" x="{card.left + 4}" y="{top}" width="{card.width - 8}" '
                f'height="{card.row_height}" rx="4"/>'
            )
        yield f'<text class="field" x="{card.left + 20}" y="{top + 16}">{_text(field.column)}</text>'
    yield "</g>"


def _legend(layout: Layout) -> Iterator[str]:
    y = layout.height - 22
    columns = any(isinstance(node, Field) for node in layout.ends)
    entries = [("value", "the value goes in")]
    entries += [("decides", "decides which value, or which rows")] if columns else []
    x = 24
    for kind, words in entries if columns else ():
        yield f'<path class="{kind}" d="M{x} {y - 4}H{x + 32}"/>'
        yield f'<text class="said" x="{x + 40}" y="{y}">{_text(words)}</text>'
        x += 64 + 7 * len(words)


def _text(text: str) -> str:
    return escape(_CONTROL.sub("", text))

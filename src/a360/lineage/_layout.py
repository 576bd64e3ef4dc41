"""Where the cards of a picture lie: zones from left to right, and few crossings."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from a360.lineage._graph import Edge, Node
from a360.lineage._model import LAYERS, Field
from a360.lineage._view import LineageView, layer_of, zone_of

# Widths of a character in the two sizes of the monospaced faces, rounded up so that no name is cut.
_NAME, _FIELD = 8.2, 7.6
_ROW, _HEAD, _PAD = 24, 36, 28
_GAP_X, _GAP_Y, _MARGIN, _TOP = 72, 16, 24, 108
_SWEEPS = 12


@dataclass(slots=True)
class Card:
    """A dataset with those of its columns that are shown."""

    dataset: str
    title: str
    fields: tuple[Field, ...]
    left: int = 0
    top: int = 0
    width: int = 0
    row_height: int = _ROW

    @property
    def zone(self) -> str:
        """The zone of the dataset."""
        return zone_of(self.dataset)

    @property
    def height(self) -> int:
        """The height, rows included."""
        return _HEAD + (len(self.fields) * _ROW + 8 if self.fields else 0)

    @property
    def rows(self) -> list[tuple[Field, int]]:
        """Each row with its top."""
        return [(each, self.top + _HEAD + place * _ROW) for place, each in enumerate(self.fields)]

    @property
    def needs(self) -> int:
        """The width that the longest name needs."""
        widest = max((len(each.column) * _FIELD for each in self.fields), default=0)
        return int(max(widest, len(self.title) * _NAME)) + _PAD + 12


@dataclass(frozen=True, slots=True)
class End:
    """Where lines leave and reach a card or a row."""

    left: int
    right: int
    middle: int


@dataclass(slots=True)
class Layout:
    """A picture's geometry; `bands` are the zones with their left and right."""

    cards: list[Card]
    width: int
    height: int
    top: int
    bottom: int
    bands: list[tuple[str, int, int]] = field(default_factory=list)

    @property
    def ends(self) -> dict[Node, End]:
        """Where each node's lines end."""
        found: dict[Node, End] = {}
        for card in self.cards:
            left, right = card.left, card.left + card.width
            found[card.dataset] = End(left, right, card.top + _HEAD // 2)
            for each, top in card.rows:
                found[each] = End(left, right, top + _ROW // 2)
        return found


def arrange(view: LineageView) -> Layout:
    """Lay out the cards of a view."""
    cards = _cards(view.nodes)
    links = [(_dataset(edge.source), _dataset(edge.target)) for edge in view.edges]
    columns = _ordered(_columns(cards, links), view.edges)
    return _placed(columns)


def _dataset(node: Node) -> str:
    return node.dataset if isinstance(node, Field) else node


def _cards(nodes: Iterable[Node]) -> dict[str, Card]:
    fields: dict[str, list[Field]] = {}
    for node in nodes:
        own = fields.setdefault(_dataset(node), [])
        if isinstance(node, Field):
            own.append(node)
    return {name: Card(name, name.partition(".")[2], tuple(sorted(own))) for name, own in fields.items()}


def _columns(cards: Mapping[str, Card], links: Sequence[tuple[str, str]]) -> list[list[Card]]:
    """One column for each zone, or several where datasets of a zone are made from one another."""
    columns: list[list[Card]] = []
    for layer in range(len(LAYERS) + 1):
        own = {name for name in cards if layer_of(name) == layer}
        depth = _depths(own, links)
        for level in range(max(depth.values(), default=-1) + 1):
            columns += [[cards[name] for name in sorted(own) if depth[name] == level]]
    return columns


def _depths(names: set[str], links: Sequence[tuple[str, str]]) -> dict[str, int]:
    """How many steps of the same zone lie before each; nothing goes round, so that rounds end."""
    depth = dict.fromkeys(names, 0)
    inside = [(source, target) for source, target in links if {source, target} <= names and source != target]
    for _ in names:
        changed = False
        for source, target in inside:
            if depth[target] <= depth[source] < len(names):
                depth[target], changed = depth[source] + 1, True
        if not changed:
            break
    return depth


def _ordered(columns: list[list[Card]], edges: Sequence[Edge]) -> list[list[Card]]:
    """Cards and rows near what they are linked to, by the mean place of their neighbours, to and fro."""
    near: dict[Node, list[Node]] = {}
    for edge in edges:
        near.setdefault(edge.source, []).append(edge.target)
        near.setdefault(edge.target, []).append(edge.source)
    for sweep in range(_SWEEPS):
        places = _places(columns)
        for column in columns if sweep % 2 == 0 else columns[::-1]:
            for card in column:
                card.fields = tuple(sorted(card.fields, key=lambda each: (_mean(each, near, places), each)))
            column.sort(key=lambda card: (_card_mean(card, near, places), card.dataset))
            places |= _places([column])
    return columns


def _places(columns: Sequence[Sequence[Card]]) -> dict[Node, float]:
    """How high each node lies in its column, from -0.5 to 0.5."""
    places: dict[Node, float] = {}
    for column in columns:
        nodes: list[Node] = []
        for card in column:
            nodes += [card.dataset, *card.fields]
        places |= {node: place / len(nodes) - 0.5 for place, node in enumerate(nodes)}
    return places


def _mean(node: Node, near: Mapping[Node, Sequence[Node]], places: Mapping[Node, float]) -> float:
    around = [places[each] for each in near.get(node, ())]
    return sum(around) / len(around) if around else places.get(node, 0.0)


def _card_mean(card: Card, near: Mapping[Node, Sequence[Node]], places: Mapping[Node, float]) -> float:
    nodes: Sequence[Node] = card.fields or (card.dataset,)
    return sum(_mean(node, near, places) for node in nodes) / len(nodes)


def _placed(columns: list[list[Card]]) -> Layout:
    heights = [sum(card.height + _GAP_Y for card in column) - _GAP_Y for column in columns]
    tallest = max(heights, default=0)
    x = _MARGIN + 16
    bands: list[tuple[str, int, int]] = []
    for column, height in zip(columns, heights, strict=True):
        width = max(card.needs for card in column)
        y = _TOP + (tallest - height) // 2
        for card in column:
            card.left, card.top, card.width = x, y, width
            y += card.height + _GAP_Y
        zone = column[0].zone
        if bands and bands[-1][0] == zone:
            bands[-1] = (zone, bands[-1][1], x + width + 16)
        else:
            bands.append((zone, x - 16, x + width + 16))
        x += width + _GAP_X
    right = max((band[2] for band in bands), default=0) + _MARGIN
    bottom = _TOP + tallest
    return Layout(
        cards=[card for column in columns for card in column],
        width=max(right, 480),
        height=bottom + 72,
        top=_TOP,
        bottom=bottom,
        bands=bands,
    )

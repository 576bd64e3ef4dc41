"""The tables of what is beside the clinical record: plans, prices, campaigns, screens, sensor metrics."""

from functools import cache
from importlib.resources import files

import msgspec

from a360.synth._dice import Weighted


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row of a table; an unknown field is a typing error in the table."""


class PlanRow(_Row, frozen=True):
    """A membership plan and its monthly fee."""

    code: str
    name: str
    fee: int
    weight: float


class CampaignRow(_Row, frozen=True):
    """A kind of campaign that runs in every quarter."""

    kind: str
    channel: str
    name: str
    cost: int
    weight: float


class Metric(_Row, frozen=True):
    """What a skin sensor measures."""

    code: str
    usual: float
    spread: float
    shock: float
    unit: str


class _Tables(_Row, frozen=True):
    plans: tuple[PlanRow, ...]
    prices: dict[str, int]
    campaigns: tuple[CampaignRow, ...]
    organic: tuple[tuple[str, float], ...]
    screens: tuple[str, ...]
    platforms: tuple[tuple[str, float], ...]
    metrics: tuple[Metric, ...]
    recall_reasons: tuple[str, ...]


class Business:
    """Every table, with the choices that are thrown per record."""

    def __init__(self) -> None:
        text = (files("a360.synth") / "data" / "business.yaml").read_bytes()
        tables = msgspec.yaml.decode(text, type=_Tables)
        self.prices = tables.prices
        self.campaigns = tables.campaigns
        self.screens = tables.screens
        self.metrics = tables.metrics
        self.recall_reasons = tables.recall_reasons
        self.plans = Weighted((plan, plan.weight) for plan in tables.plans)
        self.campaign = Weighted((place, row.weight) for place, row in enumerate(tables.campaigns))
        self.organic = Weighted(tables.organic)
        self.platforms = Weighted(tables.platforms)


@cache
def business() -> Business:
    """The tables, read once in a process."""
    return Business()

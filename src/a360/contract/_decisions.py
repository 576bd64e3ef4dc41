"""What is asked of a policy, and what it answers, as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from a360.contract._policy import Action, MaskMethod


@dataclass(frozen=True, slots=True)
class Ask:
    """Who asks, as what, what for and when.

    `now` is the time as an SQL expression; `break_glass` is the rule of an emergency that was declared.
    """

    user: str
    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    action: Action = "select"
    purpose: str | None = None
    now: str | None = None
    break_glass: str | None = None

    @property
    def mask_domain(self) -> str:
        """The domain of keyed masks: who has the same roles sees the same tokens, and nobody else does."""
        return "mask:" + ("+".join(sorted(set(self.roles))) or f"user/{self.user}")


@dataclass(frozen=True, slots=True)
class Cell:
    """In rows for which all of `where` holds, a column shows itself under `mask`; None is in clear."""

    where: tuple[str, ...]
    mask: MaskMethod | None


@dataclass(frozen=True, slots=True)
class ColumnDecision:
    """How a column shows.

    Where several roles show it differently, `cells` say how, row by row: the first that holds counts, and in
    rows where none holds the column is null; `mask` is then `null`, so that who does not know cells shows too
    little. `by` is the column that names the patient whose dates `date_shift` moves together.
    """

    allowed: bool
    mask: MaskMethod | None = None
    rules: tuple[str, ...] = ()
    cells: tuple[Cell, ...] = ()
    by: str | None = None


@dataclass(frozen=True, slots=True)
class TableDecision:
    """What of a table may be seen.

    `where` are boolean expressions in the house's SQL over the table's own unmasked columns, attributes bound
    as literals; all must hold, and none means all rows. They may look into the tables of `reads`, and into no
    other. `mask_domain` is the tokenizer's domain for masks that are keyed.
    """

    dataset: str
    allowed: bool
    columns: Mapping[str, ColumnDecision] = field(default_factory=dict)
    where: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    reason: str = ""
    reads: tuple[str, ...] = ()
    mask_domain: str = ""

    @property
    def unrestricted(self) -> bool:
        """Whether all columns show unmasked in all rows."""
        return (
            self.allowed
            and not self.where
            and all(each.allowed and each.mask is None for each in self.columns.values())
        )

    @property
    def visible(self) -> tuple[str, ...]:
        """The columns that show, masked or not, in the table's order."""
        return tuple(name for name, each in self.columns.items() if each.allowed)


def denied(dataset: str, reason: str, rules: tuple[str, ...] = ()) -> TableDecision:
    """The answer no."""
    return TableDecision(dataset, allowed=False, rules=rules, reason=reason)

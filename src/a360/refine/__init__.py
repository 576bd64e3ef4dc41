"""Bronze to silver to gold: each dataset staged, checked and committed, or left alone."""

from a360.refine._context import Identities, RefineContext, StepOutcome, alive_sql
from a360.refine._gold import refine_gold
from a360.refine._identities import refine_identities
from a360.refine._run import RefineResult, refine, selected_steps
from a360.refine._silver import refine_silver
from a360.refine._standing import standing_commit

__all__ = [
    "Identities",
    "RefineContext",
    "RefineResult",
    "StepOutcome",
    "alive_sql",
    "refine",
    "refine_gold",
    "refine_identities",
    "refine_silver",
    "selected_steps",
    "standing_commit",
]

"""The certificate of a release: by which method, how well, of what, when, to whom; signed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from a360.contract import ELEMENTS, ZIP_AREAS, ReleasedColumnPlan, ReleasePlan
from a360.trust.policy import Principal
from a360.trust.release._judge import Figures

FORM: Final = "a360-release-certificate/1"

_METHODS: Final = {
    "safe_harbor": "Safe Harbor, 45 CFR 164.514(b)(2)",
    "limited": "limited data set, 45 CFR 164.514(e); not de-identified",
    "expert": "expert determination, 45 CFR 164.514(b)(1)",
}


@dataclass(frozen=True, slots=True)
class Occasion:
    """Why something leaves: who lets it out and as whom, what for, to whom, when, in which request."""

    principal: Principal
    purpose: str | None
    recipient: str
    at: datetime
    request: str


def certificate(
    plan: ReleasePlan,
    figures: Figures,
    occasion: Occasion,
    snapshots: Mapping[str, str],
    files: Mapping[str, str],
) -> dict[str, Any]:
    """What is certified; `files` are the SHA-256 of each file by its name."""
    told: dict[str, Any] = {
        "form": FORM,
        "dataset": plan.dataset,
        "contract_version": plan.version,
        "snapshots": dict(snapshots),
        "profile": plan.profile,
        "method": _METHODS[plan.profile],
        "released_at": occasion.at.isoformat(),
        "request": occasion.request,
        "released_by": occasion.principal.acting_for or occasion.principal.name,
        "acting_as": occasion.principal.name,
        "purpose": occasion.purpose,
        "recipient": occasion.recipient,
        "rows": figures.rows,
        "patients": figures.patients,
        "suppressed_rows": figures.suppressed_rows,
        "suppressed_values": figures.suppressed_values,
        "required": {"k": plan.k, "l": plan.l, "suppress": str(plan.suppress)},
        "measured": {"k": figures.k, "l": figures.l, "classes": figures.classes},
        "quasi_identifiers": list(plan.quasi_identifiers),
        "sensitive": list(plan.sensitive),
        "columns": [_column(each) for each in plan.columns],
        "files": [{"name": name, "sha256": digest} for name, digest in files.items()],
    }
    if any(each.element == "zip" for each in plan.leaving):
        told["zip_areas"] = {"census": ZIP_AREAS.census, "source": ZIP_AREAS.source}
    if plan.agreement:
        told["data_use_agreement"] = plan.agreement
    if plan.determination:
        told["determination"] = plan.determination
    if plan.subject:
        told["patient_codes"] = (
            "keyed tokens of this dataset's own domain"
            if plan.profile == "limited"
            else "drawn at random for this release, kept nowhere (45 CFR 164.514(c))"
        )
    return told


def _column(column: ReleasedColumnPlan) -> dict[str, Any]:
    letter = ELEMENTS[column.element].letter
    leaves = column.method or "as it is" if column.leaves else "no"
    told: dict[str, Any] = {
        "name": column.name,
        "type": column.type,
        "element": column.element,
        "leaves": leaves,
    }
    if column.listed is not None:
        told["values"] = list(column.listed)
    return {**told, "safe_harbor": f"164.514(b)(2)(i)({letter})"} if letter else told


def encoded(told: Mapping[str, Any]) -> bytes:
    """A certificate as it is written, and signed."""
    return (json.dumps(told, indent=2, ensure_ascii=False) + "\n").encode()

"""What `a360 grants drift` and `a360 grants apply` do."""

from pathlib import Path
from typing import TYPE_CHECKING

from a360.cli._face import Face
from a360.cli._policy import policy_of
from a360.cli._text import number, plain
from a360.contract import default_contracts, load_environment
from a360.errors import OperatorError

if TYPE_CHECKING:
    from a360.aws import LakeFormation, LfDrift, LfItem


def drift(face: Face) -> int | None:
    """Show what is missing and what nobody declared."""
    found = _lake_formation(face).drift()
    _show(face, found)
    return OperatorError.exit_code if found else None


def apply(face: Face, *, yes: bool) -> int | None:
    """Show what would be changed; with `yes`, change it and look again."""
    asked = _lake_formation(face)
    found = asked.drift()
    if not yes:
        _show(face, found)
        if found:
            face.note("Nothing was changed: a360 grants apply --yes makes these changes")
        return None

    def tell(item: "LfItem", made: bool) -> None:  # noqa: FBT001 -- a callback
        face.note(f"{'made' if made else 'taken away'}: {item}")

    asked.apply(found, tell)
    left = asked.drift()
    if left:
        # A grant goes with the filter that it was on, which only the second look shows.
        asked.apply(left, tell)
        left = asked.drift()
    _show(face, left)
    return OperatorError.exit_code if left else None


def masks(face: Face) -> int | None:
    """Write the tables and say how many values each has."""
    with face.lake() as lake:
        filled = lake.fill_masks()
    face.emit(dict(filled), *(f"{table}: {number(rows)} values" for table, rows in filled.items()))
    return None


def _show(face: Face, found: "LfDrift") -> None:
    told = {
        kind: [{"kind": each.kind, "where": each.where, "what": each.what} for each in items]
        for kind, items in (("missing", found.missing), ("undeclared", found.undeclared))
    }
    lines = [plain(f"declared and not there: {each}") for each in found.missing]
    lines += [plain(f"there and not declared: {each}") for each in found.undeclared]
    sums = f"{number(len(found.missing))} missing, {number(len(found.undeclared))} not declared"
    face.emit(told, *lines, sums if found else "Lake Formation is as the policy says")


def _lake_formation(face: Face) -> "LakeFormation":
    settings = face.settings
    contracts = Path(settings.contracts or default_contracts())
    environment = load_environment(contracts, settings.env)
    if environment.kind != "aws":
        raise OperatorError(
            "not-on-aws",
            "Lake Formation is a part of AWS, and this environment is this machine",
            where=f"environment {environment.name}",
            next_step="name an environment on AWS, as --env staging",
        )
    from a360.aws import Aws, LakeFormation, names_of  # noqa: PLC0415 -- an extra

    plan = policy_of(face).plan
    return LakeFormation(Aws(environment), plan, names_of(plan.name, environment))

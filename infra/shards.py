"""Which stack holds which dataset: a ledger, since what moves to another stack is deleted and made anew.

    cd infra && python -P -m infra.shards

gives datasets that are new their places in `shards.yaml`. A place is never taken back: a dataset that changes
its domain stays where it is, and one that is gone finds its place again when it returns.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml

from a360.contract import TablePlan, load_contracts, make_plan
from a360.errors import OperatorError
from infra.contracts_adapter import domain_of

LEDGER = Path(__file__).parent / "shards.yaml"
CAPACITY = 18
"""Datasets in a shard: each makes up to 23 resources of a stack, of which CloudFormation takes 500."""
_HEADER = (
    "# Which shard of the stacks each dataset is in; kept by `python -P -m infra.shards`, never by hand.\n"
)
_SHARD = re.compile(r"(.+)-(\d+)")


def assign(tables: Iterable[TablePlan], kept: Mapping[str, str]) -> dict[str, str]:
    """The ledger with a place for every table: the last shard of its zone and domain, or a new one."""
    ledger = dict(kept)
    filled = Counter(ledger.values())
    for table in sorted(tables, key=lambda each: each.dataset):
        if table.dataset not in ledger:
            part = f"{table.namespace}-{domain_of(table)}"
            last = max((number for shard in filled if (number := _number(shard, part))), default=1)
            shard = f"{part}-{last}"
            if filled[shard] >= CAPACITY:
                shard = f"{part}-{last + 1}"
            ledger[table.dataset] = shard
            filled[shard] += 1
    return ledger


def _number(shard: str, part: str) -> int:
    found = _SHARD.fullmatch(shard)
    return int(found[2]) if found and found[1] == part else 0


def read_ledger() -> dict[str, str]:
    """The ledger as it is kept."""
    if not LEDGER.is_file():
        return {}
    return dict(yaml.safe_load(LEDGER.read_text("utf-8")) or {})


def sharded(tables: Iterable[TablePlan], ledger: Mapping[str, str]) -> dict[str, tuple[TablePlan, ...]]:
    """The tables of each shard.

    Raises:
        OperatorError: a table has no place in the ledger.
    """
    found: dict[str, list[TablePlan]] = {}
    for table in tables:
        if table.dataset not in ledger:
            raise OperatorError(
                "setting-invalid",
                f"No stack is named for {table.dataset}",
                where=f"infra/{LEDGER.name}",
                next_step="run 'python -P -m infra.shards' in the folder infra, and commit what it writes",
            )
        found.setdefault(ledger[table.dataset], []).append(table)
    return {shard: tuple(found[shard]) for shard in sorted(found)}


def main() -> None:
    """Give every dataset of the contracts a place."""
    ledger = assign(make_plan(load_contracts(), "local").tables, read_ledger())
    lines = (f"{dataset}: {shard}\n" for dataset, shard in sorted(ledger.items()))
    LEDGER.write_text(_HEADER + "".join(lines), "utf-8")


if __name__ == "__main__":
    main()

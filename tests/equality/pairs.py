"""Two lakes of the same contracts, data and keys, each brought up to date by an engine of its own."""

import json
import shutil
from collections import Counter
from contextlib import ExitStack, contextmanager

import pyarrow as pa
from canonical import column_hashes, kinds_of, texts_of
from lakes import OF_THE_MOMENT, ZONES

import a360
from a360.protect import LocalKeyStore, LocalSealer, column_context, open_text

# What a step did to rows that were there already is counted by what it found, not by the engine.
_OF_A_RUN = {"seconds", "commit_id"}


@contextmanager
def pair(folder, contracts=None):
    """Two new lakes with one set of keys: the first for DuckDB alone, the second for Spark."""
    with ExitStack() as opened:
        one = opened.enter_context(a360.open(folder / "one", contracts=contracts))
        one.apply()
        with a360.open(folder / "other", contracts=contracts):
            pass
        shutil.rmtree(folder / "other/keys")
        shutil.copytree(folder / "one/keys", folder / "other/keys")
        yield one, opened.enter_context(a360.open(folder / "other", contracts=contracts))


def tables_of(lake, zones=ZONES):
    """Every table of some zones, less the columns that are of the moment, and with sealed texts opened."""
    found = {}
    for table in lake.tables_info():
        if table.namespace in zones:
            name = f"{table.namespace}.{table.name}"
            rows = lake.table(name)
            kept = [each for each in rows.column_names if each not in OF_THE_MOMENT]
            found[name] = _opened(lake, name, rows.select(kept))
    return found


def _opened(lake, dataset, rows):
    """Rows with the texts that columns hold sealed: no two seals of one text are the same."""
    plan = lake.lake_plan.table(dataset)
    for name in [each.name for each in plan.columns if each.seal]:
        sealer = LocalSealer(LocalKeyStore.open(lake.path / "keys"))
        texts = [
            sealed and open_text(sealer, sealed, column_context(dataset, name, *place))
            for sealed, *place in zip(*(rows[each].to_pylist() for each in (name, *plan.key)), strict=True)
        ]
        rows = rows.set_column(rows.column_names.index(name), name, pa.array(texts, pa.string()))
    return rows


def schemas_of(lake, zones=ZONES):
    """The schemas that tables have in the catalog, with which columns may be null."""
    names = [name for name in lake.tables.list() if name.split(".")[0] in zones]
    return {name: lake.tables.load(name).schema().as_struct() for name in names}


def differences(ours, theirs):
    """The tables that differ: in their columns' types, or by column in what these hold, with an example."""
    found = {}
    for name in sorted(ours.keys() | theirs.keys()):
        one, other = ours.get(name), theirs.get(name)
        if one is None or other is None or kinds_of(one) != kinds_of(other):
            found[name] = "is not in both" if one is None or other is None else "has other types"
            continue
        hashes, others = column_hashes(one), column_hashes(other)
        if one.num_rows != other.num_rows or hashes != others:
            columns = [column for column in hashes if hashes[column] != others[column]]
            here, there = set(texts_of(one)), set(texts_of(other))
            found[name] = columns, sorted(here - there)[:2], sorted(there - here)[:2]
    return found


def told(report):
    """What a report says of steps and rules, less what is of the moment."""
    steps = [
        {name: value for name, value in step.to_json().items() if name not in _OF_A_RUN}
        for step in report.steps
    ]
    rules = [(each.dataset, each.rule, each.scope, each.checked, each.failed) for each in report.quality]
    return steps, sorted(rules, key=repr)


# What the account of a run names that is of that run: ids, times, snapshots, and the engine that computed.
_OF_AN_ACCOUNT = {"run_id", "commit_id", "event_id", "known_at", "started_at", "event_time", "seconds"}
_OF_AN_EVENT = {"eventTime", "run", "version"}


def accounts_of(lake):
    """What `ops` tells of runs: steps with their counts, results of rules, and events of lineage."""
    found = {}
    for name in ("run_step", "quality_result", "lineage_event"):
        rows = lake.table(f"ops.{name}")
        kept = rows.select([each for each in rows.column_names if each not in _OF_AN_ACCOUNT])
        found[name] = Counter(json.dumps(_timeless(row, lake), sort_keys=True) for row in kept.to_pylist())
    return found


def _timeless(told, lake):
    """What is told, less what is of the run; what is itself JSON is looked into."""
    if isinstance(told, str) and told.startswith("{"):
        told = json.loads(told.replace(str(lake.path), "lake"))
    if isinstance(told, dict):
        return {name: _timeless(value, lake) for name, value in told.items() if name not in _OF_AN_EVENT}
    return [_timeless(each, lake) for each in told] if isinstance(told, list) else told

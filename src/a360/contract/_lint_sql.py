"""Checks of all SQL that contracts hold: models, queries, expressions, row filters."""

from collections.abc import Iterable, Iterator

from a360.contract import _sql
from a360.contract._bind import unbindable
from a360.contract._faults import Fault
from a360.contract._load import COLUMNS, Dataset, LakeContracts, TextFile
from a360.contract._references import circle
from a360.contract._rulebook import written

_READABLE = ("silver", "gold")


def check_models(contracts: LakeContracts) -> Iterator[Fault]:
    """Every model is one SELECT over declared datasets, gives its contract's columns, and needs no circle."""
    needs: dict[str, list[str]] = {}
    for dataset in contracts.datasets.values():
        model = contracts.models.get(dataset.contract.a360.model or "")
        if dataset.zone != "gold" or model is None:
            continue
        try:
            select = _sql.read_select(model.text)
        except _sql.SqlError as error:
            yield model.fault("C522", f"the model cannot be read: {error}", error.line)
            continue
        needs[dataset.name] = list(select.datasets)
        yield from _reads(contracts, model, select.datasets)
        if select.columns is not None:
            yield from _columns_differ(dataset, model, select.columns)
    yield from _circles(contracts, needs)


def _reads(contracts: LakeContracts, model: TextFile, datasets: Iterable[str]) -> Iterator[Fault]:
    known = {*contracts.datasets, *contracts.unreadable}
    for name in datasets:
        line = _line_of(model.text, name)
        if name not in known:
            yield model.fault("C523", f"the model reads {name}, which no contract declares", line)
        elif name.partition(".")[0] not in _READABLE:
            yield model.fault("C523", f"the model reads {name}; models read silver and gold", line)


def _columns_differ(dataset: Dataset, model: TextFile, given: tuple[str, ...]) -> Iterator[Fault]:
    for name in given:
        if dataset.column(name) is None:
            message = f"the model gives {name}, which {dataset.name} does not have"
            yield model.fault("C525", message, _line_of(model.text, name))
    for column in dataset.columns:
        if column.name not in given:
            message = f"the model {model.name} does not give {column.name}"
            yield dataset.fault_at(column.name, "C525", message, fix=f"add the column to {model.label}")


def _circles(contracts: LakeContracts, needs: dict[str, list[str]]) -> Iterator[Fault]:
    left = dict(needs)
    while found := circle(left):
        model = contracts.models[contracts.datasets[found[0]].contract.a360.model or ""]
        yield model.fault("C524", "the models need each other: " + " → ".join(found))
        for name in found:
            left.pop(name, None)


def _line_of(text: str, name: str) -> int:
    place = text.find(name)
    return text.count("\n", 0, place) + 1 if place >= 0 else 1


def check_rule_sql(contracts: LakeContracts) -> Iterator[Fault]:
    """Every expression looks at columns of its row, every query at declared datasets; gold is reconciled."""
    for dataset in contracts.datasets.values():
        reconciled = False
        for at in written(dataset):
            if not dataset.sure(*at.loc):
                continue
            if at.quality.type == "custom" and isinstance(at.quality.implementation, str):
                place = (*at.loc, "implementation")
                for message in _misread(dataset, at.quality.implementation):
                    yield dataset.fault("C602", message, *place)
            elif at.quality.type == "sql" and at.quality.query:
                reconciled = True
                for message in _unknown(contracts, at.quality.query):
                    yield dataset.fault("C523", message, *at.loc, "query")
        if dataset.zone == "gold" and not reconciled and not dataset.is_reference:
            message, fix = "no rule of type sql reconciles the rows", "compare them with what they come from"
            yield dataset.fault("C603", message, *COLUMNS[:2], fix=fix)


def _misread(dataset: Dataset, sql: str) -> Iterator[str]:
    try:
        columns = _sql.condition_columns(sql)
    except _sql.SqlError as error:
        yield f"the expression cannot be read: {error}"
        return
    for name in columns:
        if dataset.column(name) is None:
            yield f"the expression looks at {name}, which {dataset.name} does not have"


def _unknown(contracts: LakeContracts, sql: str) -> Iterator[str]:
    try:
        datasets = _sql.read_select(sql).datasets
    except _sql.SqlError:
        return  # the rulebook reports it
    for name in datasets:
        if name not in contracts.datasets and name not in contracts.unreadable:
            yield f"the query reads {name}, which no contract declares"


def check_filters(contracts: LakeContracts) -> Iterator[Fault]:
    """Row filters and conditions of consents are expressions over columns of their datasets."""
    lake = contracts.lake
    for i, rule in enumerate(lake.filters):
        for message in _misjudged(contracts, rule.where, rule.datasets):
            text = f"the filter {rule.name} {message}"
            yield contracts.lake_source.fault("C307", text, "filters", i, "where")
    for i, consent in enumerate(lake.consents):
        conditions = {"permits": consent.permits, "refuses": consent.refuses, **consent.purposes}
        for where, condition in conditions.items():
            place = (where,) if where not in consent.purposes else ("purposes", where)
            for message in _misjudged(contracts, condition, [consent.dataset]) if condition else ():
                text = f"the consent {consent.name} {message}"
                yield contracts.lake_source.fault("C307", text, "consents", i, *place)


def _misjudged(contracts: LakeContracts, condition: str, datasets: Iterable[str]) -> Iterator[str]:
    problem = unbindable(condition)
    if problem:
        yield f"cannot be carried out: {problem}"
        return
    try:
        columns = _sql.condition_columns(condition)
    except _sql.SqlError as error:
        yield f"cannot be read: {error}"
        return
    for dataset in (contracts.datasets[name] for name in datasets if name in contracts.datasets):
        for name in (name for name in columns if dataset.column(name) is None):
            yield f"looks at {name}, which {dataset.name} does not have"

"""Checks of what contracts say about records: sources, keys, fields, formats."""

import re
from collections.abc import Iterator
from itertools import combinations
from zoneinfo import ZoneInfo

from a360.contract._date_formats import DateFormat, parse_date_format
from a360.contract._faults import Fault
from a360.contract._globs import glob_problem, globs_overlap
from a360.contract._lint_dataset import custom
from a360.contract._lint_fields import check_fields
from a360.contract._load import Dataset, LakeContracts
from a360.contract._make_records import IDENTIFIER, RECORD_TOKEN, declared, id_column, key_fields, readers
from a360.contract._odcs import LIFTED
from a360.contract._records import RecordSource, TimeField, listed
from a360.contract._rulebook import key_of
from a360.contract._yaml import Loc


def check_records(contracts: LakeContracts) -> Iterator[Fault]:
    """Every fault of what is said about records."""
    yield from _one_origin(contracts)
    sources = declared(contracts)
    for name in sorted({own.record for each in contracts.datasets.values() if (own := _own(each))}):
        datasets = readers(contracts, name)
        yield from _declared_once(name, datasets)
        if name not in sources:
            continue
        yield from _source(sources[name], datasets[0])
        yield from _key(sources[name], datasets)
        yield from check_fields(contracts, sources[name], datasets)
    yield from _overlaps(contracts)


def _own(dataset: Dataset) -> RecordSource | None:
    return dataset.contract.a360.source if dataset.zone == "silver" else None


def _at(dataset: Dataset, *inside: str | int) -> Loc:
    """Where a part of `a360.source` stands."""
    place = custom(dataset, "source")
    loc: Loc = (*place, "value", *inside)
    return loc if loc in dataset.source.nodes else place


def _one_origin(contracts: LakeContracts) -> Iterator[Fault]:
    for dataset in contracts.datasets.values():
        own = dataset.contract.a360
        if dataset.zone == "silver" and own.views and own.source and dataset.sure(LIFTED):
            message = "rows come out of views and out of records"
            fix = "keep a360.view for FHIR, or a360.source for records"
            yield dataset.fault("C611", message, *custom(dataset, "source"), fix=fix)


def _declared_once(name: str, datasets: list[Dataset]) -> Iterator[Fault]:
    whole = [dataset for dataset in datasets if not _is_short(dataset)]
    if not whole and all(dataset.sure(LIFTED, "source") for dataset in datasets):
        message = f"no contract says how files of {name} are read"
        fix = "say it in one of the contracts: kinds, files, key"
        for dataset in datasets:
            yield dataset.fault("C612", message, *custom(dataset, "source"), fix=fix)
    for dataset in whole if len(whole) > 1 else ():
        rival = next(each.name for each in whole if each is not dataset)
        message = f"{rival} says as well how {name} is read"
        fix = f"write {{record: {name}}} in all contracts but one"
        yield dataset.fault("C612", message, *custom(dataset, "source"), fix=fix)


def _is_short(dataset: Dataset) -> bool:
    own = _own(dataset)
    return own is None or own.names_another


def _source(source: RecordSource, dataset: Dataset) -> Iterator[Fault]:
    """Whether what one source says can be carried out."""
    if not dataset.sure(LIFTED, "source"):
        return
    for inside, message, fix in (*_missing(source), *_misread(source), *_unclear(source)):
        yield dataset.fault("C614", message, *_at(dataset, *inside), fix=fix)
    for number, pattern in enumerate(source.files):
        if problem := glob_problem(pattern):
            message = f"{pattern!r} is no pattern of file names: {problem}"
            yield dataset.fault(
                "C614", message, *_at(dataset, "files", number), fix="write for example visits*"
            )
    for name, field in (("updated", source.updated), ("eventTime", source.event_time)):
        for pattern in listed(field.format) if isinstance(field, TimeField) else ():
            yield from _time_format(dataset, source, name, pattern)


type _Found = Iterator[tuple[tuple[str, ...], str, str]]


def _missing(source: RecordSource) -> _Found:
    if not source.kinds:
        yield ("kinds",), "kinds is missing", "say csv, parquet, events or attachments"
    if set(source.kinds) <= {"attachments"}:
        return
    if not source.files:
        yield ("files",), "files is missing", "say which files hold these records, such as [visits*]"
    if not source.key:
        yield ("key",), "key is missing", "say which fields name a record"
    if source.dedup_window and not source.event_time:
        yield ("dedupWindow",), "a window needs the time of events", "add eventTime"


def _misread(source: RecordSource) -> _Found:
    for name, mark in (("delimiter", source.delimiter), ("quote", source.quote)):
        empty = name == "quote" and mark == ""
        if not empty and (len(mark) != 1 or mark.isalnum() or mark in "\r\n\0" or not mark.isascii()):
            yield (name,), f"the {name} {mark!r} is no single mark", "write one character, such as ;"
    if source.delimiter == source.quote:
        yield ("quote",), "delimiter and quote are the same", "write two different marks"
    if source.footer:
        try:
            re.compile(source.footer)
        except re.error as error:
            message = f"the footer is no regular expression: {error}"
            yield ("footer",), message, "write for example ^Total"


def _unclear(source: RecordSource) -> _Found:
    if source.thousands == source.decimal:
        yield ("thousands",), "decimal and thousands are the same mark", "write two different marks"
    if source.zone and not _is_zone(source.zone):
        message = f"{source.zone!r} is no time zone"
        yield ("zone",), message, "write a name of the IANA database, such as Europe/London"
    if bool(source.true_words) != bool(source.false_words):
        yield ("trueWords",), "words for true or for false are missing", "say trueWords and falseWords"
    both = {each.casefold() for each in source.true_words} & {each.casefold() for each in source.false_words}
    if both:
        yield ("falseWords",), f"{min(both)!r} is true and false", "keep it in one of the lists"
    for symbol in source.symbols:
        if re.search(r"[0-9.,()+\-]", symbol):
            message = f"{symbol!r} could be a part of a number"
            yield ("symbols",), message, "write signs such as £, EUR or %"


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        return False
    return True


def _time_format(dataset: Dataset, source: RecordSource, name: str, pattern: str) -> Iterator[Fault]:
    parsed = parse_date_format(pattern)
    if not isinstance(parsed, DateFormat):
        message = f"{pattern!r} is no format of times: {parsed}"
        yield dataset.fault("C615", message, *_at(dataset, name, "format"))
    elif not parsed.is_instant and not source.zone:
        message = f"{pattern} names no instant without a time zone"
        yield dataset.fault(
            "C615", message, *_at(dataset, name, "format"), fix="add zone, such as Europe/London"
        )


def _key(source: RecordSource, datasets: list[Dataset]) -> Iterator[Fault]:
    secret = any(field.identifier for field in key_fields(source, datasets))
    for dataset in datasets:
        own = id_column(dataset)
        if own is None or "source" not in key_of(dataset) or len(key_of(dataset)) != 2:  # noqa: PLR2004
            message = "a dataset of records has the key source and one column for the record's key"
            yield dataset.fault(
                "C616", message, "schema", 0, "properties", fix="mark these two as primaryKey"
            )
            continue
        if own.physical_type != "string":
            yield dataset.fault_at(own.name, "C616", f"{own.name} holds a record's key, which is a string")
        token = own.a360.token if own.a360.sensitivity == IDENTIFIER else None
        if secret and token != RECORD_TOKEN:
            message = f"{own.name} holds a token: a field of the key is an identifier"
            fix = f"write a360.sensitivity {IDENTIFIER} and a360.token {RECORD_TOKEN}"
            yield dataset.fault_at(own.name, "C616", message, fix=fix)
        yield from _named_field(source, dataset)


def _named_field(source: RecordSource, dataset: Dataset) -> Iterator[Fault]:
    own = id_column(dataset)
    field = own.a360.field if own else None
    if own is None or field is None:
        return
    name = field if isinstance(field, str) else field.name
    if source.key and (len(source.key) != 1 or name != source.key[0]):
        message = f"{own.name} holds the record's key, which is made of {', '.join(source.key)}"
        yield dataset.fault_at(
            own.name, "C616", message, fix="remove a360.field, or name the field of the key"
        )


def _overlaps(contracts: LakeContracts) -> Iterator[Fault]:
    for (one, first), (other, second) in combinations(sorted(declared(contracts).items()), 2):
        if not set(first.kinds) & set(second.kinds):
            continue
        dataset = readers(contracts, other)[0]
        for number, pattern in enumerate(second.files):
            rival = next((each for each in first.files if globs_overlap(each, pattern)), None)
            if rival is not None:
                message = f"a file can fit {pattern} and, of {one}, {rival}"
                fix = "write patterns that no file name fits both of"
                yield dataset.fault("C613", message, *_at(dataset, "files", number), fix=fix)

"""Releases that could not pass: what is let out is declared, column by column, and fits its method."""

from collections.abc import Iterator

from a360.contract._disclosure import LEFT_OUT, METHODS, SHIFTED, TELLING, why_not
from a360.contract._faults import Fault
from a360.contract._lint_dataset import custom
from a360.contract._lint_tags import IDENTIFIER
from a360.contract._load import COLUMNS, Dataset, LakeContracts
from a360.contract._masks import fits
from a360.contract._odcs import LIFTED, Column, DataRelease
from a360.contract._types import parse_type

PATIENT = "patient"


def check_disclosures(contracts: LakeContracts) -> Iterator[Fault]:
    """What is wrong with the releases that contracts declare."""
    for dataset in contracts.datasets.values():
        release = dataset.contract.a360.release
        if release is None:
            yield from _stray(dataset)
        elif dataset.sure(LIFTED, "release"):
            yield from _release(dataset, release)
            for index, column in enumerate(dataset.columns):
                if dataset.sure(*COLUMNS, index, LIFTED):
                    yield from _column(dataset, release, column)


def _stray(dataset: Dataset) -> Iterator[Fault]:
    for column in dataset.columns:
        if column.a360.release is not None:
            message = f"{column.name} says how it leaves, and {dataset.name} is no release"
            yield dataset.fault_at(column.name, "C321", message, fix="add a360.release to the dataset")


def _release(dataset: Dataset, release: DataRelease) -> Iterator[Fault]:
    place = custom(dataset, "release")
    if dataset.zone != "gold":
        yield dataset.fault("C321", "a360.release belongs to gold datasets", *place, fix="remove it")
    known = {column.name: column for column in dataset.columns}
    for name in dict.fromkeys((*release.quasi_identifiers, *release.sensitive)):
        told = known[name].a360.released if name in known else None
        if told is None or told.method == LEFT_OUT:
            message = f"the release names {name}, which does not leave with it"
            yield dataset.fault("C321", message, *place, fix="name columns that leave")
    yield from _patients(dataset)
    if release.profile == "limited" and not release.agreement:
        message = "a limited data set leaves under a data use agreement (164.514(e)(4))"
        yield dataset.fault("C324", message, *place, fix="name it: agreement: …")
    if release.profile == "expert":
        yield from _expert(dataset, release)


def _patients(dataset: Dataset) -> Iterator[Fault]:
    """Whose rows they are is said by one column, which the lake tokenises as a patient's."""
    patients = [column for column in dataset.columns if _element(column) == PATIENT]
    for column in patients[1:]:
        message = f"{column.name} is a second column of patients: whose rows are counted?"
        yield dataset.fault_at(
            column.name, "C322", message, fix="leave it out: method: null, element: record"
        )
    for column in patients:
        if column.a360.token != PATIENT:
            message = f"{column.name} is no column of patients' tokens"
            yield dataset.fault_at(column.name, "C322", message, fix="its element is another")


def _expert(dataset: Dataset, release: DataRelease) -> Iterator[Fault]:
    place = custom(dataset, "release")
    if not release.determination:
        message = "an expert's determination is documented (164.514(b)(1)(ii))"
        yield dataset.fault("C324", message, *place, fix="say where: determination: …")
    if not release.quasi_identifiers:
        message = "an expert's determination is measured over quasi-identifiers"
        yield dataset.fault("C325", message, *place, fix="name them: quasiIdentifiers: […]")
        return
    if not any(_element(column) == PATIENT for column in dataset.columns):
        message = "classes are counted in patients, and no column says whose a row is"
        yield dataset.fault("C325", message, *place, fix="declare one: a360.release: patient")
    for column in dataset.columns:
        told = column.a360.released
        if told is None or told.element not in TELLING or told.method in {LEFT_OUT, SHIFTED}:
            continue
        if column.name not in release.quasi_identifiers:
            message = f"{column.name} is {told.element}, which others may know, and no quasi-identifier"
            fix = "add it to quasiIdentifiers, move its dates (date_shift), or leave it out (null)"
            yield dataset.fault_at(column.name, "C325", message, fix=fix)


def _column(dataset: Dataset, release: DataRelease, column: Column) -> Iterator[Fault]:
    told = column.a360.released
    if told is None:
        message = f"{column.name} does not say how it leaves"
        fix = "add a360.release: what its values are, or {element: …, method: null} to leave it out"
        yield dataset.fault_at(column.name, "C322", message, fix=fix)
        return
    type_ = parse_type(column.physical_type)
    if type_ is None:
        return
    if told.method is not None and not (told.method in METHODS and fits(told.method, str(type_))):
        yield dataset.fault_at(column.name, "C323", f"{told.method} does not fit {column.name}, a {type_}")
        return
    reason = why_not(release.profile, told.element, type_.name, told.method)
    if reason is None and told.method != LEFT_OUT:
        reason = _too_sensitive(column, told.element)
    if reason is not None:
        message = f"{column.name}: {reason}"
        yield dataset.fault_at(column.name, "C323", message, fix="leave it out: method: null")
    if told.method == SHIFTED and not any(_element(each) == PATIENT for each in dataset.columns):
        message = f"{column.name}: days are a patient's own, and no column says whose a row is"
        yield dataset.fault_at(column.name, "C323", message, fix="declare one: a360.release: patient")


def _too_sensitive(column: Column, element: str) -> str | None:
    """Why its sensitivity keeps a column in, whatever it says of itself."""
    if column.a360.sensitivity == IDENTIFIER and element != PATIENT:
        return "it is an identifier, and a token of one tells who has it in two places"
    return None


def _element(column: Column) -> str | None:
    told = column.a360.released
    return told.element if told else None

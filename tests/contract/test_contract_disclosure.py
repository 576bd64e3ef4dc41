"""Contracts of releases: what a method cannot let pass is found before anything is made."""

import re

import pytest

from a360.contract import ELEMENTS

RELEASE = "  - {property: a360.release, value: {profile: safe_harbor}}\n"


@pytest.fixture
def released(small_lake):
    """Makes the gold dataset a release: of a profile, its count declared to be something."""

    def declare(release=RELEASE, count="value", patient="patient"):
        file = "gold/visits.yaml"
        small_lake.replace(file, "  - {property: a360.model", release + "  - {property: a360.model")
        text = small_lake.read(file)
        if patient:
            text = re.sub(
                r"(\{property: a360.token, value: patient\})",
                rf"\1, {{property: a360.release, value: {patient}}}",
                text,
            )
        if count:
            text = re.sub(
                r"(physicalType: long.*?value: phi\})",
                rf"\1, {{property: a360.release, value: {count}}}",
                text,
                flags=re.DOTALL,
            )
        small_lake.write(file, text)
        return {fault.code for fault in small_lake.lint()} - {"C409"}

    return declare


def profile(name, **more):
    """The property of a release."""
    inside = "".join(f", {key}: {value}" for key, value in more.items())
    return f"  - {{property: a360.release, value: {{profile: {name}{inside}}}}}\n"


def test_a_release_of_which_everything_is_declared_has_no_fault(released):
    """A patient's token and a count may leave after Safe Harbor."""
    assert released() == set()


def test_a_column_that_says_nothing_does_not_leave(released):
    """Every column says how it leaves."""
    assert released(count=None) == {"C322"}


def test_how_a_column_leaves_is_said_in_releases_alone(released):
    """Without the dataset's own word, or with names of columns that do not leave, it is a fault."""
    assert released(release="") == {"C321"}


def test_a_release_names_columns_that_leave_with_it(released):
    """What is sensitive, or known to others, is measured over what leaves."""
    assert released(profile("safe_harbor", sensitive="[nothing]")) == {"C321"}


@pytest.mark.parametrize("element", [name for name, rule in ELEMENTS.items() if rule.direct])
@pytest.mark.parametrize("method", [profile("safe_harbor"), profile("limited", agreement="DUA-1")])
def test_no_method_lets_a_direct_identifier_pass(released, element, method):
    """The sixteen of a limited data set, and free text, leave under no profile."""
    assert released(method, count=element) == {"C323"}


@pytest.mark.parametrize("element", ["record", "place"])
def test_safe_harbor_lets_no_place_and_no_other_number_pass(released, element):
    """What a limited data set may have, Safe Harbor removes."""
    assert released(count=element) == {"C323"}


@pytest.mark.parametrize("element", ["record", "place"])
def test_a_limited_data_set_may_have_places_and_numbers(released, element):
    """Under an agreement."""
    assert released(profile("limited", agreement="DUA-1"), count=element) == set()


def test_a_limited_data_set_needs_its_agreement_and_an_expert_a_determination(released):
    """Both are documents of people, which the contract names."""
    assert released(profile("limited")) == {"C324"}


def test_an_expert_measures_over_what_others_may_know(released):
    """An age is known to others: it is a quasi-identifier, or it does not leave."""
    assert released(
        profile("expert", determination="E-1", quasiIdentifiers="[patient_key]"), count="age"
    ) == {"C325"}


def test_what_a_contract_leaves_out_may_be_anything(released):
    """A column of the method null is none of what leaves."""
    assert released(count='{element: record, method: "null"}') == set()


def test_an_identifier_is_no_value(released):
    """A token leaves as a patient's code, or not at all."""
    assert released(patient="value") == {"C323"}


def test_a_mask_fits_what_it_masks(released):
    """Years are of dates."""
    assert released(count="{element: value, method: year}") == {"C323"}


def test_the_eighteen_identifiers_of_safe_harbor_are_all_known():
    """Each paragraph of the list, A to R, is that of an element."""
    assert {rule.letter for rule in ELEMENTS.values()} - {""} == set("ABCDEFGHIJKLMNOPQR")
    assert sum(rule.direct for rule in ELEMENTS.values()) == 16 + 1

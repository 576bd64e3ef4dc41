"""Records of patients that were merged: facts are the survivor's, whatever came first, until it is undone."""

import itertools
import random

import pytest
from fhir_samples import bundle, deletion, encounter, observation, patient
from lakes import patient_key, rows_of
from silver_oracle import silver
from tales import Tales

TALES = Tales()
DAY = "2026-02-{:02}T00:00:00Z".format


def linkage(stays, goes, day, *, active=True):
    """The statement that one record has become another, or that it has not."""
    items = [("source", stays), ("historical", goes)]
    return {
        "resourceType": "Linkage",
        "id": f"{stays}-{goes}",
        "meta": {"lastUpdated": DAY(day)},
        "active": active,
        "item": [{"type": kind, "resource": {"reference": f"Patient/{name}"}} for kind, name in items],
    }


def replaced(key, by, day):
    """A record that says which other record is to be used."""
    link = [{"other": {"reference": f"Patient/{by}"}, "type": "replaced-by"}]
    return patient(key, updated=DAY(day), active=False, link=link)


class Clinic:
    """A source of a lake that tests share, with patients called by letters."""

    def __init__(self, lake, put, source):
        self.lake, self._put, self.source = lake, put, source
        self.keys = {name: patient_key(lake, name, source) for name in "abcdef"}
        self.names = {key: name for name, key in self.keys.items()}

    def hears(self, *news):
        """Take news in."""
        self._put(self.lake, *news, source=self.source)

    def rows(self, columns, dataset, where=""):
        """Rows of this source, with the patients' names in the place of their keys."""
        rows = rows_of(self.lake, f"SELECT {columns} FROM {dataset} {where}")
        return [[self.names.get(value, value) for value in row.values()] for row in rows]

    @property
    def owners(self):
        """Whose each visit is."""
        where = f"WHERE NOT deleted AND source = '{self.source}'"
        return dict(self.rows("encounter_id, patient_key", "silver.encounter", where))

    @property
    def counted(self):
        """The patients that gold has, with how many visits each."""
        rows = self.rows("patient_key, encounters", "gold.patient_counts")
        return {name: visits for name, visits in rows if name in self.keys}


@pytest.fixture(scope="module")
def told(module_lake, put):
    """What each tale found wrong, told by a source of its own."""
    return TALES.told(module_lake, lambda name: Clinic(module_lake, put, name[:60]))


def visits(names):
    """A visit of each of these patients, named after them."""
    return [encounter(f"v{name}", f"Patient/{name}") for name in names]


def people(names):
    """These patients, each with a visit."""
    return [*map(patient, names), *visits(names)]


@TALES.tale
def test_a_merge_moves_facts_and_leaves_one_patient(clinic):
    """After a merge silver and gold count the survivor alone, and `replaced_by` says who that is."""
    yield people("ab")
    assert clinic.owners == {"va": "a", "vb": "b"}
    yield [linkage("b", "a", 1)]
    assert clinic.owners == {"va": "b", "vb": "b"}
    assert clinic.counted == {"b": 2}
    where = f"WHERE source = '{clinic.source}'"
    assert dict(clinic.rows("patient_key, replaced_by", "silver.patient", where)) == {"a": "b", "b": None}


@TALES.tale
def test_a_merge_that_was_taken_back_gives_the_facts_back(clinic):
    """A Linkage made inactive, or a record without its link, is a patient again with what was its own."""
    yield [*people("abcd"), linkage("b", "a", 1), replaced("c", "d", 1)]
    assert clinic.owners == {"va": "b", "vb": "b", "vc": "d", "vd": "d"}
    yield [linkage("b", "a", 2, active=False), patient("c", updated=DAY(2))]
    assert clinic.owners == {"va": "a", "vb": "b", "vc": "c", "vd": "d"}
    assert clinic.counted == {"a": 1, "b": 1, "c": 1, "d": 1}


@TALES.tale
def test_a_merge_holds_though_the_old_record_is_updated(clinic):
    """What a Linkage says stands when a system that has not heard of it sends the old record anew."""
    clinic.hears(*people("a"), patient("b"), linkage("b", "a", 1))
    yield [patient("a", updated=DAY(5))]
    assert clinic.owners == {"va": "b"}
    assert clinic.counted == {"b": 1}


@TALES.tale
def test_in_a_circle_the_newest_merge_decides(clinic):
    """Where a was merged into b, and later b into a, a stays."""
    yield [*people("ab"), linkage("b", "a", 1)]
    assert set(clinic.owners.values()) == {"b"}
    yield [linkage("a", "b", 2)]
    assert set(clinic.owners.values()) == {"a"}


@TALES.tale
def test_the_newest_of_several_merges_counts(clinic):
    """A record merged into b, and later into c, is c's, even if that is heard of first."""
    yield [*people("a"), linkage("c", "a", 2)]
    yield [linkage("b", "a", 1)]
    assert clinic.owners == {"va": "c"}


ONE_MATCH = [
    [patient("a", ids=["7"]), patient("b", ids=["7"]), encounter("v", "Patient?identifier=urn:s|7")],
    [linkage("b", "a", 1)],
]


def one_match(clinic, news):
    yield from news
    assert clinic.owners == {"v": "b"}
    yield [linkage("b", "a", 2, active=False)]
    assert clinic.owners == {"v": None}


@TALES.tale
def test_two_records_of_one_patient_are_one_match(clinic):
    """An identifier that two merged records have leads to the survivor; until then, to nobody."""
    yield from one_match(clinic, ONE_MATCH)


@TALES.tale
def test_they_are_one_match_though_the_merge_came_first(clinic):
    """The same where the merge is heard of before the patients."""
    yield from one_match(clinic, reversed(ONE_MATCH))


@TALES.tale
def test_a_survivor_that_was_deleted_leaves_facts_that_dangle(clinic):
    """Nobody is invented: what was merged into a deleted record has its key, and no row in gold."""
    clinic.hears(*people("a"), patient("b"), linkage("b", "a", 1))
    yield [bundle(*deletion("Patient/b"), timestamp=DAY(3))]
    assert clinic.owners == {"va": "b"}
    assert clinic.counted == {}


def test_chains_lead_to_their_end_in_any_order(module_lake, put):
    """a into b, b into c, c into d: all is d's, whichever merge is heard of first."""
    chain = [linkage("b", "a", 1), linkage("c", "b", 2), linkage("d", "c", 3)]
    orders = list(itertools.permutations([people("abcd"), *([each] for each in chain)]))[::4]
    clinics = [Clinic(module_lake, put, f"chain{number}") for number in range(len(orders))]
    for news in zip(*orders, strict=True):
        for clinic, each in zip(clinics, news, strict=True):
            clinic.hears(*each)
        module_lake.run()
    assert [set(clinic.owners.values()) for clinic in clinics] == [{"d"}] * len(orders)


def story(dice):
    """Patients, facts, merges, and their withdrawal, told apart by their times."""
    names = "abcdef"
    return [
        *people(names),
        *(observation(f"o{name}", f"Patient/{name}", updated=DAY(2)) for name in names),
        encounter("w", "Patient?identifier=urn:s|7"),
        *(patient(name, ids=["7"], updated=DAY(4)) for name in "ab"),
        *(linkage(*dice.sample(names, 2), day) for day in range(1, 8)),
        *(linkage(*dice.sample(names, 2), day, active=False) for day in range(8, 11)),
        replaced("e", "f", 3),
        patient("e", updated=DAY(9)),
    ]


def test_any_order_and_portioning_gives_what_the_oracle_says(module_lake, put):
    """However such stories arrive, silver has the owners that an oracle finds in all of it at once."""
    dice = random.Random(5)
    clinics = [Clinic(module_lake, put, f"story{number}") for number in range(6)]
    stories = [story(dice) for _ in clinics]
    arrivals = [dice.sample(told, len(told)) for told in stories]
    for start in range(0, len(arrivals[0]), 9):
        for clinic, news in zip(clinics, arrivals, strict=True):
            clinic.hears(*news[start : start + 9])
        module_lake.run()
    for clinic, told in zip(clinics, stories, strict=True):
        wanted = silver(told)
        assert clinic.owners == {row["encounter_id"]: row["patient_key"] for row in wanted["encounter"]}
        where = f"WHERE is_current AND source = '{clinic.source}'"
        replaced_by = dict(clinic.rows("patient_key, replaced_by", "silver.patient", where))
        assert replaced_by == {row["patient_key"]: row["replaced_by"] for row in wanted["patient"]}

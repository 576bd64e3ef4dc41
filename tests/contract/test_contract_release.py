"""The ledger keeps what each contract promised last; what breaks the promise needs a new major version."""

import pytest

from a360.contract import FaultyContractsError, assign_field_ids, load_contracts

ENCOUNTER, VISITS, LEDGER = "silver/encounter.yaml", "gold/visits.yaml", "field_ids.yaml"
COST = '{name: cost, logicalType: number, physicalType: "decimal(18,6)"'
NOTE = "      - {name: note, logicalType: string, physicalType: string, customProperties: [{property: a360.sensitivity, value: phi}]}\n"  # noqa: E501


def codes(lake):
    """The codes of the faults there are."""
    return sorted({fault.code for fault in lake.lint()})


def version(lake, number, name=ENCOUNTER):
    """Give a contract a version."""
    lake.replace(name, "version: 1.0.0", f"version: {number}")


def rename_cost(lake):
    """Call a column otherwise, and say so in the ledger."""
    lake.replace(ENCOUNTER, "{name: cost,", "{name: price,")
    lake.replace("views/encounter.json", '"cost"', '"price"')
    lake.replace(LEDGER, "  cost: 5\n", "  cost: 5\n  price: 5\n")


def drop_cost(lake):
    """Take a column out of contract and view."""
    text = lake.read(ENCOUNTER)
    lines = [line for line in text.splitlines(keepends=True) if "name: cost" not in line]
    lake.write(ENCOUNTER, "".join(lines))
    view = lake.read("views/encounter.json").splitlines(keepends=True)
    text = "".join(line for line in view if '"cost"' not in line).replace('"id"},\n  ]', '"id"}\n  ]')
    lake.write("views/encounter.json", text)


KEY = "primaryKey: true, primaryKeyPosition: 2, "
BREAKING = {"rename": rename_cost, "drop": drop_cost}
FORBIDDEN = {
    "type": (ENCOUNTER, COST, COST.replace("decimal(18,6)", "decimal(18,7)")),
    "narrower": (ENCOUNTER, COST, COST.replace("decimal(18,6)", "decimal(17,6)")),
    "key": (VISITS, "{name: visits, ", "{name: visits, required: true, " + KEY),
    "token": (ENCOUNTER, "{property: a360.sensitivity, value: phi}, {property: a360.fieldId, value: 5}",
              "{property: a360.sensitivity, value: identifier}, {property: a360.fieldId, value: 5}"),
}  # fmt: skip


@pytest.mark.parametrize("change", BREAKING)
def test_what_breaks_readers_needs_a_major_version(small_lake, change):
    """A rename or a drop is a fault under 1.x, and lawful, and noted, under 2.0.0."""
    before = small_lake.read(LEDGER)
    BREAKING[change](small_lake)
    assert codes(small_lake) == ["C406"]
    version(small_lake, "1.9.0")
    assign_field_ids(small_lake.folder)
    assert codes(small_lake) == ["C406"]
    assert "version: 1.9.0" not in small_lake.read(LEDGER)
    small_lake.replace(ENCOUNTER, "version: 1.9.0", "version: 2.0.0")
    assert codes(small_lake) == ["C409"]
    assign_field_ids(small_lake.folder)
    assert codes(small_lake) == []
    assert before != small_lake.read(LEDGER)


@pytest.mark.parametrize("change", FORBIDDEN)
def test_what_would_change_the_meaning_of_rows_is_never_lawful(small_lake, change):
    """Another type, key or token domain under an id that is taken is refused under any version."""
    name, old, new = FORBIDDEN[change]
    if change == "key":
        small_lake.replace(name, "primaryKey: true, ", "primaryKey: true, primaryKeyPosition: 1, ")
    small_lake.replace(name, old, new)
    assert "C407" in codes(small_lake)
    version(small_lake, "2.0.0", name)
    assert codes(small_lake) == ["C407"]
    kept = small_lake.read(LEDGER)
    assign_field_ids(small_lake.folder)
    assert small_lake.read(LEDGER) == kept


def test_what_breaks_nobody_needs_no_version(small_lake):
    """A new column, a wider type and another order are only to be noted."""
    small_lake.replace(ENCOUNTER, COST, COST.replace("decimal(18,6)", "decimal(20,6)"))
    small_lake.replace(ENCOUNTER, "      - {name: version_id", NOTE + "      - {name: version_id")
    small_lake.replace(
        "views/encounter.json", '{"name": "cost"', '{"name": "note", "path": "id"}, {"name": "cost"'
    )
    assign_field_ids(small_lake.folder)
    assert codes(small_lake) == []
    assert "5: cost decimal(20,6) phi" in small_lake.read(LEDGER)


def test_a_change_that_is_not_in_the_ledger_is_a_fault(small_lake):
    """Whoever changes a contract commits the ledger with it."""
    version(small_lake, "1.1.0")
    assert codes(small_lake) == ["C409"]


def test_a_version_never_falls(small_lake):
    """A version below the one that was committed is a fault."""
    version(small_lake, "0.9.0")
    assert codes(small_lake) == ["C408"]


def test_a_draft_promises_nothing(small_lake):
    """While a contract is a draft, it may break."""
    small_lake.replace(ENCOUNTER, "status: active", "status: draft")
    rename_cost(small_lake)
    assign_field_ids(small_lake.folder)
    assert codes(small_lake) == []


def test_contracts_that_break_a_promise_still_load(small_lake):
    """The plan can be made, since a lake's own tables say what a change does to them."""
    rename_cost(small_lake)
    assert load_contracts(small_lake.folder).datasets["silver.encounter"].column("price")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    key: [1, 2]\n", "    key: 1\n"),
        ("      5: cost decimal(18,6) phi\n", "      5: cost money phi\n"),
        ("      5: cost decimal(18,6) phi\n", "      5: [cost]\n"),
        ("    version: 1.2.0\n", ""),
    ],
)
def test_a_broken_release_is_a_fault(small_lake, old, new):
    """What cannot be read of the ledger is told, and nothing is written over it."""
    small_lake.replace(LEDGER, old, new)
    assert codes(small_lake)[0] == "C113"
    with pytest.raises(FaultyContractsError):
        assign_field_ids(small_lake.folder)

"""What silver holds of records does not depend on the order of files, nor on how rows were spread."""

import json
import random
import shutil
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from fhir_samples import patient
from lakes import content, difference, rows_of, write_ndjson
from record_contracts import record_contracts

import a360

ROUNDS, MEMBERS = 3, 40
STEPS = ("silver.member", "silver.member_version", "silver.visit")
START = datetime(2024, 3, 1, 9, tzinfo=UTC)
HEADERS = (
    ("Member No", "Patient", "Fee", "Since", "Changed", "Active", "State", "E-mail"),
    ("E-mail", "State", "Active", "Changed", "Start", "Fee", "Patient", "MemberNumber"),
)
ALIASES = {"Start": "Since", "MemberNumber": "Member No"}


def versions(dice, number):
    """The versions of a member, changed at times of their own; some cannot be read, some end it."""
    minutes = dice.sample(range(40_000), dice.randint(1, 5))
    for at in sorted(minutes):
        state = dice.choice(["OPEN", "SHUT", "HELD", "VOID"])
        fee = f"{dice.randint(0, 9_999_999) / 100:.2f}"
        yield {
            "Member No": f"M{number}",
            "Patient": f"A{dice.randint(0, 5)}",
            "Fee": dice.choice([fee.replace(".", ","), fee.replace(".", ","), "1.5", ""]),
            "Since": f"{dice.randint(1, 28):02}/0{dice.randint(1, 9)}/2024",
            # London had summer time from the end of March on.
            "Changed": (START + timedelta(minutes=at)).strftime("%d/%m/%Y %H:%M"),
            "Active": dice.choice(["yes", "no", ""]),
            "State": state,
            "E-mail": f"m{number}@example.org",
        }


def changed(row):
    """When a row says that its member changed, as text that sorts."""
    day, _, time = row["Changed"].partition(" ")
    return (*reversed(day.split("/")), time)


def expected(histories):
    """What `silver.member` holds in the end, in plain Python: the newest version that can be read."""
    rows = []
    for history in histories:
        good = [each for each in history if each["State"] == "VOID" or each["Fee"] != "1.5"]
        newest = max(good, key=changed, default=None)
        if newest is None:
            continue
        if newest["State"] == "VOID":
            rows.append((True, None, None, None, None, None))
            continue
        fee = Decimal(newest["Fee"].replace(",", ".")) if newest["Fee"] else None
        since = datetime.strptime(newest["Since"], "%d/%m/%Y").replace(tzinfo=UTC).date()
        active = {"yes": True, "no": False, "": None}[newest["Active"]]
        rows.append((False, newest["Member No"], fee, since, active, newest["State"]))
    return sorted(rows, key=str)


def files(dice, folder, rows, name):
    """The rows in files with either header, in any order, some of them twice."""
    folder.mkdir()
    dice.shuffle(rows)
    for number, header in enumerate(HEADERS):
        chosen = rows[number::2]
        chosen += dice.sample(chosen, len(chosen) // 5)
        lines = [";".join(header)]
        lines += [";".join(row[ALIASES.get(each, each)] for each in header) for row in chosen]
        (folder / f"members_{name}_{number}.csv").write_text("\n".join(lines) + "\n")
    return folder


def filled(tmp_path, contracts, name, rounds, keys=None):
    """A lake that was told round by round, and ran after each."""
    with a360.open(tmp_path / name, contracts=contracts):
        pass
    if keys:
        shutil.rmtree(tmp_path / name / "keys")
        shutil.copytree(keys, tmp_path / name / "keys")
    dice = random.Random(name)
    with a360.open(tmp_path / name, contracts=contracts) as lake:
        for number, (rows, people) in enumerate(rounds):
            if people:
                lake.ingest(write_ndjson(tmp_path / f"{name}-people-{number}", people))
            if rows:
                lake.ingest(files(dice, tmp_path / f"{name}-{number}", list(rows), number), kind="csv")
            lake.run()
        return content(lake, ("silver",)), rows_of(lake, "SELECT * FROM silver.member")


@pytest.mark.parametrize("seed", [1])
def test_any_order_and_spreading_of_rows_gives_the_same_silver(tmp_path, seed):
    """Versions, voids, repeats, renamed columns and late patients give what all at once gives."""
    dice = random.Random(seed)
    histories = [list(versions(dice, number)) for number in range(MEMBERS)]
    people = [patient(f"p{number}", ids=[f"A{number}"]) for number in range(6)]
    rows = [row for history in histories for row in history]
    contracts = record_contracts(tmp_path / "contracts")
    spread = [([], []) for _ in range(ROUNDS)]
    for each in rows:
        dice.choice(spread)[0].append(each)
    for each in people:
        dice.choice(spread)[1].append(each)
    one, members = filled(tmp_path, contracts, "spread", spread)
    whole, _ = filled(tmp_path, contracts, "whole", [(rows, people)], tmp_path / "spread/keys")
    assert difference(one, whole) == {}
    found = [
        tuple(row[name] for name in ("deleted", "number", "fee", "since", "active", "state"))
        for row in members
    ]
    assert sorted(found, key=str) == expected(histories)
    # Each member is one patient's, whoever came first.
    assert all(
        row["patient_key"] and row["unresolved_references"] == 0 for row in members if not row["deleted"]
    )
    assert json.dumps([row["member_id"] for row in members]).count("M") == 0

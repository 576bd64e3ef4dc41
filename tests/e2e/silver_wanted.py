"""What silver must hold of some files, by the oracle, in the tokens of a lake."""

import pickle
from collections import Counter

import yaml
from lakes import CONTRACTS, made_once
from silver_oracle import read, silver
from silver_tokens import tokenised

from a360.protect import LocalKeyStore, LocalTokenizer

# What is made of FHIR: the oracle knows nothing of records, nor of texts, which lie sealed.
SILVER = sorted(
    file.stem
    for file in (CONTRACTS / "silver").glob("*.yaml")
    if "a360.view" in (text := file.read_text()) and "a360.seal" not in text
)


def columns(dataset):
    """The columns of a silver contract."""
    return yaml.safe_load((CONTRACTS / "silver" / f"{dataset}.yaml").read_text())["schema"][0]["properties"]


def custom(column, name):
    """A custom property of a column; none where it is not given."""
    found = [each["value"] for each in column["customProperties"] if each["property"] == name]
    return found[0] if found else None


def domains(dataset):
    """The token domain of each identifier column of a contract."""
    return {
        column["name"]: custom(column, "a360.token") or "identifier"
        for column in columns(dataset)
        if custom(column, "a360.sensitivity") == "identifier"
    }


def wanted_rows(factory, name, lake, files):
    """The rows of every silver dataset; computed once for all processes of a test run."""

    def make(into):
        tokenizer = LocalTokenizer(LocalKeyStore.open(lake.path / "keys"))
        rows = silver(read(*files))
        tokens = {each: tokenised(rows[each], domains(each), tokenizer, "default") for each in SILVER}
        (into / "rows").write_bytes(pickle.dumps(tokens))

    return pickle.loads((made_once(factory, f"{name}-oracle", make) / "rows").read_bytes())


def assert_holds(lake, dataset, wanted):
    """Assert that the living, current rows of a dataset are those, value by value in every column."""
    table = lake.table(f"silver.{dataset}").to_pylist()
    held = [row for row in table if not row["deleted"] and row.get("is_current", True)]
    names = list(wanted[0]) if wanted else []
    for name in names:
        assert Counter(row[name] for row in held) == Counter(row[name] for row in wanted), name
    rows = Counter(tuple(row[name] for name in names) for row in held)
    assert rows == Counter(tuple(row[name] for name in names) for row in wanted)
    assert {row["source"] for row in held} <= {"default"}

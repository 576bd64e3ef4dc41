"""Plans that are kept: the same as if they were made, and never another's."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from a360.contract import LakePlan, MadePlan, PolicyPlan, _plan_cache, made_plan

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"


@pytest.fixture
def folder(tmp_path):
    """A folder that looks as contracts do; the tests that use it read none of them."""
    root = tmp_path / "contracts"
    for name in ("bronze", "silver", "views", "schema", "packs/extra/silver"):
        (root / name).mkdir(parents=True)
    (root / "lake.yaml").write_text("name: small")
    (root / "silver" / "patient.yaml").write_text("id: 1")
    (root / "packs" / "extra" / "silver" / "more.yaml").write_text("id: 2")
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "prod.yaml").write_text("name: prod")
    return root


@pytest.fixture
def made(monkeypatch):
    """How often a plan was made and not taken from the cache."""
    calls = []

    def make(folder, packs, environment):
        calls.append(environment)
        plan = LakePlan("small", environment, (), (), (), PolicyPlan())
        return MadePlan(plan, plan.fingerprint)

    monkeypatch.setattr(_plan_cache, "_make", make)
    return calls


def test_a_kept_plan_is_the_plan(tmp_path, monkeypatch):
    """What comes out of the cache has the values and the fingerprint of what went in, to the last field."""
    first = made_plan(CONTRACTS, ("omop",), "local", tmp_path)
    monkeypatch.delattr(_plan_cache, "_make")
    kept = made_plan(CONTRACTS, ("omop",), "local", tmp_path)
    assert kept == first
    assert kept.plan.fingerprint == kept.fingerprint == first.plan.fingerprint
    assert {type(step) for step in kept.plan.steps} == {type(step) for step in first.plan.steps}


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "lake.yaml").write_text("name: other"),
        lambda root: (root / "silver" / "patient.yaml").write_text("id: 3"),
        lambda root: (root / "silver" / "patient.yaml").rename(root / "silver" / "person.yaml"),
        lambda root: (root / "silver" / "patient.yaml").rename(root / "bronze" / "patient.yaml"),
        lambda root: (root / "views" / "v.json").write_text("{}"),
        lambda root: (root / "packs" / "extra" / "silver" / "more.yaml").write_text("id: 4"),
        lambda root: (root.parent / "environments" / "prod.yaml").write_text("name: prod\n"),
        lambda root: (root / "schema" / "stray.txt").write_text(""),
        lambda root: (root / "strange").mkdir(),
        lambda root: shutil.rmtree(root / "packs"),
    ],
)
def test_what_a_plan_follows_from_makes_it_anew(folder, made, tmp_path, change):
    """A byte, a name or a place that is another makes another plan; nothing else does."""
    for _ in range(2):
        made_plan(folder, (), "local", tmp_path)
    assert len(made) == 1
    change(folder)
    made_plan(folder, (), "local", tmp_path)
    assert len(made) == 2


def test_packs_environments_and_code_make_it_anew(folder, made, tmp_path, monkeypatch):
    """A plan is of its packs, its environment and the code that made it."""
    for packs, environment in (((), "local"), (("extra",), "local"), ((), "prod"), ((), "local")):
        assert made_plan(folder, packs, environment, tmp_path).plan.environment == environment
    assert made == ["local", "local", "prod"]
    monkeypatch.setattr(_plan_cache, "_code", lambda: iter([b"newer"]))
    made_plan(folder, (), "local", tmp_path)
    assert len(made) == 4


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:-1],
        lambda content: content.replace(b"small", b"large"),
        lambda content: content[:64] + b"{}",
        lambda content: b"\x80\x04" + content,
    ],
)
def test_what_is_not_as_it_was_written_is_made_anew(folder, made, tmp_path, damage):
    """A damaged file is no plan, and is replaced."""
    made_plan(folder, (), "local", tmp_path)
    [file] = (tmp_path / "plans").iterdir()
    file.write_bytes(damage(file.read_bytes()))
    for _ in range(2):
        assert made_plan(folder, (), "local", tmp_path).plan.name == "small"
    assert len(made) == 2


def test_a_plan_under_another_name_is_not_taken(folder, made, tmp_path):
    """A file that was put in the place of another is none, though it is as it was written."""
    made_plan(folder, (), "local", tmp_path)
    [file] = (tmp_path / "plans").iterdir()
    content = file.read_bytes()
    made_plan(folder, (), "prod", tmp_path)
    [other] = {*(tmp_path / "plans").iterdir()} - {file}
    other.write_bytes(content)
    assert made_plan(folder, (), "prod", tmp_path).plan.environment == "prod"
    assert len(made) == 3


@pytest.mark.parametrize("name", [".", "plan"])
def test_what_others_can_write_to_is_not_read(folder, made, tmp_path, name):
    """A plan says who may see what: one that another account may have written is made anew."""
    made_plan(folder, (), "local", tmp_path)
    [file] = (tmp_path / "plans").iterdir()
    (file if name == "plan" else file.parent).chmod(0o777)
    made_plan(folder, (), "local", tmp_path)
    assert len(made) == 2


def test_a_cache_that_cannot_be_written_costs_no_answer(folder, made, tmp_path):
    """Without a cache, or where there is a file in its place, plans are made."""
    (tmp_path / "plans").write_text("")
    for cache in (None, tmp_path):
        assert made_plan(folder, (), "local", cache).plan.name == "small"
    assert len(made) == 2


def test_few_plans_are_kept_and_writers_do_not_meet(folder, made, tmp_path):
    """Who writes at the same time leaves whole files, and the oldest go."""
    names = [f"e{number}" for number in range(40)] * 2
    with ThreadPoolExecutor(8) as pool:
        plans = list(pool.map(lambda name: made_plan(folder, (), name, tmp_path), names))
    assert [each.plan.environment for each in plans] == names
    files = list((tmp_path / "plans").iterdir())
    assert 1 <= len(files) <= 24
    assert all(file.suffix == ".json" for file in files)

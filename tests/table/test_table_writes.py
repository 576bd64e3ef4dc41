"""Writes: one commit each, stamped, once, and only where they may."""

import pyarrow as pa
import pytest
from pyiceberg.schema import Schema
from pyiceberg.types import LongType, NestedField

from a360.catalog import COMMIT_ID, COUNTS, UPSTREAM, TableRefusedError
from a360.errors import ConflictError, DataError, OperatorError, UsageError

NAME = "silver.patient"


@pytest.fixture
def patients(tables, keyed):
    tables.create_table(NAME, keyed)
    return tables


def values(tables, name=NAME, **options):
    return sorted((row["id"], row["v"]) for row in tables.read(name, **options).to_pylist())


def rows(*pairs):
    columns = {"id": pa.array([id_ for id_, _ in pairs], pa.int64()), "v": [v for _, v in pairs]}
    return pa.table(columns, schema=pa.schema([("id", pa.int64()), ("v", pa.string())]))


def test_a_commit_says_what_it_is(patients, stamp):
    """Id, upstream snapshots and counts stand in the snapshot, and in the result."""
    mark = stamp(upstream={"bronze.fhir_resource": "9007199254740993"}, counts={"read": 2, "landed": 2})
    result = patients.append(NAME, rows((1, "a"), (2, "b")), mark)
    (info,) = patients.snapshots(NAME)
    assert info.summary[COMMIT_ID] == info.commit_id == result.commit_id == mark.commit_id
    assert info.summary[UPSTREAM] == '{"bronze.fhir_resource":"9007199254740993"}'
    assert info.upstream == result.upstream == mark.upstream
    assert info.counts == result.counts == {"read": 2, "landed": 2}
    assert info.summary[COUNTS]
    assert (result.added_rows, result.deleted_rows, result.operation) == (2, 0, "append")
    assert result.snapshot_id == info.snapshot_id
    assert result.seconds > 0


@pytest.mark.parametrize("kind", ["append", "merge", "scope", "replace", "delete"])
def test_a_commit_id_lands_once(patients, stamp, kind):
    """The same write under the same commit id does nothing the second time, and says so."""
    patients.append(NAME, rows((1, "old"), (2, "old")), stamp())
    mark = stamp()
    write = {
        "append": lambda: patients.append(NAME, rows((3, "new")), mark),
        "merge": lambda: patients.merge(NAME, rows((2, "new"), (3, "new")), ["id"], mark),
        "scope": lambda: patients.merge(NAME, rows((4, "old")), ["id"], mark, scope=["v"]),
        "replace": lambda: patients.replace(NAME, rows((9, "new")), mark),
        "delete": lambda: patients.delete(NAME, "id = 2", mark),
    }[kind]
    first = write()
    after = values(patients)
    second = write()
    assert not first.replayed
    assert second.replayed
    assert second.snapshot_id == first.snapshot_id
    assert values(patients) == after
    assert len(patients.snapshots(NAME)) == 2
    assert [each.commit_id for each in patients.recorded].count(mark.commit_id) == 1
    assert [each for each in patients.collect(NAME) if each.path.endswith("parquet")] == []


def test_an_append_of_no_rows_makes_a_snapshot(patients, stamp):
    """A batch of which nothing landed is named by a commit all the same, also as the first of a table."""
    first = patients.append(NAME, rows(), stamp())
    second = patients.append(NAME, "SELECT 1 AS id WHERE false", stamp())
    assert [each.commit_id for each in patients.snapshots(NAME)] == [second.commit_id, first.commit_id]
    assert values(patients) == []


def test_several_stages_go_into_one_commit(patients, stamp):
    """Rows staged piece by piece land together or not at all."""
    staged = [file for at in range(3) for file in patients.stage(NAME, rows((at, f"stage {at}")))]
    assert values(patients) == []
    patients.commit_append(NAME, staged, stamp())
    assert values(patients) == [(at, f"stage {at}") for at in range(3)]
    assert len(patients.snapshots(NAME)) == 1


def test_rows_may_be_a_stream(patients, stamp):
    """A record batch reader is read once, batch by batch."""
    reader = pa.RecordBatchReader.from_batches(
        rows().schema, (rows((at, "x")).to_batches()[0] for at in range(4))
    )
    patients.append(NAME, reader, stamp())
    again = pa.RecordBatchReader.from_batches(rows().schema, rows((3, "y"), (4, "y")).to_batches())
    patients.merge(NAME, again, ["id"], stamp())
    assert values(patients) == [(0, "x"), (1, "x"), (2, "x"), (3, "y"), (4, "y")]


def test_sql_sees_the_temporary_tables_of_the_session_it_is_given(patients, stamp, catalog):
    """Rows computed in a caller's session are written from there."""
    with patients.engine.session(catalog) as session:
        session.execute("CREATE TEMP TABLE computed AS SELECT 7 AS id, 'seven' AS v")
        patients.append(NAME, "SELECT * FROM computed", stamp(), session=session)
        patients.merge(NAME, "SELECT id + 1 AS id, v FROM computed", ["id"], stamp(), session=session)
    assert values(patients) == [(7, "seven"), (8, "seven")]


@pytest.mark.parametrize("kind", ["append", "merge", "replace", "delete"])
def test_a_write_on_a_base_that_has_moved_is_refused(patients, stamp, kind):
    """What was computed from one snapshot does not land on another."""
    base = patients.append(NAME, rows((1, "a")), stamp()).snapshot_id
    patients.append(NAME, rows((2, "b")), stamp())
    write = {
        "append": lambda **on: patients.append(NAME, rows((3, "c")), stamp(), **on),
        "merge": lambda **on: patients.merge(NAME, rows((3, "c")), ["id"], stamp(), **on),
        "replace": lambda **on: patients.replace(NAME, rows((3, "c")), stamp(), **on),
        "delete": lambda **on: patients.delete(NAME, "id = 1", stamp(), **on),
    }[kind]
    for wrong in (base, None):
        with pytest.raises(ConflictError) as error:
            write(base=wrong)
        assert error.value.code.slug == "commit-conflict"
    assert values(patients) == [(1, "a"), (2, "b")]
    write(base=patients.snapshots(NAME)[0].snapshot_id)
    assert len(patients.snapshots(NAME)) == 3


def test_a_base_of_none_means_a_table_without_snapshots(patients, stamp):
    """The first commit of a table can be fenced as well."""
    assert patients.append(NAME, rows((1, "a")), stamp(), base=None).snapshot_id
    with pytest.raises(ConflictError):
        patients.append(NAME, rows((1, "a")), stamp(), base=None)


@pytest.mark.parametrize("filled", [False, True], ids=["empty", "filled"])
@pytest.mark.parametrize(
    ("sql", "code", "said"),
    [
        ("SELECT range % 3 AS id FROM range(5)", "keys-not-unique", "2 rows repeat a key"),
        ("SELECT 1 AS id, 'a' AS v, 'Zaphod' AS other", "rows-do-not-fit", "other is not a column"),
        ("SELECT CASE range WHEN 0 THEN NULL ELSE 1 END AS id FROM range(2)", None, "in 1 rows"),
    ],
)
def test_rows_that_cannot_be_merged_are_refused_whole(patients, stamp, filled, sql, code, said):
    """Repeated or missing keys and strange columns end in an error without values, and leave nothing."""
    if filled:
        patients.append(NAME, rows((1, "a")), stamp())
    before = len(patients.snapshots(NAME))
    with pytest.raises(DataError) as error:
        patients.merge(NAME, sql, ["id"], stamp())
    assert code in {None, error.value.code.slug}
    assert said in str(error.value) or "1 rows lack a value" in str(error.value)
    assert "Zaphod" not in str(error.value)
    assert len(patients.snapshots(NAME)) == before
    assert len(list(patients.session.sql("SELECT 1 AS one").to_pylist())) == 1


@pytest.mark.parametrize("mode", ["copy-on-write", "merge-on-read"])
def test_one_row_takes_the_place_of_all_with_its_key(tables, keyed, stamp, mode):
    """Where appends left several rows of a key, a merge leaves one, however it is carried out."""
    tables.create_table(NAME, keyed, properties={"write.merge.mode": mode})
    for _ in range(2):
        tables.append(NAME, rows((1, "old"), (2, "old")), stamp())
    tables.merge(NAME, rows((1, "new")), ["id"], stamp())
    assert values(tables) == [(1, "new"), (2, "old"), (2, "old")]


def test_a_merge_needs_columns_that_exist(patients, stamp):
    """A key that the table lacks is the caller's fault."""
    for key in (["nothing"], []):
        with pytest.raises(UsageError):
            patients.merge(NAME, rows((1, "a")), key, stamp())


def test_a_merge_of_nothing_commits_nothing(patients, stamp):
    """Without rows and without scope there is nothing to commit, on an empty and on a filled table."""
    assert patients.merge(NAME, rows(), ["id"], stamp()).snapshot_id is None
    patients.append(NAME, rows((1, "a")), stamp())
    assert patients.merge(NAME, rows(), ["id"], stamp()).snapshot_id is None
    assert patients.merge(NAME, rows(), ["id"], stamp(), scope=["v"]).snapshot_id is None
    assert len(patients.snapshots(NAME)) == 1


def test_a_table_that_is_all_key_can_be_merged(tables, stamp):
    """Where every column is of the key there is nothing to update, and new rows are added."""
    tables.create_table("silver.link", Schema(NestedField(1, "id", LongType(), required=True)))
    tables.load("silver.link")
    for mode in ("copy-on-write", "merge-on-read"):
        with tables.load("silver.link").transaction() as transaction:
            transaction.set_properties({"write.merge.mode": mode})
        tables.merge("silver.link", "SELECT range AS id FROM range(3)", ["id"], stamp())
    assert tables.read("silver.link").num_rows == 3


def test_a_scope_with_rows_of_its_own_removes_what_has_no_rows_any_more(patients, stamp):
    """Keys that were recomputed and came out empty vanish; keys outside the scope stay."""
    patients.append(NAME, rows((1, "north"), (2, "south"), (3, None), (4, "west")), stamp())
    gone = pa.table({"v": ["south", None]})
    patients.merge(NAME, rows((5, "south")), ["id"], stamp(), scope=["v"], scope_rows=gone)
    assert values(patients, where="v IS NOT NULL") == [(1, "north"), (4, "west"), (5, "south")]
    assert patients.read(NAME, where="v IS NULL").num_rows == 0


def test_deleting_nothing_commits_nothing(patients, stamp):
    """A condition that holds for no row leaves no snapshot, on an empty table as well."""
    assert patients.delete(NAME, "id > 0", stamp()).snapshot_id is None
    patients.append(NAME, rows((1, None)), stamp())
    assert patients.delete(NAME, "v = 'x'", stamp()).snapshot_id is None
    assert values(patients) == [(1, None)]


@pytest.mark.parametrize("write", ["append", "merge", "replace", "delete", "read"])
def test_an_unknown_table_is_named(tables, stamp, write):
    """Whatever is done to a table that is not there ends in one error that says what there is to do."""
    tables.ensure_namespace("silver")
    act = {
        "append": lambda: tables.append("silver.nobody", rows(), stamp()),
        "merge": lambda: tables.merge("silver.nobody", rows(), ["id"], stamp()),
        "replace": lambda: tables.replace("silver.nobody", rows(), stamp()),
        "delete": lambda: tables.delete("silver.nobody", "true", stamp()),
        "read": lambda: tables.read("silver.nobody"),
    }[write]
    with pytest.raises(UsageError) as error:
        act()
    assert error.value.code.slug == "unknown-table"


def test_only_commits_outside_ops_are_recorded(patients, stamp, keyed):
    """Recording does not record itself."""
    tables = patients
    tables.create_table("ops.run", keyed)
    tables.append("ops.run", rows((1, "a")), stamp())
    tables.append(NAME, rows((1, "a")), stamp())
    assert [each.table for each in tables.recorded] == [NAME]


@pytest.fixture
def lossy(monkeypatch):
    """Have a catalog's commits land, or not, and lose their answers; it may go altogether."""

    def plan(catalog, *, lands, goes=False):
        commit = catalog.commit_table

        def lose(*arguments):
            if lands:
                commit(*arguments)
            if goes:
                catalog.close()
            raise TableRefusedError(504, "GatewayTimeoutException")

        monkeypatch.setattr(catalog, "commit_table", lose)

    return plan


@pytest.mark.parametrize("lands", [True, False])
def test_a_lost_answer_is_settled_by_the_table(patients, stamp, catalog, lossy, monkeypatch, lands):
    """Where the answer is lost, the table says whether the commit landed; either way it can be run again."""
    mark = stamp()
    lossy(catalog, lands=lands)
    if lands:
        assert patients.append(NAME, rows((1, "a")), mark).snapshot_id
    else:
        with pytest.raises(OperatorError) as error:
            patients.append(NAME, rows((1, "a")), mark)
        assert error.value.code.slug == "commit-outcome-unknown"
    monkeypatch.undo()
    assert patients.append(NAME, rows((1, "a")), mark).replayed is lands
    assert values(patients) == [(1, "a")]


def test_a_catalog_that_is_gone_is_named(own, keyed, stamp, lossy):
    """Without a catalog no outcome is claimed: it is unreachable before a commit, and after one unknown."""
    own.create_table(NAME, keyed)
    lossy(own.catalog, lands=True, goes=True)
    with pytest.raises(OperatorError) as error:
        own.append(NAME, rows((1, "a")), stamp())
    assert error.value.code.slug == "commit-outcome-unknown"
    with pytest.raises(OperatorError) as error:
        own.append(NAME, rows((1, "a")), stamp())
    assert error.value.code.slug == "catalog-unreachable"

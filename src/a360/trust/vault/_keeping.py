"""The vault: what identifies people, one sealed row a version of a person's record, one key a person."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from a360.catalog import CommitStamp
from a360.contract import IDENTITIES, LakePlan, version_order
from a360.engine import quote_table
from a360.errors import OperatorError
from a360.failpoints import failpoint
from a360.protect import BatchSealer, Sealer, identity_context
from a360.table import Tables
from a360.trust.vault._merges import merged
from a360.trust.vault._opening import KNOWN_VALUES, known_values, values
from a360.trust.vault._pending import PendingKeys
from a360.trust.vault._views import identity_views

# What identifies a person in any record of one, whatever the contracts take out of it.
_ELEMENTS: Final = ("identifier", "name", "telecom", "address", "birthDate", "contact", "link", "patient")
_ASKED, _BATCH, _SEALED = "vault_asked", "vault_batch", "vault_sealed"
_KEY: Final = pa.schema([("patient_key", pa.string())])
_ROWS = quote_table(IDENTITIES)
_VERSION = "patient_key, known_at, arrival"
_NEWEST_FIRST = f"{version_order(direction='DESC')}, arrival DESC"

REVEALED: Final = pa.schema(
    [
        ("patient_key", pa.string()),
        ("record_key", pa.string()),
        ("column", pa.string()),
        ("value", pa.string()),
        ("known_at", pa.timestamp("us", "UTC")),
        ("current", pa.bool_()),
    ]
)


class Vault:
    """Keeps, opens and forgets who people are.

    Whoever holds one may open everything: people ask `Reveals`.

    Args:
        plan: What the contracts take out of records, and keep as tokens.
        tables: The lake's tables.
        sealer: Seals under keys of the lake's key store.
        pending: A file of the lake, for the keys of rows that are about to be written or to go.
    """

    dataset = IDENTITIES

    def __init__(self, plan: LakePlan, tables: Tables, sealer: Sealer, pending: Path) -> None:
        self._tables = tables
        self._sealer = sealer
        self._pending = PendingKeys(pending)
        self._views = identity_views(plan)

    @property
    def columns(self) -> Sequence[str]:
        """The columns that it can open, as `silver.patient.phone_token`."""
        return [f"{view.dataset}.{name}" for view in self._views for name in view.columns]

    @property
    def elements(self) -> Sequence[str]:
        """The elements of a record that it keeps."""
        viewed = {name for view in self._views for name in view.compiled.struct.children}
        return sorted({*_ELEMENTS, *viewed} - {"id", "resourceType"})

    def keep(self, people: Iterable[pa.Table], stamp: CommitStamp, *, whole: bool) -> int:
        """Keep versions of people's records, as one commit; how many they were.

        `people` have the columns of the vault's table but for the keys and the seal, and `identity` as JSON.
        Keys are durable before rows name them. `whole` says that these are all there are: what else there is
        goes, and so do its keys.
        """
        session = self._tables.session
        session.refresh()
        self.sweep()
        session.execute(f"CREATE OR REPLACE TEMP TABLE {_SEALED} AS SELECT * FROM {_ROWS} LIMIT 0")
        if whole:
            self._pending.add(self._key_ids("TRUE"))
        made: dict[str, str] = {}
        count = 0
        for batch in people:
            with self._registered(_BATCH, self._sealed(batch, stamp.commit_id, made)):
                session.execute(f"INSERT INTO {_SEALED} BY NAME SELECT * FROM {_BATCH}")
            count += batch.num_rows
        failpoint("vault.keep.before-commit")
        write = self._tables.replace if whole else self._tables.append
        write(self.dataset, f"SELECT * FROM {_SEALED}", stamp)
        session.execute(f"DROP TABLE {_SEALED}")
        session.refresh()
        self.sweep()
        return count

    def _sealed(self, people: pa.Table, commit_id: str, made: dict[str, str]) -> pa.Table:
        keys = people["patient_key"].to_pylist()
        sealers = self._sealers(keys, made)
        instants = people["known_at"].cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_pylist()
        places = zip(keys, instants, people["arrival"].to_pylist(), strict=True)
        texts = people["identity"].to_pylist()
        sealed = [
            sealers[place[0]].seal(text.encode(), identity_context(*place))
            for place, text in zip(places, texts, strict=True)
        ]
        return (
            people.drop_columns("identity")
            .append_column("key_id", pa.array([sealers[key].key_id for key in keys], pa.string()))
            .append_column("identity", pa.array(sealed, pa.binary()))
            .append_column("commit_id", pa.repeat(commit_id, people.num_rows))
        )

    def _sealers(self, keys: Iterable[str], made: dict[str, str]) -> dict[str, BatchSealer]:
        """A sealer for each person, under the key that the person has, or a new one."""
        people = list(dict.fromkeys(keys))
        known = self._known_keys(people) | {key: made[key] for key in people if key in made}
        sealers = dict(zip(known, self._sealer.resumed(known.values()), strict=True))
        new = [key for key in people if key not in known]
        fresh = self._sealer.batches(len(new))
        self._pending.add(sealer.key_id for sealer in fresh)
        made.update({key: sealer.key_id for key, sealer in zip(new, fresh, strict=True)})
        return sealers | dict(zip(new, fresh, strict=True))

    def _known_keys(self, people: Sequence[str]) -> dict[str, str]:
        with self._registered(_ASKED, _of_keys(people)):
            found = self._tables.session.sql(
                f"SELECT patient_key, min(key_id) AS key_id FROM {_ROWS} "
                f"SEMI JOIN {_ASKED} USING (patient_key) GROUP BY patient_key"
            )
        return dict(zip(found["patient_key"].to_pylist(), found["key_id"].to_pylist(), strict=True))

    def sweep(self) -> Sequence[str]:
        """Destroy the noted keys that no row names: those of rows that never landed, or that are gone.

        Returns:
            The ids of the keys that were destroyed.
        """
        noted = self._pending.read()
        if not noted:
            return ()
        named = set(self._key_ids("TRUE"))
        gone = [key_id for key_id in noted if key_id not in named]
        self._destroy(gone)
        failpoint("vault.sweep.destroyed")
        self._pending.clear()
        return gone

    def _destroy(self, key_ids: Sequence[str]) -> None:
        """Destroy keys. A store that came back from a copy may never have held one: nothing lies under it."""
        try:
            self._sealer.destroy(*key_ids)
        except OperatorError as error:
            if error.code.slug != "key-missing":
                raise
            if len(key_ids) > 1:
                for key_id in key_ids:
                    self._destroy([key_id])

    def _key_ids(self, where: str) -> list[str]:
        """The keys that rows name, as the table stands now: to be wrong here would destroy what is needed."""
        now = self._tables.current_snapshot_id(self.dataset)
        if now is None:
            return []
        found = self._tables.read(self.dataset, ["key_id"], where, now)
        return list(pc.unique(found["key_id"]).to_pylist())

    def keys_of(
        self, patient_keys: Sequence[str], others: Sequence[str] = (), again: str | None = None
    ) -> Sequence[str]:
        """The ids of the keys that `forget` destroys."""
        if self._tables.current_snapshot_id(self.dataset) is None:
            return []
        theirs, beside = _theirs(patient_keys), _among("patient_key", others)
        kept_anew = f"coalesce(({_VERSION}) IN ({again}), FALSE)" if again else "FALSE"
        self._tables.session.refresh()
        found = self._tables.session.sql(
            f"SELECT key_id FROM (SELECT key_id, ({theirs}) OR {kept_anew} AS goes FROM {_ROWS} "
            f"WHERE key_id IN (SELECT key_id FROM {_ROWS} WHERE ({theirs}) OR ({beside}))) "
            "GROUP BY key_id HAVING bool_and(goes) ORDER BY key_id"
        )
        return [str(each) for each in found["key_id"].to_pylist()]

    def forget(
        self,
        patient_keys: Sequence[str],
        stamp: CommitStamp,
        others: Sequence[str] = (),
        again: str | None = None,
    ) -> Sequence[str]:
        """Delete all rows of people, and of their kin's records, and destroy the keys.

        Records that were merged into one person's are that person's: name them all. Whatever dies on the
        way, a second call completes the first.

        Args:
            patient_keys: The people to forget.
            stamp: What the commit says.
            others: People who stay, but whose rows name those who go.
            again: A query for `patient_key, known_at, arrival` of the versions that can be kept anew.
                Rows of these that lie under a key of somebody who goes, or are of the others, go as well: who
                calls has them kept again. A key under which anything else lies stays.

        Returns:
            The ids of the keys that were destroyed.
        """
        swept = [*self.sweep()]
        if self._tables.current_snapshot_id(self.dataset) is None or not patient_keys:
            return swept
        going = self.keys_of(patient_keys, others, again)
        self._pending.add(going)
        where = f"({_theirs(patient_keys)}) OR ({_among('key_id', going)})"
        self._tables.delete(self.dataset, where, stamp)
        self._tables.session.refresh()
        return [*swept, *self.sweep()]

    def counts(self) -> Mapping[str, int]:
        """How many people and versions it knows, and how many keys await a sweep."""
        known = self._tables.current_snapshot_id(self.dataset) is not None
        query = f"SELECT count(DISTINCT patient_key) AS people, count(*) AS versions FROM {_ROWS}"
        found = self._tables.session.sql(query).to_pylist()[0] if known else {"people": 0, "versions": 0}
        return {**found, "waiting_keys": len(self._pending.read())}

    def people_of(self, patient_keys: Sequence[str]) -> pa.Table:
        """The records that make up the people who are asked for, past merges.

        Returns:
            A row for each `patient_key` and `record_key` of the same person, with whether the record is the
            one that `survives`. The key itself is among them, whether the vault knows it or not.
        """
        return merged(self._tables, patient_keys)

    def reveal(
        self, patient_keys: Sequence[str], columns: Sequence[str] | None = None, *, history: bool = False
    ) -> pa.Table:
        """What columns of the lake stand for, of the people who are asked for.

        Past merges, the record that survives tells who somebody is. With `history`, the records that were
        merged into it are opened too, and all versions of each.

        Args:
            patient_keys: Who.
            columns: Which, as `silver.patient.phone_token`; by default, all.
            history: Whether what was true once is wanted too.
        """
        wanted = set(self.columns if columns is None else columns)
        rows = self._opened(patient_keys, history=history)
        told = values(self._views, wanted, rows)
        return told.select(REVEALED.names).cast(REVEALED)

    def known_values(self, patient_keys: Sequence[str]) -> pa.Table:
        """All that texts may call people by: `patient_key`, `kind` and `value`, each once.

        That is of every version, of merged records, and of the people's kin. Kinds are name, date, phone,
        email, address and number.
        """
        rows = self._opened(patient_keys, history=True, kin=True)
        return known_values(rows) if rows.num_rows else KNOWN_VALUES.empty_table()

    def _opened(self, patient_keys: Sequence[str], *, history: bool, kin: bool = False) -> pa.Table:
        """The versions of people's records, with `payload` in clear."""
        session = self._tables.session
        if self._tables.current_snapshot_id(self.dataset) is None:
            sealed = _NOTHING.empty_table()
        else:
            with self._registered(_ASKED, merged(self._tables, patient_keys)):
                sealed = session.sql(_rows_sql(history=history, kin=kin))
        instants = sealed["known_at"].cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_pylist()
        owners, arrivals = sealed["owner"].to_pylist(), sealed["arrival"].to_pylist()
        places = zip(owners, instants, arrivals, strict=True)
        contexts = [identity_context(*place) for place in places]
        payloads = [
            each.decode() for each in self._sealer.unseal_all(sealed["identity"].to_pylist(), contexts)
        ]
        return (
            sealed.drop_columns(["identity", "owner", "arrival"])
            .append_column("payload", pa.array(payloads, pa.string()))
            .append_column("row_id", pa.array(range(sealed.num_rows), pa.int64()))
        )

    @contextmanager
    def _registered(self, name: str, data: pa.Table) -> Iterator[None]:
        self._tables.session.register(name, data)
        try:
            yield
        finally:
            self._tables.session.unregister(name)


_NOTHING: Final = pa.schema(
    [
        ("patient_key", pa.string()),
        ("record_key", pa.string()),
        ("owner", pa.string()),
        ("known_at", pa.timestamp("us", "UTC")),
        ("arrival", pa.int64()),
        ("current", pa.bool_()),
        ("identity", pa.binary()),
    ]
)


def _rows_sql(*, history: bool, kin: bool) -> str:
    """The sealed rows of the people in `vault_asked`.

    A person whose surviving record never came is told of by the record that was asked for.
    """
    theirs = " UNION ALL ".join(
        f"SELECT a.patient_key AS asked, a.record_key, a.survives, v.* FROM {_ROWS} AS v "
        f"JOIN {_ASKED} AS a ON v.{key} = a.record_key"
        for key in ("patient_key", *(["subject_key"] if kin else []))
    )
    ranked = (
        f"SELECT *, row_number() OVER (PARTITION BY asked, patient_key ORDER BY {_NEWEST_FIRST}) = 1 "
        f"AS newest FROM ({theirs})"
    )
    told, chosen = "newest AND survives", ""
    if not history:
        told = "TRUE"
        chosen = (
            "WHERE newest QUALIFY row_number() OVER (PARTITION BY asked "
            "ORDER BY survives DESC, record_key <> asked, record_key) = 1"
        )
    return (
        "SELECT asked AS patient_key, record_key, patient_key AS owner, known_at, arrival, identity, "
        f"{told} AS current FROM ({ranked}) {chosen}"
    )


def _of_keys(keys: Sequence[str]) -> pa.Table:
    return pa.table({"patient_key": keys}, schema=_KEY)


def _theirs(patient_keys: Sequence[str]) -> str:
    """The condition for rows of people, and of their kin's records."""
    return f"{_among('patient_key', patient_keys)} OR {_among('subject_key', patient_keys)}"


def _among(column: str, values: Sequence[str]) -> str:
    """The condition that a column, which may be null, has one of some tokens."""
    asked = ", ".join(f"'{each}'" for each in values if _is_token(each))
    return f"coalesce({column} IN ({asked}), FALSE)" if asked else "FALSE"


def _is_token(text: str) -> bool:
    return text.isascii() and text.isalnum()

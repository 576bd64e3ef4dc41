"""The parts of a lake: which adapter serves which port. Each is made when it is first needed."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from a360 import operate
from a360.catalog import CatalogSession
from a360.contract import LOCAL, LakePlan, MadePlan, default_contracts, load_environment, made_plan
from a360.engine import EngineSession
from a360.engine.duckdb import DuckDBEngine, DuckDBSession
from a360.errors import DeniedError
from a360.lake._asker import Asker, account
from a360.lake._key_stores import KeyStores
from a360.protect import AuditEvent, LocalSealer, LocalTokenizer, Sealer, Tokenizer
from a360.settings import Settings
from a360.table import Tables

if TYPE_CHECKING:
    from a360.lake._metrics import LakeMetrics
    from a360.lake._served import Serving
    from a360.objects import ObjectStore
    from a360.protect.keys import PackedKeyStore
    from a360.refine import RefineContext
    from a360.trust.audit import LocalAuditLog
    from a360.trust.emergency import Emergencies
    from a360.trust.gateway import Gateway
    from a360.trust.identity import ApiTokens, TokenIssuer
    from a360.trust.policy import Emergency, Policy, Principal
    from a360.trust.vault import Reveals, Vault


class Parts:
    """What the verbs of one lake work with."""

    def __init__(self, folder: "operate.LakeFolder", settings: Settings, asker: Asker) -> None:
        self.folder = folder
        self.settings = settings
        self.asker = asker
        self._catalog: CatalogSession | None = None
        self._tables: Tables | None = None
        self._audit: LocalAuditLog | None = None
        self._gateway: Gateway | None = None
        self._declared = False

    @property
    def contracts(self) -> Path:
        """The folder of the contracts."""
        return self.settings.contracts or default_contracts()

    @cached_property
    def _made(self) -> MadePlan:
        return self.made_anew()

    def made_anew(self) -> MadePlan:
        """The plan of the contracts as they are now; the lake itself goes by what they were."""
        settings = self.settings
        return made_plan(self.contracts, settings.packs, settings.env, settings.cache)

    @property
    def plan(self) -> LakePlan:
        """The plan made of the contracts; ContractError if they have faults."""
        return self._made.plan

    @property
    def fingerprint(self) -> str:
        """What tells this plan from any other."""
        return self._made.fingerprint

    @property
    def catalog(self) -> CatalogSession:
        """The way to the tables, through the commit gateway."""
        if self._catalog is None:
            self._catalog = self._open_catalog()
        return self._catalog

    def _open_catalog(self) -> CatalogSession:
        """The catalog that the environment names; where it names none, the one in the lake's folder."""
        if self.settings.env != LOCAL:
            environment = load_environment(self.contracts, self.settings.env)
            if environment.catalog is not None:
                from a360.aws import open_catalog  # noqa: PLC0415 -- an extra

                return open_catalog(self.plan.name, environment)
        return CatalogSession.open(self.folder.path)

    @cached_property
    def _engine(self) -> DuckDBEngine:
        return DuckDBEngine(
            spill=self.folder.tmp, memory_limit=self.settings.memory_limit, threads=self.settings.threads
        )

    @property
    def tables(self) -> Tables:
        """What can be done to the lake's tables."""
        if self._tables is None:
            self._tables = Tables(self.catalog, self._engine)
        return self._tables

    @cached_property
    def keys(self) -> "PackedKeyStore":
        """The keys of what is sealed and tokenised."""
        return KeyStores(self.settings).open()

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """Makes tokens of what identifies people."""
        return LocalTokenizer(self.keys)

    @property
    def audit(self) -> "LocalAuditLog":
        """The record of what was done."""
        if self._audit is None:
            from a360.lake._anchor import checkpoint_place  # noqa: PLC0415 -- few commands record
            from a360.trust.audit import LocalAuditLog  # noqa: PLC0415 -- likewise

            place = checkpoint_place(self.settings)
            self._audit = LocalAuditLog(self.folder.audit, self.keys, place)
        return self._audit

    @cached_property
    def policy(self) -> "Policy":
        """Who may see what."""
        from a360.trust.policy import Policy  # noqa: PLC0415 -- few commands ask

        self._put_policy_on_record()
        return Policy(self.plan)

    def _put_policy_on_record(self) -> None:
        """Whatever goes by the policy has it on record first, and so has what is made by the contracts."""
        from a360.trust.policy import put_on_record  # noqa: PLC0415 -- likewise

        put_on_record(self.plan.policy, self.policy_file, self.audit, account(os.geteuid()))

    @property
    def policy_file(self) -> Path:
        """Where the lake keeps which policy is in force."""
        return self.folder.path / "policy.json"

    @cached_property
    def principal(self) -> "Principal":
        """Who asks: the account of this process, or whom it acts as; a refusal is on record."""
        try:
            return self.asker.principal(self.policy, self.folder.path)
        except DeniedError:
            # As whom it would act is not kept: it may be anything that somebody typed.
            self.audit.record(
                AuditEvent(datetime.now(UTC), account(os.geteuid()), "impersonate", (), "denied")
            )
            raise

    @property
    def emergencies(self) -> "Emergencies":
        """Who broke the glass, and who reviewed it."""
        from a360.trust.emergency import Emergencies  # noqa: PLC0415 -- few commands ask

        return Emergencies(self.policy, self.audit, self.sealer, lock=self.folder.path / ".reviews")

    @property
    def emergency(self) -> "Emergency | None":
        """The emergency under which this lake is asked, as it stands now: it may be reviewed meanwhile."""
        asker = self.asker
        if asker.emergency is None:
            return None
        if asker.reason is not None and not self._declared:
            self.emergencies.declare(self.principal, asker.emergency, asker.reason, purpose=asker.purpose)
            self._declared = True
        return self.emergencies.standing(self.principal, asker.emergency)

    @property
    def gateway(self) -> "Gateway":
        """The door through which people query."""
        if self._gateway is None:
            from a360.trust.gateway import Gateway  # noqa: PLC0415 -- few commands ask

            session = self.tables.session
            self._gateway = Gateway(
                self.plan,
                self.tables,
                self.policy,
                self.audit,
                self.tokenizer,
                open_session=self.another_session,
                session=session if isinstance(session, DuckDBSession) else None,
                relations={"ops.audit": self.audit.table},
            )
        return self._gateway

    @cached_property
    def api_tokens(self) -> "ApiTokens":
        """The API tokens by which programs are known to `a360 serve`."""
        from a360.trust.identity import ApiTokens  # noqa: PLC0415 -- few commands ask

        return ApiTokens(self.folder.path / "tokens", self.keys.secret("API tokens"))

    @property
    def token_issuer(self) -> "TokenIssuer":
        """Makes and revokes them."""
        from a360.trust.identity import TokenIssuer  # noqa: PLC0415 -- likewise

        return TokenIssuer(self.api_tokens, self.policy, self.audit, account(os.geteuid()))

    def served(self) -> "Serving":
        """What a server answers from."""
        from a360.lake._served import Serving  # noqa: PLC0415 -- one command serves

        return Serving(self)

    @cached_property
    def sealer(self) -> Sealer:
        """Seals what is kept as it was received."""
        return LocalSealer(self.keys, record=self._record_destruction)

    def _record_destruction(self, key_ids: Sequence[str]) -> None:
        from a360.trust.audit import record_destruction  # noqa: PLC0415 -- few commands destroy

        record_destruction(self.audit, account(os.geteuid()), key_ids)

    @property
    def vault(self) -> "Vault":
        """Who people are."""
        from a360.trust.vault import Vault  # noqa: PLC0415 -- few commands ask

        return Vault(self.plan, self.tables, self.sealer, self.folder.path / "pending-keys")

    @property
    def reveals(self) -> "Reveals":
        """The way for people to the vault."""
        from a360.trust.vault import Reveals  # noqa: PLC0415 -- likewise

        lock = self.folder.path / ".reveals"
        return Reveals(self.vault, self.plan, self.tables, self.policy, self.audit, self.sealer, lock=lock)

    @cached_property
    def objects(self) -> "ObjectStore":
        """The files that lie beside the tables."""
        from a360.objects import ObjectStore  # noqa: PLC0415 -- few commands look at them

        return ObjectStore(self.folder.path / "warehouse" / "objects", self.sealer)

    @property
    def schema(self) -> "operate.LakeSchema":
        """The tables against the contracts."""
        return operate.LakeSchema(self.plan, self.tables)

    @property
    def jobs(self) -> "operate.Jobs":
        """What changes the lake, each job alone and on record."""
        return operate.Jobs(
            self.folder,
            self.plan,
            self.fingerprint,
            self.tables,
            self.settings,
            self._require_sound,
            self.metrics.run,
        )

    @cached_property
    def metrics(self) -> "LakeMetrics":
        """What is told of jobs, where there is anybody to tell."""
        from a360.lake._metrics import LakeMetrics  # noqa: PLC0415 -- few commands work

        return LakeMetrics(self.settings, self.contracts)

    def _require_sound(self) -> None:
        from a360.contract import load_contracts  # noqa: PLC0415 -- most jobs find all applied
        from a360.lake._lint import require_sound  # noqa: PLC0415 -- likewise

        require_sound(load_contracts(self.contracts, packs=self.settings.packs))
        self._put_policy_on_record()

    @contextmanager
    def refining(self, engine: str) -> Iterator["RefineContext"]:
        """What refinement works with, on one of the engines."""
        from a360.refine import RefineContext  # noqa: PLC0415 -- few commands refine

        with self._session(engine) as session:
            # Who people are is kept with silver, of which Athena makes nothing.
            identities = None if engine == "athena" else self.vault
            yield RefineContext(
                self.plan, self.tables, session, self.tokenizer, self.sealer, identities=identities
            )

    def another_session(self) -> DuckDBSession:
        """A session beside that of the tables, for who reads while they write."""
        return self._engine.session(self.catalog)

    @contextmanager
    def _session(self, engine: str) -> Iterator[EngineSession]:
        if engine == self._engine.name:
            yield self.tables.session
            return
        if engine == "athena":
            from a360.lake._athena import LakeAthena  # noqa: PLC0415 -- an extra

            with LakeAthena(self).session() as computing:
                yield computing
            return
        from a360.engine.spark import SparkEngine  # noqa: PLC0415 -- an extra

        with SparkEngine(self.settings).session(self.catalog) as session:
            yield session

    def close(self) -> None:
        """Close the gateway, the engine session, the catalog and the audit log."""
        if self._gateway is not None:
            self._gateway.close()
            self._gateway = None
        if self._tables is not None:
            self._tables.close()
            self._tables = None
        if self._catalog is not None:
            self._catalog.close()
            self._catalog = None
        if self._audit is not None:
            self._audit.close()
            self._audit = None

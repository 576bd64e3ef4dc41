"""The Data Catalog: databases, Iceberg tables, what tends them, and rules of quality.

One stack holds what there is once, and stacks by shard hold the tables, so that none grows too large.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_glue as glue
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3_assets as assets
from cdk_glue_iceberg_table import (
    IcebergColumn,
    IcebergFormatVersion,
    IcebergNullOrder,
    IcebergPartitionField,
    IcebergPartitionTransform,
    IcebergSortDirection,
    IcebergSortField,
    IcebergTable,
    IcebergType,
)
from constructs import Construct

from a360.contract import MASK_MAPS, MASKS, DatasetRule, RowRule, TablePlan, dqdl_ruleset, physical_type
from infra.constructs import statements
from infra.constructs.roles import service_role
from infra.contracts_adapter import Deployment, days_of
from infra.shards import sharded
from infra.stacks._stack import LakeStack
from infra.views import VIEWS

_JOBS = Path(__file__).parents[1] / "jobs"
_ORPHAN_DAYS = 7  # as long as a commit may take, and then some
_FIRST_PARTITION_ID = 1000
OPTIMIZER_LOGS = tuple(f"/aws-glue/iceberg-{kind}/logs" for kind in ("retention", "orphan-file-deletion"))
_LOG = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")
_VERSIONS = {2: IcebergFormatVersion.V2, 3: IcebergFormatVersion.V3}


class CatalogStack(LakeStack):
    """Databases, encryption of the catalog, the roles that tend tables, and imports."""

    def __init__(self, scope: Construct, deployment: Deployment) -> None:
        """One stack a deployment."""
        super().__init__(scope, "catalog", deployment)
        for zone in deployment.plan.zones:
            self._database(zone.name, zone.doc)
        self._database(VIEWS, "Masked views; without tags, so that no tag grant reaches them.")
        masks = self._database(MASKS, "What keyed masks look up; only the definer of views reads it.")
        self._encryption()
        self._tending()
        self._import()
        for name, columns in MASK_MAPS.items():
            self._map(masks, name, columns)

    def _database(self, part: str, doc: str) -> glue.Database:
        name = self.names.database(part)
        return glue.Database(
            self,
            f"database-{part}",
            database_name=name,
            description=doc or None,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )

    def _encryption(self) -> None:
        """Of the account's catalog. Readers need no right to the key: Glue uses it by a role of its own."""
        key = self.published("keys", "phi")
        role = service_role(
            self,
            "catalog-encryption",
            "glue",
            "Glue, encrypting the Data Catalog",
            [statements.keys([key], write=True)],
        )
        settings = glue.CfnDataCatalogEncryptionSettings
        glue.CfnDataCatalogEncryptionSettings(
            self,
            "encryption",
            catalog_id=self.names.account,
            data_catalog_encryption_settings=settings.DataCatalogEncryptionSettingsProperty(
                encryption_at_rest=settings.EncryptionAtRestProperty(
                    catalog_encryption_mode="SSE-KMS-WITH-SERVICE-ROLE",
                    sse_aws_kms_key_id=key,
                    catalog_encryption_service_role=role.role_arn,
                ),
                connection_password_encryption=settings.ConnectionPasswordEncryptionProperty(
                    kms_key_id=key, return_connection_password_encrypted=True
                ),
            ),
        )

    def _tending(self) -> None:
        """The role of table optimizers: it deletes files that no snapshot needs, and says so in the log."""
        zones = self.deployment.zones
        service_role(
            self,
            "tending",
            "glue",
            "Optimizers of tables: snapshots and files that are no longer needed",
            [
                *statements.objects(self.names, zones, write=True),
                statements.keys(self._keys(), write=True),
                *statements.catalog(self.names, zones, write=True),
                iam.PolicyStatement(
                    actions=[*_LOG],
                    resources=[self._arn("logs", f"log-group:{group}:*") for group in OPTIMIZER_LOGS],
                ),
            ],
        )

    def _keys(self) -> list[str]:
        return [self.published("keys", each) for each in self.deployment.sensitivities]

    def _import(self) -> None:
        """Copies a table of a source database into the landing place; which one, each run says."""
        script = assets.Asset(self, "import-script", path=str(_JOBS / "import_table.py"))
        role = service_role(
            self,
            "import",
            "glue",
            "Glue jobs that copy tables of source databases into the landing place",
            [
                *statements.objects(self.names, ["bronze"], write=True),
                statements.keys(self._keys(), write=True),
                iam.PolicyStatement(
                    actions=["s3:GetObject"], resources=[script.bucket.arn_for_objects(script.s3_object_key)]
                ),
                iam.PolicyStatement(
                    actions=[
                        "logs:AssociateKmsKey",
                        "logs:CreateLogGroup",
                        "logs:CreateLogStream",
                        "logs:PutLogEvents",
                    ],
                    resources=[self._arn("logs", "log-group:/aws-glue/jobs/*")],
                ),
                iam.PolicyStatement(
                    actions=["glue:GetConnection"],
                    resources=[
                        self._arn("glue", "catalog"),
                        self._arn("glue", f"connection/{self.names.of('source')}-*"),
                    ],
                ),
            ],
        )
        key = self.published("keys", "phi")
        security = glue.CfnSecurityConfiguration
        configuration = glue.CfnSecurityConfiguration(
            self,
            "import-security",
            name=self.names.of("import"),
            encryption_configuration=security.EncryptionConfigurationProperty(
                s3_encryptions=[security.S3EncryptionProperty(s3_encryption_mode="SSE-KMS", kms_key_arn=key)],
                cloud_watch_encryption=security.CloudWatchEncryptionProperty(
                    cloud_watch_encryption_mode="SSE-KMS", kms_key_arn=key
                ),
                job_bookmarks_encryption=security.JobBookmarksEncryptionProperty(
                    job_bookmarks_encryption_mode="CSE-KMS", kms_key_arn=key
                ),
            ),
        )
        glue.CfnJob(
            self,
            "import",
            name=self.names.of("import"),
            description="Copies a table of a source database into the landing place",
            role=role.role_arn,
            command=glue.CfnJob.JobCommandProperty(
                name="glueetl", python_version="3", script_location=script.s3_object_url
            ),
            glue_version="5.0",
            worker_type="G.1X",
            number_of_workers=2,
            timeout=120,
            max_retries=0,
            security_configuration=configuration.name,
            default_arguments={
                "--landing": f"s3://{self.names.bucket('bronze')}/landing/",
                "--enable-metrics": "true",
                "--enable-continuous-cloudwatch-log": "true",
            },
        )

    def _map(self, masks: glue.Database, name: str, columns: Mapping[str, str]) -> None:
        """A table of what keyed masks give; it lies with the patients' tokens that it is made from."""
        IcebergTable(
            self,
            f"map-{name}",
            database=masks,
            table_name=name,
            location=f"s3://{self.names.bucket('silver')}/{MASKS}/{name}",
            columns=[
                IcebergColumn(name=column, type=_type(type_), required=True, id=number)
                for number, (column, type_) in enumerate(columns.items(), start=1)
            ],
            format_version=IcebergFormatVersion.V2,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )

    def _arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{self.names.region}:{self.names.account}:{resource}"


class TablesStack(LakeStack):
    """The tables of a shard, with what tends and judges them."""

    def __init__(
        self, scope: Construct, deployment: Deployment, shard: str, tables: tuple[TablePlan, ...]
    ) -> None:
        """One stack a shard."""
        super().__init__(scope, f"catalog-{shard}", deployment)
        self.steps = {step.dataset: step for step in deployment.plan.steps}
        self._databases: dict[str, glue.IDatabase] = {}
        for table in tables:
            made = self._table(table)
            for optimizer in (self._retention(table), self._orphans(table)):
                optimizer.node.add_dependency(made)
            self._rulesets(table, made)

    def _database(self, zone: str) -> glue.IDatabase:
        if zone not in self._databases:
            names = self.names
            arn = f"arn:aws:glue:{names.region}:{names.account}:database/{names.database(zone)}"
            self._databases[zone] = glue.Database.from_database_arn(self, f"database-{zone}", arn)
        return self._databases[zone]

    def _table(self, table: TablePlan) -> IcebergTable:
        """A table with the field ids of the ledger; it stays when the stack goes."""
        return IcebergTable(
            self,
            table.dataset,
            database=self._database(table.namespace),
            table_name=table.name,
            location=self.deployment.location(table),
            columns=[
                IcebergColumn(
                    name=column.name,
                    type=_type(column.type),
                    required=column.required,
                    id=column.field_id,
                    doc=column.doc or None,
                )
                for column in table.columns
            ],
            partition_spec=[
                IcebergPartitionField(
                    source_column=partition.column,
                    transform=_transform(partition.transform, partition.width),
                    field_id=_FIRST_PARTITION_ID + number,
                    name=partition.name,
                )
                for number, partition in enumerate(table.partition)
            ]
            or None,
            sort_order=[_sorted(sort.column, descending=sort.descending) for sort in table.sort] or None,
            format_version=_VERSIONS[table.format_version],
            table_properties=dict(table.properties),
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )

    def _retention(self, table: TablePlan) -> glue.CfnTableOptimizer:
        """Snapshots go when the contract lets them, never fewer than it keeps."""
        kept = table.retention
        optimizer = glue.CfnTableOptimizer
        return self._optimizer(
            table,
            "retention",
            retention_configuration=optimizer.RetentionConfigurationProperty(
                iceberg_configuration=optimizer.IcebergRetentionConfigurationProperty(
                    snapshot_retention_period_in_days=days_of(kept.snapshots or "P30D"),
                    number_of_snapshots_to_retain=max(kept.keep_snapshots, 1),
                    clean_expired_files=True,
                )
            ),
        )

    def _orphans(self, table: TablePlan) -> glue.CfnTableOptimizer:
        optimizer = glue.CfnTableOptimizer
        return self._optimizer(
            table,
            "orphan_file_deletion",
            orphan_file_deletion_configuration=optimizer.OrphanFileDeletionConfigurationProperty(
                iceberg_configuration=optimizer.IcebergConfigurationProperty(
                    orphan_file_retention_period_in_days=_ORPHAN_DAYS,
                    location=self.deployment.location(table),
                )
            ),
        )

    def _optimizer(self, table: TablePlan, kind: str, **configuration: Any) -> glue.CfnTableOptimizer:  # noqa: ANN401
        """An optimizer that deletes.

        None compacts: the ledger of files (docs/integrity.md) refuses those that no committer wrote, so that
        rewriting is the lake's own maintenance.
        """
        return glue.CfnTableOptimizer(
            self,
            f"{table.dataset}-{kind}",
            catalog_id=self.names.account,
            database_name=self.names.database(table.namespace),
            table_name=table.name,
            type=kind,
            table_optimizer_configuration=glue.CfnTableOptimizer.TableOptimizerConfigurationProperty(
                enabled=True, role_arn=self.names.role_arn("tending"), **configuration
            ),
        )

    def _rulesets(self, table: TablePlan, made: IcebergTable) -> None:
        """Rules that block and rules that warn apart, so that a score of one says nothing of the other."""
        step = self.steps.get(table.dataset)
        if step is None:
            return
        for severity, suffix in (("error", ""), ("warning", "-warnings")):
            every: tuple[RowRule | DatasetRule, ...] = (*step.rules, *step.dataset_rules)
            rules = [each for each in every if each.severity == severity]
            ruleset = dqdl_ruleset(table, rules)
            if ruleset.text:
                unsaid = "".join(f" Not in here: {name}, {why}." for name, why in ruleset.unsaid.items())
                found = glue.CfnDataQualityRuleset(
                    self,
                    f"{table.dataset}-rules{suffix}",
                    name=self.names.of(table.namespace, table.name) + suffix,
                    description=f"Rules of {table.dataset} of severity {severity}.{unsaid}",
                    ruleset=ruleset.text,
                    target_table=glue.CfnDataQualityRuleset.DataQualityTargetTableProperty(
                        database_name=self.names.database(table.namespace), table_name=table.name
                    ),
                )
                found.node.add_dependency(made)


def add_catalog(
    scope: Construct, deployment: Deployment, ledger: Mapping[str, str]
) -> tuple[CatalogStack, tuple[TablesStack, ...]]:
    """The catalog's stacks; `ledger` says which shard a dataset is in."""
    catalog = CatalogStack(scope, deployment)
    shards = tuple(
        TablesStack(scope, deployment, shard, tables)
        for shard, tables in sharded(deployment.plan.tables, ledger).items()
    )
    for shard in shards:
        shard.add_stack_dependency(catalog)
    return catalog, shards


@cache
def _type(text: str) -> IcebergType:
    type_ = physical_type(text)
    if type_.name == "decimal":
        return IcebergType.decimal(type_.precision, type_.scale)
    return getattr(IcebergType, type_.name.upper())


@cache
def _transform(name: str, width: int | None) -> IcebergPartitionTransform:
    if width is not None:
        return getattr(IcebergPartitionTransform, name)(width)
    return getattr(IcebergPartitionTransform, name.upper())


def _sorted(column: str, *, descending: bool) -> IcebergSortField:
    return IcebergSortField(
        source_column=column,
        direction=IcebergSortDirection.DESC if descending else IcebergSortDirection.ASC,
        null_order=IcebergNullOrder.NULLS_LAST if descending else IcebergNullOrder.NULLS_FIRST,
    )

"""What Lake Formation grants on tables: LF-Tags on them, tag grants, data cell filters, masked views.

One change after the other, in each stack and from stack to stack: Lake Formation fails on those that reach it
at the same time. A table stands without tags until its shard of these stacks is deployed; what has no tags no
tag grant reaches, so that the time between shows nothing.
"""

from collections.abc import Iterable, Mapping
from hashlib import sha256

import aws_cdk as cdk
from aws_cdk import aws_glue as glue
from aws_cdk import aws_lakeformation as lf
from constructs import Construct

from a360.contract import MASKS, DataCellFilter, MaskedView, TablePlan, TagAssignment
from infra.constructs import duties
from infra.constructs.serial import Serial
from infra.contracts_adapter import Deployment
from infra.shards import sharded
from infra.stacks._stack import LakeStack
from infra.stacks.ingest import WRITTEN
from infra.views import VIEWS, catalog_view

_READ = ("SELECT", "DESCRIBE")
_TEND = ("SELECT", "DESCRIBE", "INSERT", "DELETE", "ALTER")
VALIDATION = "view-validation"


class _Granting(LakeStack):
    """A stack of grants, made one after the other."""

    def __init__(self, scope: Construct, part: str, deployment: Deployment) -> None:
        super().__init__(scope, part, deployment)
        self.serial = Serial()
        self.roles = {each.name: duties.role_of(each) for each in deployment.carriers.principals}

    def grant(
        self,
        part: str,
        role_arn: str,
        permissions: Iterable[str],
        *,
        grantable: bool = False,
        **resource: object,
    ) -> None:
        """A grant on one resource of Lake Formation."""
        given = [*permissions]
        grants = lf.CfnPrincipalPermissions
        self.serial(
            lf.CfnPrincipalPermissions(
                self,
                part,
                permissions=given,
                permissions_with_grant_option=given if grantable else [],
                principal=grants.DataLakePrincipalProperty(data_lake_principal_identifier=role_arn),
                resource=grants.ResourceProperty(**resource),
            )
        )

    def database(self, zone: str) -> lf.CfnPrincipalPermissions.DatabaseResourceProperty:
        """A database."""
        return lf.CfnPrincipalPermissions.DatabaseResourceProperty(
            catalog_id=self.names.account, name=self.names.database(zone)
        )

    def table(self, zone: str, name: str | None = None) -> lf.CfnPrincipalPermissions.TableResourceProperty:
        """A table, or all there are and will be in a database."""
        which: dict[str, object] = {"name": name} if name else {"table_wildcard": {}}
        return lf.CfnPrincipalPermissions.TableResourceProperty(
            catalog_id=self.names.account, database_name=self.names.database(zone), **which
        )

    def tag(self, part: str, tags: Mapping[str, str], **resource: object) -> None:
        """Tags on a resource.

        They stay where the association is replaced or goes: CloudFormation deletes the old one after it has
        made the new, and would take away the tags that the new has just set.
        """
        association = self.serial(
            lf.CfnTagAssociation(
                self,
                part,
                resource=lf.CfnTagAssociation.ResourceProperty(**resource),
                lf_tags=[
                    lf.CfnTagAssociation.LFTagPairProperty(
                        catalog_id=self.names.account, tag_key=key, tag_values=[value]
                    )
                    for key, value in tags.items()
                ],
            )
        )
        association.apply_removal_policy(cdk.RemovalPolicy.RETAIN)

    def arn(self, principal: str) -> str:
        """The ARN of the role that stands for a principal."""
        return self.names.role_arn(self.roles[principal])


class GrantsStack(_Granting):
    """Grants that do not name a table: tags of databases, tag grants, services, the definer of views."""

    def __init__(self, scope: Construct, deployment: Deployment) -> None:
        """One stack a deployment."""
        super().__init__(scope, "grants", deployment)
        for assignment in deployment.carriers.assignments:
            if "." not in assignment.resource:
                self.tag(
                    f"tags-{assignment.resource}",
                    assignment.tags,
                    database=lf.CfnTagAssociation.DatabaseResourceProperty(
                        catalog_id=self.names.account, name=self.names.database(assignment.resource)
                    ),
                )
        self._services()
        self._definer()
        self._databases()
        self._tag_grants()

    def _services(self) -> None:
        """Whoever refines writes all zones but bronze, which they only read; optimizers tend all of them.

        What takes data in writes bronze, and what was refused. What runs the jobs fills the maps of masks.
        """
        for zone in (*self.deployment.zones, MASKS):
            refining = _READ if zone == "bronze" else _TEND
            roles = {"orchestration": refining}
            if zone != MASKS:
                roles |= {"spark": refining, "tending": _TEND}
            for role, permissions in roles.items():
                arn = self.names.role_arn(role)
                self.grant(f"{role}-{zone}", arn, ["DESCRIBE"], database=self.database(zone))
                self.grant(f"{role}-{zone}-tables", arn, permissions, table=self.table(zone))
        for zone in WRITTEN:
            for role in ("object-created", "ingest", "consumer"):
                arn = self.names.role_arn(role)
                self.grant(f"{role}-{zone}", arn, ["DESCRIBE"], database=self.database(zone))
                self.grant(f"{role}-{zone}-tables", arn, _TEND, table=self.table(zone))

    def _definer(self) -> None:
        """Who defines a view has to see all of what it reads, and be allowed to let others see it."""
        arn = self.names.role_arn("view-definer")
        for zone in (*self.deployment.zones, MASKS):
            self.grant(f"definer-{zone}", arn, ["DESCRIBE"], database=self.database(zone))
            self.grant(f"definer-{zone}-tables", arn, _READ, grantable=True, table=self.table(zone))
        self.grant("definer-views", arn, ["DESCRIBE", "CREATE_TABLE"], database=self.database(VIEWS))
        glue.CfnConnection(
            self,
            VALIDATION,
            catalog_id=self.names.account,
            connection_input=glue.CfnConnection.ConnectionInputProperty(
                name=self.names.of(VALIDATION),
                connection_type="VIEW_VALIDATION_ATHENA",
                description="By which Glue has Athena check masked views",
                connection_properties={
                    "DATABASE": self.names.database(VIEWS),
                    "WORKGROUP_NAME": self.names.of("refine"),
                },
            ),
        )

    def _databases(self) -> None:
        """Who sees anything of a database sees that it is there."""
        carriers = self.deployment.carriers
        seen: dict[tuple[str, str], None] = {}
        for grant in carriers.tag_grants:
            zones = dict(grant.expression).get("zone", self.deployment.zones)
            seen |= dict.fromkeys((grant.principal, zone) for zone in zones)
        seen |= dict.fromkeys((each.principal, each.dataset.partition(".")[0]) for each in carriers.filters)
        seen |= dict.fromkeys((each.principal, VIEWS) for each in carriers.views)
        for principal, zone in seen:
            self.grant(
                f"sees-{principal}-{zone}", self.arn(principal), ["DESCRIBE"], database=self.database(zone)
            )

    def _tag_grants(self) -> None:
        policy = lf.CfnPrincipalPermissions
        for grant in self.deployment.carriers.tag_grants:
            self.grant(
                f"tags-{grant.principal}-{_digest(grant.expression)}",
                self.arn(grant.principal),
                _READ,
                lf_tag_policy=policy.LFTagPolicyResourceProperty(
                    catalog_id=self.names.account,
                    resource_type="TABLE",
                    expression=[
                        policy.LFTagProperty(tag_key=key, tag_values=[*values])
                        for key, values in grant.expression
                    ],
                ),
            )


class TableGrantsStack(_Granting):
    """Tags, filters and views of the tables of a shard."""

    def __init__(
        self, scope: Construct, deployment: Deployment, shard: str, tables: tuple[TablePlan, ...]
    ) -> None:
        """One stack a shard."""
        super().__init__(scope, f"grants-{shard}", deployment)
        carriers = deployment.carriers
        ours = {table.dataset for table in tables}
        for table in tables:
            self._tags(table, carriers.assignments)
        for each in carriers.filters:
            if each.dataset in ours:
                self._filter(each)
        for view in carriers.views:
            if view.decision.dataset in ours:
                self._view(view)

    def _tags(self, table: TablePlan, assignments: Iterable[TagAssignment]) -> None:
        """One association for the table, and one for all of its columns that bear the same tags."""
        columns: dict[tuple[tuple[str, str], ...], list[str]] = {}
        database = self.names.database(table.namespace)
        for assignment in assignments:
            if assignment.resource == table.dataset:
                self.tag(
                    f"tags-{table.dataset}",
                    assignment.tags,
                    table=lf.CfnTagAssociation.TableResourceProperty(
                        catalog_id=self.names.account, database_name=database, name=table.name
                    ),
                )
            elif assignment.resource.rpartition(".")[0] == table.dataset:
                column = assignment.resource.rpartition(".")[2]
                columns.setdefault(tuple(sorted(assignment.tags.items())), []).append(column)
        for tags, names in columns.items():
            self.tag(
                "-".join(("tags", table.dataset, *(value for _, value in tags))),
                dict(tags),
                table_with_columns=lf.CfnTagAssociation.TableWithColumnsResourceProperty(
                    catalog_id=self.names.account, database_name=database, name=table.name, column_names=names
                ),
            )

    def _filter(self, told: DataCellFilter) -> None:
        """A filter cannot be changed, only replaced, which needs another name: it bears what it says."""
        zone, _, table = told.dataset.partition(".")
        name = told.deployed_name
        filters = lf.CfnDataCellsFilter
        rows = (
            filters.RowFilterProperty(filter_expression=told.rows)
            if told.rows
            else filters.RowFilterProperty(all_rows_wildcard={})
        )
        self.serial(
            lf.CfnDataCellsFilter(
                self,
                f"filter-{name}",
                name=name,
                table_catalog_id=self.names.account,
                database_name=self.names.database(zone),
                table_name=table,
                column_names=[*told.columns],
                row_filter=rows,
            )
        )
        self.grant(
            f"reads-{name}",
            self.arn(told.principal),
            ["SELECT"],
            data_cells_filter=lf.CfnPrincipalPermissions.DataCellsFilterResourceProperty(
                table_catalog_id=self.names.account,
                database_name=self.names.database(zone),
                table_name=table,
                name=name,
            ),
        )

    def _view(self, told: MaskedView) -> None:
        """A view of the Data Catalog, which reads with the rights of its definer, and its one reader."""
        view = catalog_view(self.deployment, told)
        table = glue.CfnTable
        self.serial(
            glue.CfnTable(
                self,
                f"view-{view.name}",
                catalog_id=self.names.account,
                database_name=self.names.database(VIEWS),
                table_input=table.TableInputProperty(
                    name=view.name,
                    description=f"{told.decision.dataset} as {told.principal} may see it",
                    storage_descriptor=table.StorageDescriptorProperty(
                        columns=[table.ColumnProperty(name=name, type=type_) for name, type_ in view.columns]
                    ),
                    view_definition=table.ViewDefinitionProperty(
                        definer=self.names.role_arn("view-definer"),
                        is_protected=True,
                        sub_objects=[*view.tables],
                        representations=[
                            table.ViewRepresentationProperty(
                                dialect="ATHENA",
                                dialect_version="3",
                                validation_connection=self.names.of(VALIDATION),
                                view_original_text=view.sql,
                            )
                        ],
                    ),
                ),
            )
        )
        self.grant(f"reads-{view.name}", self.arn(view.principal), _READ, table=self.table(VIEWS, view.name))


def add_grants(
    scope: Construct, deployment: Deployment, ledger: Mapping[str, str]
) -> tuple[GrantsStack, tuple[TableGrantsStack, ...]]:
    """The stacks of grants, each of which waits for the one before."""
    first = GrantsStack(scope, deployment)
    shards = []
    last: LakeStack = first
    for shard, tables in sharded(deployment.plan.tables, ledger).items():
        stack = TableGrantsStack(scope, deployment, shard, tables)
        stack.add_stack_dependency(last)
        shards.append(stack)
        last = stack
    return first, tuple(shards)


def _digest(value: object) -> str:
    return sha256(repr(value).encode()).hexdigest()[:8]

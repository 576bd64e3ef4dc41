"""Iceberg tables beside the lake that Firehose writes events to, where the environment asks for it."""

from collections.abc import Iterable, Iterator, Mapping

import aws_cdk as cdk
from aws_cdk import aws_glue as glue
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_lakeformation as lf

from a360.contract import FieldPlan, ReceptionPlan, physical_type
from infra.constructs import statements
from infra.constructs.event_stream import Around
from infra.constructs.roles import service_role
from infra.constructs.serial import Serial

DATABASE = "streams"
FOLDER = "event-streams"
"""Below bronze's bucket. No table of the lake can be called so, as names of tables have no hyphen."""
_BUFFER_SECONDS, _BUFFER_MIB = 60, 64
_TYPES = {"int": "bigint", "long": "bigint", "double": "double", "decimal": "double", "boolean": "boolean"}

type Members = dict[str, "str | Members"]


def event_members(reception: ReceptionPlan) -> Members:
    """The members of an event as its contract knows them, with the types of Hive; times are texts."""
    members: Members = {}
    for field in _fields(reception):
        *above, last = field.path or field.names[:1]
        within = members
        for name in above:
            inner = within.setdefault(name, {})
            within = inner if isinstance(inner, dict) else {}
        within.setdefault(last, _TYPES.get(physical_type(field.type).name, "string"))
    return members


def _fields(reception: ReceptionPlan) -> Iterator[FieldPlan]:
    yield from reception.key
    yield from reception.record.fields
    yield from (each for each in (reception.updated, reception.event_time) if each is not None)


def hive_type(members: "str | Members") -> str:
    """A type as Glue writes it."""
    if isinstance(members, str):
        return members
    return f"struct<{','.join(f'{name}:{hive_type(each)}' for name, each in members.items())}>"


def event_tables(
    around: Around, receptions: Iterable[ReceptionPlan], streams: Mapping[str, kinesis.CfnStream]
) -> None:
    """A database, and for each stream a table and its delivery."""
    names = around.stack.names
    database = glue.CfnDatabase(
        around.stack,
        "streams-database",
        catalog_id=names.account,
        database_name=names.database(DATABASE),
        database_input=glue.CfnDatabase.DatabaseInputProperty(
            name=names.database(DATABASE),
            description="Events as they were sent, beside the lake; without tags, so that none reaches them.",
        ),
    )
    role = service_role(
        around.stack,
        "event-tables",
        "firehose",
        "Writes events to tables beside the lake",
        _rights(around, streams),
    )
    last = _grants(around, role.role_arn, database)
    for reception in receptions:
        table = _table(around, reception)
        table.add_dependency(database)
        delivery = _delivery(around, reception.name, streams[reception.name], role.role_arn)
        delivery.add_dependency(table)
        delivery.add_dependency(last)
        delivery.node.add_dependency(role)


def _rights(around: Around, streams: Mapping[str, kinesis.CfnStream]) -> list[iam.PolicyStatement]:
    bucket = around.stack.names.bucket_arn("bronze")
    return [
        iam.PolicyStatement(
            actions=[
                "kinesis:DescribeStream",
                "kinesis:GetShardIterator",
                "kinesis:GetRecords",
                "kinesis:ListShards",
            ],
            resources=[each.attr_arn for each in streams.values()],
        ),
        iam.PolicyStatement(
            actions=["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
            resources=[f"{bucket}/{FOLDER}/*"],
        ),
        iam.PolicyStatement(
            actions=["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"],
            resources=[bucket],
        ),
        statements.keys([around.data_key], write=True),
        *statements.catalog(around.stack.names, [DATABASE], write=True),
        iam.PolicyStatement(actions=["logs:PutLogEvents"], resources=[around.logs.log_group_arn]),
    ]


def _grants(around: Around, role: str, database: glue.CfnDatabase) -> lf.CfnPrincipalPermissions:
    """Lake Formation lets the delivery write there, and nobody read."""
    serial, grants, names = Serial(), lf.CfnPrincipalPermissions, around.stack.names
    at = {"catalog_id": names.account}
    name = names.database(DATABASE)
    told = {
        "database": (["DESCRIBE"], {"database": grants.DatabaseResourceProperty(**at, name=name)}),
        "tables": (
            ["DESCRIBE", "SELECT", "INSERT", "ALTER"],
            {"table": grants.TableResourceProperty(**at, database_name=name, table_wildcard={})},
        ),
        "place": (
            ["DATA_LOCATION_ACCESS"],
            {
                "data_location": grants.DataLocationResourceProperty(
                    **at, resource_arn=names.bucket_arn("bronze")
                )
            },
        ),
    }
    for part, (permissions, resource) in told.items():
        last = serial(
            grants(
                around.stack,
                f"event-tables-{part}",
                permissions=permissions,
                permissions_with_grant_option=[],
                principal=grants.DataLakePrincipalProperty(data_lake_principal_identifier=role),
                resource=grants.ResourceProperty(**resource),
            )
        )
        last.add_dependency(database)
    return last


def _table(around: Around, reception: ReceptionPlan) -> glue.CfnTable:
    made, names = glue.CfnTable, around.stack.names
    table = made(
        around.stack,
        f"event-table-{reception.name}",
        catalog_id=names.account,
        database_name=names.database(DATABASE),
        open_table_format_input=made.OpenTableFormatInputProperty(
            iceberg_input=made.IcebergInputProperty(metadata_operation="CREATE", version="2")
        ),
        table_input=made.TableInputProperty(
            name=reception.name,
            table_type="EXTERNAL_TABLE",
            storage_descriptor=made.StorageDescriptorProperty(
                location=f"s3://{names.bucket('bronze')}/{FOLDER}/{reception.name}",
                columns=[
                    made.ColumnProperty(name=name, type=hive_type(each))
                    for name, each in event_members(reception).items()
                ],
            ),
        ),
    )
    table.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
    return table


def _delivery(
    around: Around, record: str, stream: kinesis.CfnStream, role: str
) -> firehose.CfnDeliveryStream:
    made, names = firehose.CfnDeliveryStream, around.stack.names
    catalog = f"arn:aws:glue:{names.region}:{names.account}:catalog"
    iceberg = made.IcebergDestinationConfigurationProperty(
        role_arn=role,
        append_only=True,
        catalog_configuration=made.CatalogConfigurationProperty(catalog_arn=catalog),
        destination_table_configuration_list=[
            made.DestinationTableConfigurationProperty(
                destination_database_name=names.database(DATABASE), destination_table_name=record
            )
        ],
        buffering_hints=made.BufferingHintsProperty(
            interval_in_seconds=_BUFFER_SECONDS, size_in_m_bs=_BUFFER_MIB
        ),
        cloud_watch_logging_options=made.CloudWatchLoggingOptionsProperty(
            enabled=True,
            log_group_name=around.logs.log_group_name,
            log_stream_name=record.replace("_", "-"),
        ),
        s3_configuration=made.S3DestinationConfigurationProperty(
            bucket_arn=names.bucket_arn("bronze"),
            role_arn=role,
            error_output_prefix=f"{FOLDER}/undelivered/{record}/",
            encryption_configuration=made.EncryptionConfigurationProperty(
                kms_encryption_config=made.KMSEncryptionConfigProperty(awskms_key_arn=around.data_key)
            ),
        ),
    )
    return made(
        around.stack,
        f"table-delivery-{record}",
        delivery_stream_name=names.of(record.replace("_", "-"), "table"),
        delivery_stream_type="KinesisStreamAsSource",
        kinesis_stream_source_configuration=made.KinesisStreamSourceConfigurationProperty(
            kinesis_stream_arn=stream.attr_arn, role_arn=role
        ),
        iceberg_destination_configuration=iceberg,
    )

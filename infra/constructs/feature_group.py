"""Feature groups of SageMaker, made from the contracts' feature tables."""

import aws_cdk as cdk
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from a360.contract import FEATURE_TIME, FeaturePlan, TablePlan, physical_type
from infra.names import Names

FOLDER = "feature-store"
"""Below gold's bucket. No table of the lake can be called so, as names of tables have no hyphen."""
DATABASE = "features"
_TYPES = {
    "int": "Integral",
    "long": "Integral",
    "boolean": "Integral",
    "double": "Fractional",
    "decimal": "Fractional",
}


def feature_group(
    scope: Construct, names: Names, plan: FeaturePlan, table: TablePlan, *, role_arn: str, key: str
) -> sagemaker.CfnFeatureGroup:
    """An offline store of Iceberg under the key of gold. There is no online one: no copy without its use."""
    made = sagemaker.CfnFeatureGroup
    feature = made.FeatureDefinitionProperty
    group = made(
        scope,
        f"features-{table.name}",
        feature_group_name=names.of(table.name.replace("_", "-")),
        description=table.doc[:128] or None,
        record_identifier_feature_name=plan.record,
        event_time_feature_name=FEATURE_TIME,
        feature_definitions=[
            *(
                feature(feature_name=column.name, feature_type=feature_type(column.type))
                for column in table.columns
            ),
            feature(feature_name=FEATURE_TIME, feature_type="String"),
        ],
        offline_store_config={
            "S3StorageConfig": {"S3Uri": f"s3://{names.bucket('gold')}/{FOLDER}", "KmsKeyId": key},
            "DataCatalogConfig": {
                "Catalog": "AwsDataCatalog",
                "Database": names.database(DATABASE),
                "TableName": table.name,
            },
            "TableFormat": "Iceberg",
            "DisableGlueTableCreation": False,
        },
        role_arn=role_arn,
    )
    group.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
    return group


def feature_type(type_: str) -> str:
    """What a feature store calls a type: texts, days and times are all strings to it."""
    return _TYPES.get(physical_type(type_).name, "String")

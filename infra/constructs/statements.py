"""What a service of the lake needs to read or write its parts: explicit actions on named things."""

from collections.abc import Iterable, Sequence

from aws_cdk import aws_iam as iam

from infra.names import Names

_READ_OBJECTS = ("s3:GetObject", "s3:GetObjectVersion")
_WRITE_OBJECTS = (
    "s3:PutObject",
    "s3:DeleteObject",
    "s3:AbortMultipartUpload",
    "s3:ListMultipartUploadParts",
)
_LIST_BUCKET = ("s3:ListBucket", "s3:GetBucketLocation")
CHANGE_INTERFACES = (
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
)
_READ_CATALOG = (
    "glue:GetCatalog",
    "glue:GetDatabase",
    "glue:GetDatabases",
    "glue:GetTable",
    "glue:GetTables",
    "glue:GetTableVersion",
    "glue:GetTableVersions",
    "glue:GetPartition",
    "glue:GetPartitions",
)
_WRITE_CATALOG = ("glue:CreateTable", "glue:UpdateTable")


def objects(names: Names, purposes: Iterable[str], *, write: bool = False) -> list[iam.PolicyStatement]:
    """To list buckets and read, with `write` also to write, what lies in them."""
    buckets = [names.bucket_arn(purpose) for purpose in purposes]
    actions = [*_READ_OBJECTS, *(_WRITE_OBJECTS if write else ())]
    return [
        iam.PolicyStatement(actions=[*_LIST_BUCKET], resources=buckets),
        iam.PolicyStatement(actions=actions, resources=[f"{bucket}/*" for bucket in buckets]),
    ]


def folders(
    names: Names, purpose: str, paths: Iterable[str], *, write: bool = False
) -> list[iam.PolicyStatement]:
    """The same for what lies below some paths of a bucket."""
    bucket, below = names.bucket_arn(purpose), [*paths]
    actions = [*_READ_OBJECTS, *(_WRITE_OBJECTS if write else ())]
    return [
        iam.PolicyStatement(
            actions=["s3:ListBucket"],
            resources=[bucket],
            conditions={"StringLike": {"s3:prefix": [f"{path}/*" for path in below]}},
        ),
        iam.PolicyStatement(actions=["s3:GetBucketLocation"], resources=[bucket]),
        iam.PolicyStatement(actions=actions, resources=[f"{bucket}/{path}/*" for path in below]),
    ]


def interfaces(names: Names, subnets: Sequence[str], group: str) -> list[iam.PolicyStatement]:
    """To make interfaces for something in two subnets and one group of the network, and to delete them."""
    at = f"arn:aws:ec2:{names.region}:{names.account}"
    places = [*(f"{at}:subnet/{each}" for each in subnets), f"{at}:security-group/{group}"]
    made = f"{at}:network-interface/*"
    return [
        iam.PolicyStatement(actions=["ec2:CreateNetworkInterface"], resources=[made, *places]),
        iam.PolicyStatement(actions=[*CHANGE_INTERFACES], resources=[made]),
        iam.PolicyStatement(
            actions=["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"], resources=["*"]
        ),
    ]


def metrics() -> iam.PolicyStatement:
    """To report the lake's metrics. PutMetricData knows no resource; the namespace is what bounds it."""
    return iam.PolicyStatement(
        actions=["cloudwatch:PutMetricData"],
        resources=["*"],
        conditions={"StringEquals": {"cloudwatch:namespace": "A360"}},
    )


def guarding(names: Names, key: str) -> iam.PolicyStatement:
    """To have packs of keys wrapped and opened by the key of KMS that the environment names."""
    named = key.startswith("arn:") and ":key/" in key
    alias = key[key.index("alias/") :] if not named else ""
    return iam.PolicyStatement(
        actions=["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"],
        resources=[key if named else f"arn:aws:kms:{names.region}:{names.account}:key/*"],
        # A policy cannot name a key by its alias; the condition does.
        conditions=None if named else {"ForAnyValue:StringEquals": {"kms:ResourceAliases": [alias]}},
    )


def keys(arns: Sequence[str], *, write: bool = False) -> iam.PolicyStatement:
    """To use keys for what S3 and Kinesis encrypt by them."""
    actions = ["kms:Decrypt", "kms:DescribeKey", *(["kms:GenerateDataKey"] if write else ())]
    return iam.PolicyStatement(actions=actions, resources=[*arns])


def catalog(names: Names, zones: Iterable[str], *, write: bool = False) -> list[iam.PolicyStatement]:
    """To reach tables by the Glue catalog; what of them is seen, Lake Formation decides."""
    at = f"arn:aws:glue:{names.region}:{names.account}"
    databases = [names.database(zone) for zone in zones]
    return [
        iam.PolicyStatement(
            actions=[*_READ_CATALOG, *(_WRITE_CATALOG if write else ())],
            resources=[
                f"{at}:catalog",
                *(f"{at}:database/{name}" for name in databases),
                *(f"{at}:table/{name}/*" for name in databases),
            ],
        ),
        # Lake Formation knows no resource to name here: what it hands out is bound by its own grants.
        iam.PolicyStatement(actions=["lakeformation:GetDataAccess"], resources=["*"]),
    ]

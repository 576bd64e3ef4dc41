"""Models learn from declared features, isolated, and are asked through a guardrail or not at all."""

import dataclasses
import re

import aws_cdk as cdk
import pytest
from aws_cdk import assertions

from a360.contract import FEATURE_TIME, Environment
from infra.constructs.guardrail import PATTERNS
from infra.stacks.ml import MlStack
from infra.tests.conftest import new_app

BEDROCK = "amazon.nova-lite-v1:0"


@pytest.fixture(scope="module")
def ml(template):
    return template("ml")


@pytest.fixture(scope="module")
def named(deployment):
    """The stack of an environment that names models."""
    told = deployment.environment.model_dump(by_alias=True, exclude_none=True)
    told["models"] = {"bedrock": [BEDROCK], "served": "churn-7"}
    environment = Environment.model_validate(told)
    stack = MlStack(cdk.Stage(new_app(), "named"), dataclasses.replace(deployment, environment=environment))
    return assertions.Template.from_stack(stack)


def properties(template, kind):
    return [each["Properties"] for each in template.find_resources(kind).values()]


def listed(value):
    return value if isinstance(value, list) else [value]


def allowed(template, policy):
    """The statements of a managed policy of this name."""
    (told,) = [
        each
        for each in properties(template, "AWS::IAM::ManagedPolicy")
        if each["ManagedPolicyName"] == policy
    ]
    return [each for each in told["PolicyDocument"]["Statement"] if each["Effect"] == "Allow"]


def of_action(statements, action):
    return [each for each in statements if action in listed(each["Action"])]


def test_each_feature_table_has_a_group_with_its_columns(ml, deployment):
    """What contracts declare as features is what there is, with the key that finds a record and the time."""
    groups = {each["FeatureGroupName"]: each for each in properties(ml, "AWS::SageMaker::FeatureGroup")}
    assert deployment.plan.features
    assert len(groups) == len(deployment.plan.features)
    for plan in deployment.plan.features:
        table = deployment.plan.table(plan.dataset)
        group = groups[deployment.names.of(table.name.replace("_", "-"))]
        names = [each["FeatureName"] for each in group["FeatureDefinitions"]]
        assert names == [*table.column_names, FEATURE_TIME]
        assert group["RecordIdentifierFeatureName"] == plan.record
        assert group["EventTimeFeatureName"] == FEATURE_TIME


def test_features_have_the_types_of_their_columns(ml, deployment):
    """Whole numbers are integral, decimals fractional, and what is neither is text."""
    (group,) = properties(ml, "AWS::SageMaker::FeatureGroup")
    types = {each["FeatureName"]: each["FeatureType"] for each in group["FeatureDefinitions"]}
    assert types["visits"] == types["consents_to_research"] == "Integral"
    assert types["no_show_rate"] == types["toxin_units"] == "Fractional"
    assert types["patient_key"] == types["first_visit_date"] == types[FEATURE_TIME] == "String"


def test_features_are_kept_in_iceberg_encrypted_and_once(ml, deployment):
    """The offline store is Iceberg under a customer key, stays for good, and has no online copy."""
    for group in ml.find_resources("AWS::SageMaker::FeatureGroup").values():
        assert group["DeletionPolicy"] == "Retain"
        offline = group["Properties"]["OfflineStoreConfig"]
        assert offline["TableFormat"] == "Iceberg"
        assert "KmsKeyId" in offline["S3StorageConfig"]
        assert "OnlineStoreConfig" not in group["Properties"]
        assert offline["S3StorageConfig"]["S3Uri"].startswith(f"s3://{deployment.names.bucket('gold')}/")


def test_features_cannot_lie_where_a_table_lies(ml, deployment):
    """No table of gold can have the folder's name: those of tables have no hyphen."""
    (group,) = properties(ml, "AWS::SageMaker::FeatureGroup")
    folder = group["OfflineStoreConfig"]["S3StorageConfig"]["S3Uri"].rpartition("/")[2]
    assert re.fullmatch(r"[a-z][a-z0-9_]*", folder) is None


def test_groups_wait_for_what_lake_formation_grants(ml):
    """A group is made when its role may make tables, and the grants come one after the other."""
    grants = ml.find_resources("AWS::LakeFormation::PrincipalPermissions")
    (group,) = ml.find_resources("AWS::SageMaker::FeatureGroup").values()
    last = set(listed(group["DependsOn"])) & set(grants)
    assert len(last) == 1
    assert set(listed(grants[last.pop()]["DependsOn"])) & set(grants)


def test_training_that_is_not_isolated_is_refused(ml, deployment):
    """A job may be made only in the network, without one of its own, under the customer keys."""
    statements = allowed(ml, deployment.names.role("training"))
    (jobs,) = of_action(statements, "sagemaker:CreateTrainingJob")
    told = jobs["Condition"]
    assert told["Bool"]["sagemaker:NetworkIsolation"] == "true"
    assert told["Bool"]["sagemaker:InterContainerTrafficEncryption"] == "true"
    assert set(told["StringEquals"]) == {"sagemaker:VolumeKmsKey", "sagemaker:OutputKmsKey"}
    assert told["Null"] == {"sagemaker:VpcSubnets": "false"}
    assert len(told["ForAllValues:StringEquals"]["sagemaker:VpcSubnets"]) == 2
    (model,) = of_action(statements, "sagemaker:CreateModel")
    assert model["Condition"]["Bool"]["sagemaker:NetworkIsolation"] == "true"


def test_training_reads_features_and_no_table_of_the_lake(ml, deployment):
    """It reads below one folder of gold, writes below one of artifacts, and approves no model."""
    statements = allowed(ml, deployment.names.role("training"))
    read = {on for each in of_action(statements, "s3:GetObject") for on in listed(each["Resource"])}
    assert read == {
        f"{deployment.names.bucket_arn('gold')}/feature-store/*",
        f"{deployment.names.bucket_arn('artifacts')}/models/*",
    }
    written = {on for each in of_action(statements, "s3:PutObject") for on in listed(each["Resource"])}
    assert written == {f"{deployment.names.bucket_arn('artifacts')}/models/*"}
    assert not of_action(statements, "sagemaker:UpdateModelPackage")


def test_roles_name_what_they_do_and_on_what(named):
    """No action holds an asterisk; a resource that is everything is for what IAM knows none of."""
    for policy in properties(named, "AWS::IAM::ManagedPolicy"):
        for statement in policy["PolicyDocument"]["Statement"]:
            actions = listed(statement["Action"])
            assert not [action for action in actions if "*" in action]
            if listed(statement["Resource"]) == ["*"]:
                assert all(each.startswith(("ec2:Describe", "lakeformation:")) for each in actions)


def test_no_model_is_served_that_the_environment_does_not_name(ml, named):
    """An endpoint's configuration is there where a model is named, under a customer key."""
    assert not properties(ml, "AWS::SageMaker::EndpointConfig")
    (serving,) = properties(named, "AWS::SageMaker::EndpointConfig")
    assert "KmsKeyId" in serving
    (variant,) = serving["ProductionVariants"]
    assert variant["ModelName"] == "churn-7"
    assert variant["EnableSSMAccess"] is False


def test_no_model_of_bedrock_is_asked_that_the_environment_does_not_name(ml, named, deployment):
    """Without names nothing may be invoked; with them these models, and no other."""
    role = deployment.names.role("bedrock")
    assert not of_action(allowed(ml, role), "bedrock:InvokeModel")
    (invoke,) = of_action(allowed(named, role), "bedrock:InvokeModel")
    assert listed(invoke["Resource"]) == [
        f"arn:aws:bedrock:{deployment.names.region}::foundation-model/{BEDROCK}"
    ]


def test_bedrock_is_asked_from_inside_through_the_guardrail(named, deployment):
    """A request without the guardrail, or from outside the network, is not allowed."""
    (invoke,) = of_action(allowed(named, deployment.names.role("bedrock")), "bedrock:InvokeModel")
    assert "aws:SourceVpc" in invoke["Condition"]["StringEquals"]
    (rail,) = named.find_resources("AWS::Bedrock::Guardrail")
    for each in invoke["Condition"]["StringLike"]["bedrock:GuardrailIdentifier"]:
        assert rail in str(each)


def test_the_guardrail_filters_what_goes_in_and_out_under_a_customer_key(ml):
    """Each kind of personal data is blocked or masked, and what opens something is blocked."""
    (rail,) = properties(ml, "AWS::Bedrock::Guardrail")
    assert "KmsKeyArn" in rail
    policy = rail["SensitiveInformationPolicyConfig"]
    actions = {each["Type"]: each["Action"] for each in policy["PiiEntitiesConfig"]}
    assert actions["US_SOCIAL_SECURITY_NUMBER"] == "BLOCK"
    assert actions["NAME"] == actions["ADDRESS"] == actions["PHONE"] == actions["EMAIL"] == "ANONYMIZE"
    assert set(actions.values()) <= {"BLOCK", "ANONYMIZE"}
    assert {each["Name"] for each in policy["RegexesConfig"]} == set(PATTERNS)


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("record-number", "Seen today, MRN 00123456, for review", "MRN 00123456"),
        ("record-number", "Chart #A4471029 was opened", "Chart #A4471029"),
        ("date", "born 03/14/1971 in town", "03/14/1971"),
        ("device-serial", "Serial no. QX-77120-B of the laser", "Serial no. QX-77120-B"),
        ("date", "dose 25/100 twice a day", None),
        ("record-number", "a record high of 30 units", None),
    ],
)
def test_patterns_find_what_bedrock_has_no_kind_for(name, text, found):
    """Record numbers, dates and serial numbers are found, doses and counts are not."""
    match = re.search(PATTERNS[name], text)
    assert (match and match.group(0)) == found


def test_models_are_registered_in_one_place(ml, deployment):
    """There is one register of models, named after the deployment."""
    (register,) = properties(ml, "AWS::SageMaker::ModelPackageGroup")
    assert register["ModelPackageGroupName"] == deployment.names.of("models")

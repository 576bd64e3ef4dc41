"""What stands between programs and foundation models: filters of personal data, on what goes in and out."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_bedrock as bedrock
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.names import Names
from infra.stacks._stack import LakeStack

# Never passed on, nor given out: what names a person by itself, or opens something.
BLOCKED = (
    "US_SOCIAL_SECURITY_NUMBER",
    "US_PASSPORT_NUMBER",
    "US_BANK_ACCOUNT_NUMBER",
    "CREDIT_DEBIT_CARD_NUMBER",
    "CREDIT_DEBIT_CARD_CVV",
    "PASSWORD",
    "AWS_ACCESS_KEY",
    "AWS_SECRET_KEY",
)
# Replaced by what kind of thing it was.
MASKED = (
    "NAME",
    "ADDRESS",
    "PHONE",
    "EMAIL",
    "AGE",
    "USERNAME",
    "URL",
    "IP_ADDRESS",
    "MAC_ADDRESS",
    "DRIVER_ID",
    "LICENSE_PLATE",
    "VEHICLE_IDENTIFICATION_NUMBER",
)
# Bedrock has no kind for these of 45 CFR 164.514(b)(2).
PATTERNS = {
    "record-number": r"(?i)\b(mrn|record|chart|account)\s*(no\.?|number|#)?\s*:?\s*[A-Z]{0,3}[0-9]{5,12}\b",
    "date": r"\b(0?[1-9]|1[0-2])[/-](0?[1-9]|[12][0-9]|3[01])[/-]((19|20)?[0-9]{2})\b",
    "device-serial": r"(?i)\b(serial|sn|udi)\s*(no\.?|number|#)?\s*:?\s*[A-Z0-9-]{6,24}\b",
}
_REFUSED = "This was not sent on, because it names a person."
_WITHHELD = "The answer is withheld, because it names a person."


def guardrail(scope: Construct, names: Names, key: kms.IKey) -> bedrock.CfnGuardrail:
    """It goes by patterns and a model, and misses some: texts are de-identified before they come here."""
    made = bedrock.CfnGuardrail
    entities = [(each, "BLOCK") for each in BLOCKED] + [(each, "ANONYMIZE") for each in MASKED]
    rail = made(
        scope,
        "guardrail",
        name=names.of("guardrail"),
        description="Keeps personal data out of what models are asked and what they answer",
        kms_key_arn=key.key_arn,
        blocked_input_messaging=_REFUSED,
        blocked_outputs_messaging=_WITHHELD,
        sensitive_information_policy_config=made.SensitiveInformationPolicyConfigProperty(
            pii_entities_config=[
                made.PiiEntityConfigProperty(type=each, action=action) for each, action in entities
            ],
            regexes_config=[
                made.RegexConfigProperty(name=name, pattern=pattern, action="ANONYMIZE")
                for name, pattern in PATTERNS.items()
            ],
        ),
        content_policy_config=made.ContentPolicyConfigProperty(
            filters_config=[
                made.ContentFilterConfigProperty(
                    type="PROMPT_ATTACK", input_strength="HIGH", output_strength="NONE"
                )
            ]
        ),
    )
    rail.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
    return rail


def bedrock_rights(
    stack: LakeStack, models: Sequence[str], *, guardrail: str, key: str
) -> list[iam.PolicyStatement]:
    """To ask the models that are named, from inside the network and not without the guardrail."""
    invoke = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
    inside = {"aws:SourceVpc": stack.published("network", "vpc")}
    rights = [
        iam.PolicyStatement(
            actions=["bedrock:ApplyGuardrail"],
            resources=[guardrail],
            conditions={"StringEquals": inside},
        ),
        iam.PolicyStatement(actions=["kms:Decrypt"], resources=[key]),
    ]
    if models:
        asked = [f"arn:aws:bedrock:{stack.names.region}::foundation-model/{each}" for each in models]
        # A version of the guardrail is named by its ARN with a colon and a number behind it.
        with_rail = {"bedrock:GuardrailIdentifier": [guardrail, f"{guardrail}:*"]}
        rights.append(
            iam.PolicyStatement(
                actions=invoke,
                resources=asked,
                conditions={"StringEquals": inside, "StringLike": with_rail},
            )
        )
    return rights

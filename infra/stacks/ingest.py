"""What comes in: objects by S3's events, a queue and a function; events by a bus, streams and pipes."""

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as functions
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.constructs import statements
from infra.constructs.event_stream import Around, event_stream
from infra.constructs.event_table import event_tables
from infra.constructs.landing_function import AT_ONCE, MINUTES, landing_function
from infra.constructs.private_services import PrivateServices, Service
from infra.constructs.scheduled_task import Schedule, scheduled_task
from infra.constructs.service_key import log_group, service_key
from infra.contracts_adapter import Deployment
from infra.names import DEAD_LETTERS
from infra.stacks._stack import LakeStack

WRITTEN = ("bronze", "quarantine", "ops")
"""The zones that receiving data writes."""
_BATCH = 5
_TRIES = 5  # of a message, before it is a dead letter
_KEPT_DAYS = 14
_REPLAY = ("quarantine", "replay", "bronze.fhir_resource")


class IngestStack(LakeStack):
    """Objects and events on their way into bronze. What cannot be taken lies in a queue of dead letters."""

    def __init__(self, scope: Construct, deployment: Deployment) -> None:
        """One stack a deployment. The tag of the image is published by who pushed it."""
        super().__init__(scope, "ingest", deployment)
        self.key = service_key(self, "ingest", services=("events", "sqs"))
        self.data_key = self.published("keys", deployment.zone_sensitivity("bronze"))
        self.dead = {name: self._queue(name) for name in DEAD_LETTERS}
        self.landing = self._landing()
        self._objects()
        self.function = self._function()
        self.bus = self._bus()
        around = Around(
            self,
            self.data_key,
            self.key.key_arn,
            self.bus.ref,
            self.dead["undelivered"].queue_arn,
            log_group(self, "ingest", "streams", self.key),
        )
        self.streams = {each.name: event_stream(around, each) for each in deployment.streams}
        if deployment.environment.firehose:
            event_tables(around, deployment.streams, self.streams)
        self._schedule()

    def _queue(self, name: str, dead: sqs.DeadLetterQueue | None = None) -> sqs.Queue:
        return sqs.Queue(
            self,
            name,
            queue_name=self.names.of(name),
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=self.key,
            enforce_ssl=True,
            retention_period=cdk.Duration.days(_KEPT_DAYS),
            visibility_timeout=cdk.Duration.minutes(6 * MINUTES) if dead else None,
            dead_letter_queue=dead,
        )

    def _landing(self) -> sqs.Queue:
        dead = sqs.DeadLetterQueue(queue=self.dead["landing-dead"], max_receive_count=_TRIES)
        return self._queue("landing", dead)

    def _objects(self) -> None:
        """What is put below `landing/` in bronze's bucket becomes a message."""
        rule = events.CfnRule(
            self,
            "objects",
            name=self.names.of("objects"),
            description="Objects in landing, to the queue of what is to be taken in",
            event_pattern={
                "source": ["aws.s3"],
                "detail-type": ["Object Created"],
                "account": [self.names.account],
                "detail": {
                    "bucket": {"name": [self.names.bucket("bronze")]},
                    "object": {"key": [{"prefix": "landing/"}]},
                },
            },
            state="ENABLED",
            targets=[
                events.CfnRule.TargetProperty(
                    id="landing",
                    arn=self.landing.queue_arn,
                    dead_letter_config=events.CfnRule.DeadLetterConfigProperty(
                        arn=self.dead["undelivered"].queue_arn
                    ),
                )
            ],
        )
        for queue in (self.landing, self.dead["undelivered"]):
            queue.add_to_resource_policy(
                iam.PolicyStatement(
                    principals=[iam.ServicePrincipal("events.amazonaws.com")],
                    actions=["sqs:SendMessage"],
                    resources=[queue.queue_arn],
                    conditions=(
                        {"ArnEquals": {"aws:SourceArn": rule.attr_arn}}
                        if queue is self.landing
                        else {"StringEquals": {"aws:SourceAccount": self.names.account}}
                    ),
                )
            )

    @property
    def can_keep_keys(self) -> bool:
        """Whether anything takes data in: without a key of KMS the lake's master key would lie in a file."""
        return self.deployment.environment.keys is not None

    def _function(self) -> functions.CfnFunction:
        function = landing_function(
            self,
            image=self._image(),
            key=self.key,
            messages=self.landing.queue_arn,
            undelivered=self.dead["undelivered"].queue_arn,
            may=receiving_rights(self),
        )
        functions.CfnEventSourceMapping(
            self,
            "object-created-messages",
            event_source_arn=self.landing.queue_arn,
            function_name=function.ref,
            enabled=self.can_keep_keys,
            batch_size=_BATCH,
            function_response_types=["ReportBatchItemFailures"],
            scaling_config=functions.CfnEventSourceMapping.ScalingConfigProperty(maximum_concurrency=AT_ONCE),
        )
        return function

    def _image(self) -> str:
        registry = f"{self.names.account}.dkr.ecr.{self.names.region}.amazonaws.com"
        return f"{registry}/{self.names.of('ingest')}:{self.published('ingest', 'image')}"

    def _bus(self) -> events.CfnEventBus:
        """Where programs of this account put events that they have; a rule a record type takes them on."""
        return events.CfnEventBus(
            self,
            "bus",
            name=self.names.of("events"),
            description=f"{self.names.prefix}: events for the lake",
            kms_key_identifier=self.key.key_arn,
            dead_letter_config=events.CfnEventBus.DeadLetterConfigProperty(
                arn=self.dead["undelivered"].queue_arn
            ),
        )

    def _schedule(self) -> scheduler.CfnSchedule:
        """Every night what was refused is tried again: a mended image may take it."""
        self.tasks = PrivateServices(self, "ingest", key=self.key, image="ingest")
        role = self.tasks.role("ingest", "Tasks that take data in", receiving_rights(self))
        return scheduled_task(
            self.tasks,
            self.tasks.task(Service("replay", _REPLAY), role),
            Schedule("replay", "cron(30 4 * * ? *)", "Tries again what bronze refused"),
            key=self.key,
            undelivered=self.dead["undelivered"].queue_arn,
            enabled=self.can_keep_keys,
        )


def receiving_rights(stack: LakeStack) -> list[iam.PolicyStatement]:
    """What taking data in needs: to read `landing/`, to write what the lake makes of it."""
    names, deployment = stack.names, stack.deployment
    bronze = [table.name for table in deployment.tables("bronze")]
    keys = {stack.published("keys", deployment.zone_sensitivity(zone)) for zone in WRITTEN}
    guard = deployment.environment.keys
    return [
        *statements.folders(names, "bronze", ["landing"]),
        *statements.folders(names, "bronze", bronze, write=True),
        *statements.objects(names, WRITTEN[1:], write=True),
        statements.keys(sorted(keys), write=True),
        *([statements.guarding(names, guard.key)] if guard else ()),
        *statements.catalog(names, WRITTEN, write=True),
        statements.metrics(),
    ]

"""The way of events: bus or program → stream → pipe → files in `landing/`, which the lake takes in."""

from collections.abc import Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_logs as logs
from aws_cdk import aws_pipes as pipes

from a360.contract import ReceptionPlan
from infra.constructs.roles import service_role
from infra.stacks._stack import LakeStack

SOURCE = "stream"
"""The source system, as rows name it whose events came by a stream."""
_KEPT_HOURS = 168
_BUFFER_SECONDS, _BUFFER_MIB = 300, 64
_BATCH, _WAIT_SECONDS, _TRIES = 500, 5, 20


@dataclass(frozen=True, slots=True)
class Around:
    """What the streams of a stack share."""

    stack: LakeStack
    data_key: str
    """The ARN of the key that data of bronze is encrypted with."""
    own_key: str
    bus: str
    undelivered: str
    """The ARN of the queue for what could not be delivered."""
    logs: logs.LogGroup


def event_stream(around: Around, reception: ReceptionPlan) -> kinesis.CfnStream:
    """The stream of a record type, with what puts events into it and what carries them on."""
    names, record = around.stack.names, reception.name.replace("_", "-")
    stream = kinesis.CfnStream(
        around.stack,
        f"stream-{record}",
        name=names.stream(record),
        retention_period_hours=_KEPT_HOURS,
        stream_mode_details=kinesis.CfnStream.StreamModeDetailsProperty(stream_mode="ON_DEMAND"),
        stream_encryption=kinesis.CfnStream.StreamEncryptionProperty(
            encryption_type="KMS", key_id=around.data_key
        ),
    )
    # What is in it and not yet in a file is nowhere else.
    stream.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
    _from_bus(around, reception.name, stream)
    _pipe(around, record, stream, _delivery(around, record, landing_prefix(reception)))
    return stream


def landing_prefix(reception: ReceptionPlan) -> str:
    """How the names of files begin that the delivery writes: the lake knows by it what they hold."""
    stem = next(pattern.partition("*")[0] for pattern in reception.files if not pattern.startswith("*"))
    return f"landing/events/{SOURCE}/!{{timestamp:yyyy/MM/dd}}/{stem}-"


def _role(around: Around, part: str, service: str, doc: str, may: Sequence[iam.PolicyStatement]) -> str:
    return str(service_role(around.stack, part, service, doc, may).role_arn)


def _data_key(around: Around, *, read: bool = True) -> iam.PolicyStatement:
    actions = ["kms:GenerateDataKey", *(["kms:Decrypt"] if read else ())]
    return iam.PolicyStatement(actions=actions, resources=[around.data_key])


def _from_bus(around: Around, record: str, stream: kinesis.CfnStream) -> None:
    """What programs put on the bus under the name of the record type goes into the stream, bare."""
    part = f"bus-{record.replace('_', '-')}"
    put = iam.PolicyStatement(
        actions=["kinesis:PutRecord", "kinesis:PutRecords"], resources=[stream.attr_arn]
    )
    role = _role(around, part, "events", f"Events of {record} to their stream", [put, _data_key(around)])
    events.CfnRule(
        around.stack,
        part,
        name=around.stack.names.of(part),
        description=f"Events of {record} to their stream",
        event_bus_name=around.bus,
        event_pattern={"detail-type": [record]},
        state="ENABLED",
        targets=[
            events.CfnRule.TargetProperty(
                id="stream",
                arn=stream.attr_arn,
                role_arn=role,
                input_path="$.detail",
                kinesis_parameters=events.CfnRule.KinesisParametersProperty(partition_key_path="$.id"),
                dead_letter_config=events.CfnRule.DeadLetterConfigProperty(arn=around.undelivered),
            )
        ],
    )


def _delivery(around: Around, record: str, prefix: str) -> firehose.CfnDeliveryStream:
    """Gathers events into files, a line each."""
    stack, bucket = around.stack, around.stack.names.bucket_arn("bronze")
    role = service_role(
        stack,
        f"deliver-{record}",
        "firehose",
        f"Files of {record} to landing",
        [
            iam.PolicyStatement(
                actions=["s3:PutObject", "s3:AbortMultipartUpload"],
                resources=[f"{bucket}/landing/events/{SOURCE}/*", f"{bucket}/undelivered/*"],
            ),
            iam.PolicyStatement(
                actions=["s3:GetBucketLocation", "s3:ListBucketMultipartUploads"], resources=[bucket]
            ),
            _data_key(around),
            iam.PolicyStatement(actions=["logs:PutLogEvents"], resources=[around.logs.log_group_arn]),
        ],
    )
    destination = firehose.CfnDeliveryStream
    properties = destination.ExtendedS3DestinationConfigurationProperty(
        bucket_arn=bucket,
        role_arn=role.role_arn,
        prefix=prefix,
        error_output_prefix=f"undelivered/{record}/!{{firehose:error-output-type}}/",
        file_extension=".ndjson.gz",
        compression_format="GZIP",
        buffering_hints=destination.BufferingHintsProperty(
            interval_in_seconds=_BUFFER_SECONDS, size_in_m_bs=_BUFFER_MIB
        ),
        encryption_configuration=destination.EncryptionConfigurationProperty(
            kms_encryption_config=destination.KMSEncryptionConfigProperty(awskms_key_arn=around.data_key)
        ),
        cloud_watch_logging_options=destination.CloudWatchLoggingOptionsProperty(
            enabled=True, log_group_name=around.logs.log_group_name, log_stream_name=record
        ),
        processing_configuration=destination.ProcessingConfigurationProperty(
            enabled=True,
            processors=[
                destination.ProcessorProperty(
                    type="AppendDelimiterToRecord",
                    parameters=[
                        destination.ProcessorParameterProperty(
                            parameter_name="Delimiter", parameter_value="\\n"
                        )
                    ],
                )
            ],
        ),
    )
    logs.CfnLogStream(
        stack,
        f"delivery-log-{record}",
        log_group_name=around.logs.log_group_name,
        log_stream_name=record,
    )
    made = firehose.CfnDeliveryStream(
        stack,
        f"delivery-{record}",
        delivery_stream_name=stack.names.stream(record),
        delivery_stream_type="DirectPut",
        delivery_stream_encryption_configuration_input=(
            destination.DeliveryStreamEncryptionConfigurationInputProperty(
                key_type="CUSTOMER_MANAGED_CMK", key_arn=around.data_key
            )
        ),
        extended_s3_destination_configuration=properties,
    )
    # Firehose looks at what the role may do when the stream is made.
    made.node.add_dependency(role)
    return made


def _pipe(
    around: Around, record: str, stream: kinesis.CfnStream, delivery: firehose.CfnDeliveryStream
) -> None:
    """From the stream to the delivery; of an event that cannot go on, the queue is told where it lies."""
    names = around.stack.names
    role = service_role(
        around.stack,
        f"carry-{record}",
        "pipes",
        f"Events of {record} from their stream to files",
        [
            iam.PolicyStatement(
                actions=[
                    "kinesis:DescribeStream",
                    "kinesis:DescribeStreamSummary",
                    "kinesis:GetRecords",
                    "kinesis:GetShardIterator",
                    "kinesis:ListShards",
                ],
                resources=[stream.attr_arn],
            ),
            iam.PolicyStatement(
                actions=["firehose:PutRecord", "firehose:PutRecordBatch"], resources=[delivery.attr_arn]
            ),
            iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[around.undelivered]),
            iam.PolicyStatement(
                actions=["kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"],
                resources=[around.data_key, around.own_key],
            ),
        ],
    )
    source = pipes.CfnPipe.PipeSourceParametersProperty(
        kinesis_stream_parameters=pipes.CfnPipe.PipeSourceKinesisStreamParametersProperty(
            starting_position="TRIM_HORIZON",
            batch_size=_BATCH,
            maximum_batching_window_in_seconds=_WAIT_SECONDS,
            maximum_retry_attempts=_TRIES,
            on_partial_batch_item_failure="AUTOMATIC_BISECT",
            dead_letter_config=pipes.CfnPipe.DeadLetterConfigProperty(arn=around.undelivered),
        )
    )
    made = pipes.CfnPipe(
        around.stack,
        f"pipe-{record}",
        name=names.stream(record),
        description=f"Events of {record} to files in landing",
        desired_state="RUNNING",
        role_arn=role.role_arn,
        kms_key_identifier=around.own_key,
        source=stream.attr_arn,
        source_parameters=source,
        target=delivery.attr_arn,
        # The event itself, as it was put into the stream.
        target_parameters=pipes.CfnPipe.PipeTargetParametersProperty(input_template="<$.data>"),
        # Where and why something failed, never what was in it.
        log_configuration=pipes.CfnPipe.PipeLogConfigurationProperty(
            level="ERROR",
            cloudwatch_logs_log_destination=pipes.CfnPipe.CloudwatchLogsLogDestinationProperty(
                log_group_arn=around.logs.log_group_arn
            ),
        ),
    )
    made.node.add_dependency(role)

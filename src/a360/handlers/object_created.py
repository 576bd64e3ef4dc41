"""Objects that were put into `landing/`, taken in from the queue of messages about them.

A message whose object is not taken in is answered as failed, so that it comes again and becomes a dead letter
in the end; the others of its batch are done with.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from a360.errors import A360Error
from a360.lake import Lake, open_lake
from a360.lake._landing import take_landed
from a360.settings import Settings


def handler(event: Mapping[str, Any], context: object = None) -> dict[str, list[dict[str, str]]]:  # noqa: ARG001 -- as Lambda calls it
    """Take in what a batch of SQS tells of.

    Args:
        event: A batch of messages of SQS, each an event of S3 as EventBridge tells it.
        context: What Lambda says of the call.

    Returns:
        The messages that failed, as `ReportBatchItemFailures` wants them.

    Raises:
        A360Error: the lake does not open; then the whole batch comes again.
    """
    settings = Settings()
    records: Sequence[Mapping[str, Any]] = event["Records"]
    with open_lake(settings.lake, env=settings.env) as lake:
        failed = [str(each["messageId"]) for each in records if not _is_taken(lake, each)]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}


def _is_taken(lake: Lake, record: Mapping[str, Any]) -> bool:
    """Whether a message is done with. Names of objects may say who a patient is, and are told nobody."""
    log = structlog.get_logger("a360.handlers").bind(message=str(record["messageId"]))
    try:
        report = take_landed(lake, str(record["body"]))
    except A360Error as error:
        log.warning("object not taken in", code=error.code.slug, exit_code=error.exit_code)
        return False
    log.info("object taken in", landed=sum(each.landed for each in report.steps))
    return True

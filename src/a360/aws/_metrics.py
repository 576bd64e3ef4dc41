"""Metrics of a lake in CloudWatch: numbers of an environment, and nothing of anybody."""

from collections.abc import Mapping
from itertools import batched
from typing import Final

import structlog

from a360.aws._clients import Aws, told
from a360.errors import A360Error

NAMESPACE: Final = "A360"
"""Where the alarms of the stack `operations` look."""
_AT_ONCE: Final = 500
_SECONDS: Final = frozenset({"RunSeconds"})


class Metrics:
    """Tells CloudWatch numbers; what it does not take is warned of, and fails nothing."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    def put(self, values: Mapping[str, float]) -> bool:
        """Tell these numbers, under the one dimension that alarms know; whether CloudWatch took them."""
        environment = self._aws.environment.name
        data = [
            {
                "MetricName": name,
                "Dimensions": [{"Name": "Environment", "Value": environment}],
                "Value": float(value),
                "Unit": "Seconds" if name in _SECONDS else "Count",
            }
            for name, value in values.items()
        ]
        try:
            with told("take metrics", f"environment {environment}"):
                for some in batched(data, _AT_ONCE):
                    self._aws.cloudwatch.put_metric_data(Namespace=NAMESPACE, MetricData=[*some])
        except A360Error as error:
            structlog.get_logger("a360.metrics").warning(
                "metrics were not taken", code=error.code.slug, found=error.found, names=[*values]
            )
            return False
        return True

"""Alarms, where they go, and the board that shows what they watch."""

from collections.abc import Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_ce as ce
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.names import DEAD_LETTERS, Names

METRICS = "A360"
"""The namespace of the metrics that the lake itself reports."""
_ANOMALY_USD = 50
_WAIT_SECONDS = 1800  # twice as long as anything takes that goes well


@dataclass(frozen=True, slots=True)
class Watched:
    """A metric, and above what of it somebody is told."""

    name: str
    what: str
    namespace: str
    metric: str
    above: float
    statistic: str = "Maximum"
    minutes: int = 5
    dimensions: tuple[tuple[str, str], ...] = ()
    silence_is_bad: bool = False


def watched(names: Names, records: Sequence[str] = ()) -> tuple[Watched, ...]:
    """What the lake is watched for; `records` are the types of records that arrive in streams."""
    return (*_of_lake(names), *_arriving(names), *(each for one in records for each in _stream(names, one)))


def _arriving(names: Names) -> tuple[Watched, ...]:
    """Dead letters, and what waits too long."""
    visible, landing = "ApproximateNumberOfMessagesVisible", names.of("landing")
    dead = (
        Watched(
            each,
            f"Dead letters lie in the queue {each}",
            "AWS/SQS",
            visible,
            0,
            dimensions=(("QueueName", names.of(each)),),
        )
        for each in DEAD_LETTERS
    )
    waiting = Watched(
        "landing-age",
        "An object in landing waits to be taken in",
        "AWS/SQS",
        "ApproximateAgeOfOldestMessage",
        _WAIT_SECONDS,
        minutes=15,
        dimensions=(("QueueName", landing),),
    )
    return (*dead, waiting)


def _stream(names: Names, record: str) -> tuple[Watched, ...]:
    """Events that nobody reads, or that do not become files."""
    name = names.stream(record)
    part = record.replace("_", "-")
    return (
        Watched(
            f"{part}-iterator-age",
            f"Events of {record} wait in their stream",
            "AWS/Kinesis",
            "GetRecords.IteratorAgeMilliseconds",
            _WAIT_SECONDS * 1000,
            minutes=15,
            dimensions=(("StreamName", name),),
        ),
        Watched(
            f"{part}-delivery-age",
            f"Events of {record} wait to be written to files",
            "AWS/Firehose",
            "DeliveryToS3.DataFreshness",
            _WAIT_SECONDS,
            minutes=15,
            dimensions=(("DeliveryStreamName", name),),
        ),
    )


def _of_lake(names: Names) -> tuple[Watched, ...]:
    """What the lake reports of itself, and its jobs."""
    lake = (("Environment", names.environment),)
    return (
        Watched("failed-runs", "A run or job of the lake failed", METRICS, "RunsFailed", 0, "Sum", 5, lake),
        Watched(
            "freshness",
            "A dataset is older than its contract allows",
            METRICS,
            "DatasetsStale",
            0,
            minutes=15,
            dimensions=lake,
            silence_is_bad=True,
        ),
        Watched("quality", "A blocking rule of a contract failed", METRICS, "RulesFailed", 0, "Sum", 5, lake),
        Watched("denials", "Many requests were denied", METRICS, "Denials", 100, "Sum", 15, lake),
        Watched(
            "spark-jobs",
            "A job of Spark failed",
            "AWS/EMRServerless",
            "FailedJobs",
            0,
            "Sum",
            5,
        ),
    )


class Watch(Construct):
    """A topic under a customer key, an alarm for each thing watched, a board, and limits of cost."""

    def __init__(
        self,
        scope: Construct,
        names: Names,
        *,
        records: Sequence[str],
        emails: tuple[str, ...],
        budget_usd: float,
    ) -> None:
        """`emails` are told of alarms and cost; `budget_usd` is a month's; `records` arrive in streams."""
        super().__init__(scope, "watch")
        self._names = names
        self.topic = self._topic(emails)
        self.alarms = [self._alarm(each) for each in watched(names, records)]
        self._board()
        if emails:
            self._costs(emails, budget_usd)

    def _topic(self, emails: tuple[str, ...]) -> sns.Topic:
        key = kms.Key(
            self,
            "key",
            alias=self._names.key_alias("alerts"),
            description=f"{self._names.prefix}: alerts",
            enable_key_rotation=True,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        topic = sns.Topic(
            self, "alerts", topic_name=self._names.of("alerts"), master_key=key, enforce_ssl=True
        )
        for email in emails:
            topic.add_subscription(subscriptions.EmailSubscription(email))
        return topic

    def _alarm(self, each: Watched) -> cloudwatch.Alarm:
        missing = cloudwatch.TreatMissingData
        alarm = cloudwatch.Alarm(
            self,
            each.name,
            alarm_name=self._names.of(each.name),
            alarm_description=each.what,
            metric=cloudwatch.Metric(
                namespace=each.namespace,
                metric_name=each.metric,
                statistic=each.statistic,
                period=cdk.Duration.minutes(each.minutes),
                dimensions_map=dict(each.dimensions) or None,
            ),
            threshold=each.above,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            treat_missing_data=missing.BREACHING if each.silence_is_bad else missing.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))
        alarm.add_ok_action(actions.SnsAction(self.topic))
        return alarm

    def _board(self) -> None:
        cloudwatch.Dashboard(
            self,
            "board",
            dashboard_name=self._names.of("lake"),
            widgets=[
                [cloudwatch.AlarmStatusWidget(title="Alarms", alarms=self.alarms, width=24)],
                [
                    cloudwatch.GraphWidget(title=alarm.alarm_name, left=[alarm.metric], width=8)
                    for alarm in self.alarms
                ],
            ],
        )

    def _costs(self, emails: tuple[str, ...], budget_usd: float) -> None:
        tell = [
            budgets.CfnBudget.SubscriberProperty(subscription_type="EMAIL", address=email) for email in emails
        ]
        budgets.CfnBudget(
            self,
            "budget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_name=self._names.of("month"),
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(amount=budget_usd, unit="USD"),
            ),
            notifications_with_subscribers=[
                budgets.CfnBudget.NotificationWithSubscribersProperty(
                    notification=budgets.CfnBudget.NotificationProperty(
                        comparison_operator="GREATER_THAN", notification_type=kind, threshold=percent
                    ),
                    subscribers=tell,
                )
                for kind, percent in (("ACTUAL", 80), ("FORECASTED", 100))
            ],
        )
        monitor = ce.CfnAnomalyMonitor(
            self,
            "cost-monitor",
            monitor_name=self._names.of("cost"),
            monitor_type="DIMENSIONAL",
            monitor_dimension="SERVICE",
        )
        ce.CfnAnomalySubscription(
            self,
            "cost-anomalies",
            subscription_name=self._names.of("cost"),
            frequency="DAILY",
            monitor_arn_list=[monitor.attr_monitor_arn],
            subscribers=[
                ce.CfnAnomalySubscription.SubscriberProperty(type="EMAIL", address=email) for email in emails
            ],
            threshold_expression=cdk.Stack.of(self).to_json_string(
                {
                    "Dimensions": {
                        "Key": "ANOMALY_TOTAL_IMPACT_ABSOLUTE",
                        "MatchOptions": ["GREATER_THAN_OR_EQUAL"],
                        "Values": [str(_ANOMALY_USD)],
                    }
                }
            ),
        )

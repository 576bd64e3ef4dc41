"""What a lake on AWS tells CloudWatch of its jobs, for the alarms of its environment."""

from typing import TYPE_CHECKING

from a360.contract import LOCAL, load_environment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from a360.lake._verify import Verification
    from a360.operate import CheckReport, RunRecord
    from a360.settings import Settings

_LATENCY = "latency"


class LakeMetrics:
    """Reports where tables are in Glue and the settings do not say otherwise."""

    def __init__(self, settings: "Settings", contracts: "Path") -> None:
        self._settings = settings
        self._contracts = contracts

    def run(self, record: "RunRecord", failed: "BaseException | None") -> None:
        """Tell of a job that has ended: whether it failed, what it brought, and which rules did not hold."""
        self._put(
            {
                "RunsFailed": 0 if failed is None else 1,
                "RulesFailed": sum(each.fails_as_error for each in record.quality),
                "RowsLanded": sum(each.landed for each in record.steps),
                "RowsQuarantined": sum(each.quarantined for each in record.steps),
                "RunSeconds": record.seconds,
            }
        )

    def check(self, report: "CheckReport", *, whole: bool) -> None:
        """Tell of a check; which datasets are stale only where all were looked at."""
        told: dict[str, float] = {"RulesFailed": len(report.blocking)}
        if whole:
            told["DatasetsStale"] = sum(
                any(not each.passed and each.kind == _LATENCY for each in dataset.results)
                for dataset in report.datasets
            )
        self._put(told)

    def verification(self, found: "Verification") -> None:
        """Tell how much was read again, and how much of it is damaged."""
        self._put({"FilesVerified": found.files, "FilesDamaged": len(found.damage)})

    def _put(self, values: "Mapping[str, float]") -> None:
        if self._settings.env == LOCAL or not self._settings.cloudwatch:
            return
        environment = load_environment(self._contracts, self._settings.env)
        if environment.catalog is None:
            return
        from a360.aws import Aws, Metrics  # noqa: PLC0415 -- an extra, which whoever opened Glue has

        Metrics(Aws(environment, tries=2)).put(values)

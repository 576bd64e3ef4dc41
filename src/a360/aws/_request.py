"""The request that starts a job: all of it made here, from what is declared and what was sized."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from a360.aws._sizing import Sizing
from a360.aws._workers import Worker
from a360.contract import SparkJobs
from a360.jvm import submit_properties

PYTHON_THERE = "./environment/bin/python3.12"
# Beside Spark's heap: the Python workers with Arrow batches and DuckDB, and on the driver the committer.
_HEAP = 0.55
_TASKS_A_CORE = 3


@dataclass(frozen=True, slots=True)
class Job:
    """What is to run: the datasets of an environment's lake, with the archive and entry file in S3."""

    environment: str
    spark: SparkJobs
    datasets: tuple[str, ...]
    full: bool
    sizing: Sizing
    archive: str
    entry: str

    @property
    def name(self) -> str:
        """What a person sees in a list of runs."""
        what = ",".join(self.datasets) or "all"
        return f"a360 run {what}"[:256]

    @property
    def arguments(self) -> list[str]:
        """What the entry file is called with."""
        return [
            "run",
            *self.datasets,
            "--env",
            self.environment,
            *(["--full"] if self.full else []),
            "--json",
        ]

    def request(self, token: str) -> dict[str, Any]:
        """The arguments of StartJobRun; requests with one token start one run."""
        spark = self.spark
        request: dict[str, Any] = {
            "applicationId": spark.application,
            "clientToken": token,
            "executionRoleArn": spark.role,
            "name": self.name,
            "mode": "BATCH",
            "executionTimeoutMinutes": spark.timeout_minutes,
            "jobDriver": {
                "sparkSubmit": {
                    "entryPoint": self.entry,
                    "entryPointArguments": self.arguments,
                    "sparkSubmitParameters": submit_parameters(self.properties()),
                }
            },
            "configurationOverrides": {
                "monitoringConfiguration": {
                    "s3MonitoringConfiguration": {
                        "logUri": joined(spark.logs, ""),
                        **({"encryptionKeyArn": spark.key} if spark.key else {}),
                    },
                    # logs lie in one place only, the environment's own
                    "managedPersistenceMonitoringConfiguration": {"enabled": False},
                }
            },
            "tags": {"a360:environment": self.environment},
        }
        if spark.key:
            request["configurationOverrides"]["diskEncryptionConfiguration"] = {"encryptionKeyArn": spark.key}
        return request

    def properties(self) -> dict[str, str]:
        """The properties of Spark that a job is started with; what only the engine knows, it sets itself."""
        sizing = self.sizing
        cores = sizing.executors * sizing.executor.vcpus
        return {
            **submit_properties(),
            "spark.archives": f"{self.archive}#environment",
            "spark.emr-serverless.driverEnv.PYSPARK_DRIVER_PYTHON": PYTHON_THERE,
            "spark.emr-serverless.driverEnv.PYSPARK_PYTHON": PYTHON_THERE,
            "spark.executorEnv.PYSPARK_PYTHON": PYTHON_THERE,
            **_worker("driver", sizing.driver),
            **_worker("executor", sizing.executor),
            "spark.dynamicAllocation.enabled": "true",
            "spark.dynamicAllocation.initialExecutors": str(sizing.executors),
            "spark.dynamicAllocation.maxExecutors": str(sizing.executors),
            "spark.sql.shuffle.partitions": str(_TASKS_A_CORE * cores),
            # what workers spill and send each other is patients' data
            "spark.io.encryption.enabled": "true",
            "spark.ssl.internode.enabled": "true",
        }


def _worker(kind: str, worker: Worker) -> Mapping[str, str]:
    heap = max(1, int(worker.memory_gb * _HEAP))
    return {
        f"spark.{kind}.cores": str(worker.vcpus),
        f"spark.{kind}.memory": f"{heap}g",
        f"spark.{kind}.memoryOverhead": f"{worker.memory_gb - heap}g",
        f"spark.emr-serverless.{kind}.disk": f"{worker.disk_gb}g",
    }


def submit_parameters(properties: Mapping[str, str]) -> str:
    """Properties as the words of spark-submit, which are parted at spaces: a value with one is refused."""
    for name, value in properties.items():
        if not re.fullmatch(r"[^\s'\"\\]+", value):
            raise ValueError(f"{name} has a value that spark-submit would part")
    return " ".join(f"--conf {name}={value}" for name, value in properties.items())


def token_of(given: str, attempt: int) -> str:
    """The client token of an attempt: a retry after a lack of capacity is another run."""
    return given if attempt == 1 else f"{given[:60]}-{attempt}"


def place_of(uri: str) -> tuple[str, str]:
    """The bucket and the prefix of a place in S3."""
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    return bucket, prefix.strip("/")


def joined(place: str, *names: str) -> str:
    """What lies under a place in S3 by these names."""
    return "/".join([place.rstrip("/"), *names])

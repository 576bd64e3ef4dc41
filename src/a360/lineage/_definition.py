"""What is the same in every run, told once as an OpenLineage job event: schema, column lineage and SQL.

Run events in the lake leave these facets out, for they are nine tenths of what there is to tell and change
only with the contracts. `with_definitions` puts them in where an event leaves the lake: OpenLineage lets a
producer tell a facet once, but not every collector keeps it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from a360.contract import GoldStep, LakePlan, Step, TablePlan
from a360.lineage._graph import step_lineage
from a360.lineage._model import SOURCES, DatasetLineage, Field, Inputs, Use
from a360.lineage._openlineage import JOB_TYPE, PRODUCER, SPECIFICATION, Json, facet, namespace_of


def definitions(plan: LakePlan, when: datetime) -> Iterator[Json]:
    """A job event for each dataset that is brought in or made."""
    for table in plan.tables:
        if table.namespace == "bronze":
            yield _job_event(plan, when, f"ingest.{table.dataset}", table, None)
    for step in plan.steps:
        yield _job_event(plan, when, f"run.{step.dataset}", plan.table(step.dataset), step)


def _job_event(plan: LakePlan, when: datetime, name: str, table: TablePlan, step: Step | None) -> Json:
    namespace = namespace_of(plan)
    job: Json = {"jobType": JOB_TYPE}
    output: Json = {"schema": _schema(table)}
    if step is not None:
        output["columnLineage"] = _column_lineage(namespace, table, step_lineage(plan, step))
    if isinstance(step, GoldStep):
        job["sql"] = facet("1-1-0/SQLJobFacet.json", query=step.sql, dialect="duckdb")
    upstream = sorted(step.upstream) if step else []
    return {
        "eventTime": when.isoformat(),
        "producer": PRODUCER,
        "schemaURL": f"{SPECIFICATION}#/$defs/JobEvent",
        "job": {"namespace": namespace, "name": name, "facets": job},
        "inputs": [{"namespace": namespace, "name": each} for each in upstream],
        "outputs": [{"namespace": namespace, "name": table.dataset, "facets": output}],
    }


def _schema(table: TablePlan) -> Json:
    fields = [{"name": each.name, "type": each.type, "description": each.doc} for each in table.columns]
    return facet("1-2-0/SchemaDatasetFacet.json", fields=fields)


def _column_lineage(namespace: str, table: TablePlan, lineage: DatasetLineage) -> Json:
    fields = {
        name: {"inputFields": _input_fields(namespace, lineage.columns[name], name in lineage.masked)}
        for name in table.column_names
        if lineage.columns.get(name)
    }
    rows = _input_fields(namespace, lineage.rows, masked=False)
    return facet("1-2-0/ColumnLineageDatasetFacet.json", fields=fields, dataset=rows)


def _input_fields(namespace: str, inputs: Inputs, masked: bool) -> list[Json]:  # noqa: FBT001 - read at its calls
    return [
        {
            "namespace": f"{namespace}/{each.zone}" if each.zone in SOURCES else namespace,
            "name": each.dataset.partition(".")[2] if each.zone in SOURCES else each.dataset,
            "field": each.column,
            "transformations": [_transformation(use, masked=masked) for use in sorted(uses)],
        }
        for each, uses in sorted(inputs.items())
    ]


def _transformation(use: Use, *, masked: bool) -> Json:
    return {
        "type": "DIRECT" if use.direct else "INDIRECT",
        "subtype": str(use),
        "masking": masked and use.direct,
    }


def with_definitions(event: Json, definition_of: Callable[[str], Json | None]) -> Json:
    """A run event with the facets that the definitions of its datasets have; those of a START name the job.

    Args:
        event: As the lake keeps it.
        definition_of: The job event that held for a dataset at the time, where there is one.
    """
    ended = event["eventType"] != "START"
    full = dict(event)
    for output in event["outputs"]:
        told = definition_of(output["name"])
        job = event["job"]
        full["job"] = {**job, "facets": {**(told["job"]["facets"] if told else {}), **job["facets"]}}
    if ended:
        full["inputs"] = [_with_facets(each, definition_of, {"schema"}) for each in event["inputs"]]
        kinds = {"schema", "columnLineage"}
        full["outputs"] = [_with_facets(each, definition_of, kinds) for each in event["outputs"]]
    return full


def _with_facets(dataset: Json, definition_of: Callable[[str], Json | None], kinds: set[str]) -> Json:
    told = definition_of(dataset["name"])
    if told is None:
        return dataset
    [output] = told["outputs"]
    facets = {name: content for name, content in output["facets"].items() if name in kinds}
    return {**dataset, "facets": {**facets, **dataset.get("facets", {})}}


def lineage_in(event: Mapping[str, Any]) -> DatasetLineage | None:
    """The column lineage that an event of this lake tells of; None where it tells of none."""
    for output in event.get("outputs", []):
        told = output.get("facets", {}).get("columnLineage")
        if told is not None:
            columns = {name: _read_inputs(each["inputFields"]) for name, each in told["fields"].items()}
            return DatasetLineage(output["name"], columns, _read_inputs(told.get("dataset", [])))
    return None


def _read_inputs(fields: Iterable[Mapping[str, Any]]) -> Inputs:
    return {
        Field(told["name"], told["field"]): frozenset(
            Use(each["subtype"])
            for each in told.get("transformations", [])
            if each.get("subtype") in set(Use)
        )
        for told in fields
    }

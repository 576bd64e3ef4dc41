"""What runs do is told as OpenLineage: kept in the lake, and sent to a collector that never stops a run."""

import json
import shutil
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from openlineage.client import event_v2, facet_v2

import a360
from a360.errors import DataError
from a360.operate import LineageExport
from a360.synth import generate

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"
FACETS = {
    "parent": facet_v2.parent_run.ParentRunFacet,
    "processing_engine": facet_v2.processing_engine_run.ProcessingEngineRunFacet,
    "errorMessage": facet_v2.error_message_run.ErrorMessageRunFacet,
    "jobType": facet_v2.job_type_job.JobTypeJobFacet,
    "sql": facet_v2.sql_job.SQLJobFacet,
    "schema": facet_v2.schema_dataset.SchemaDatasetFacet,
    "version": facet_v2.dataset_version_dataset.DatasetVersionDatasetFacet,
    "columnLineage": facet_v2.column_lineage_dataset.ColumnLineageDatasetFacet,
    "dataQualityAssertions": facet_v2.data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet,
    "dataQualityMetrics": facet_v2.data_quality_metrics_dataset.DataQualityMetricsDatasetFacet,
    "outputStatistics": facet_v2.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet,
    "inputStatistics": facet_v2.input_statistics_input_dataset.InputStatisticsInputDatasetFacet,
}


class Collector:
    """A collector on loopback; `answers` are the statuses it gives, the last one for ever."""

    def __init__(self, *answers, delay=0.0):
        self.events, self.paths, self.keys = [], [], []
        given = list(answers or (201,))
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                time.sleep(delay)
                status = given.pop(0) if len(given) > 1 else given[0]
                if status < 300:
                    outer.events.append(json.loads(body))
                outer.paths.append(self.path)
                outer.keys.append(self.headers.get("Authorization"))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def worked(tmp_path_factory):
    """A lake that has taken in and refined three patients, a collector listening from the start."""
    folder = tmp_path_factory.mktemp("told")
    generate(folder / "in", patients=3, seed=5, dirty=0.0)
    with Collector() as collector:
        flags = {"openlineage_url": collector.url, "openlineage_api_key": "s3cret"}
        with a360.open(folder / "lake", contracts=CONTRACTS, **flags) as lake:
            lake.ingest(folder / "in")
            lake.run()
            rows = lake.query("SELECT * FROM ops.lineage_event ORDER BY event_id").to_pylist()
            snapshots = {name: lake.tables.current_snapshot_id(name) for name in lake.tables.list()}
        yield lake.path, [row for row in rows if row["event_type"] != "JOB"], collector, snapshots


def events(rows, kind="COMPLETE"):
    """The events of a kind, by the dataset they write."""
    return {row["dataset"]: json.loads(row["payload"]) for row in rows if row["event_type"] == kind}


def sent(collector):
    """The events that completed a step, as the collector has them, by the dataset they write."""
    return {each["outputs"][0]["name"]: each for each in collector.events if each["eventType"] == "COMPLETE"}


def read_facet(name, told):
    """A facet by OpenLineage's own class; what the class does not know fails."""
    content = {key: value for key, value in told.items() if not key.startswith("_")}
    return FACETS[name](**content)


def test_every_step_starts_and_completes(worked):
    """Each step that committed has a START and a COMPLETE of one run, in this order."""
    _, rows, _, _ = worked
    starts, ends = events(rows, "START"), events(rows)
    assert starts.keys() == ends.keys() >= {"bronze.fhir_resource", "silver.patient", "gold.visit_facts"}
    for dataset, end in ends.items():
        assert starts[dataset]["run"]["runId"] == end["run"]["runId"]
        assert starts[dataset]["eventTime"] <= end["eventTime"]


def test_openlineages_own_classes_read_the_events(worked):
    """Every event is one that OpenLineage's client could have made: run, job, datasets and each facet."""
    _, _, collector, _ = worked
    seen = set()
    for event in collector.events:
        run = event_v2.Run(runId=event["run"]["runId"])
        job = event_v2.Job(namespace=event["job"]["namespace"], name=event["job"]["name"])
        kind = event_v2.RunState[event["eventType"]]
        event_v2.RunEvent(
            eventType=kind, eventTime=event["eventTime"], run=run, job=job, producer=event["producer"]
        )
        parts = [event["run"]["facets"], event["job"]["facets"]]
        for dataset in event["inputs"] + event["outputs"]:
            event_v2.Dataset(namespace=dataset["namespace"], name=dataset["name"])
            parts += [dataset.get(key, {}) for key in ("facets", "inputFacets", "outputFacets")]
        for name, told in (pair for part in parts for pair in part.items()):
            facet = read_facet(name, told)
            seen.add(name)
            # The name of the schema is that of the class; its version may be one patch ahead of the client's.
            assert told["_schemaURL"].split("#")[0].endswith(f"{type(facet).__name__}.json")
            assert told["_producer"].startswith("https://")
    assert seen == FACETS.keys() - {"errorMessage"}


def test_a_step_belongs_to_its_command(worked):
    """The steps of one command share a parent; those of another have another."""
    _, rows, _, _ = worked
    parents = {name: event["run"]["facets"]["parent"]["run"]["runId"] for name, event in events(rows).items()}
    assert len(set(parents.values())) == 2
    assert parents["silver.patient"] == parents["gold.visit_facts"] != parents["bronze.fhir_resource"]


def test_snapshots_are_versions(worked):
    """The version of what was written is its snapshot; that of what was read, the one it was read at."""
    _, rows, _, snapshots = worked
    [output] = events(rows)["gold.visit_facts"]["outputs"]
    assert output["facets"]["version"]["datasetVersion"] == str(snapshots["gold.visit_facts"])
    inputs = {each["name"]: each for each in events(rows)["gold.visit_facts"]["inputs"]}
    version = inputs["silver.encounter"]["facets"]["version"]["datasetVersion"]
    assert version == str(snapshots["silver.encounter"])


def test_ingest_names_its_files(worked):
    """What came out of which file is told by the label that the lake has for it, with counts."""
    _, rows, _, _ = worked
    inputs = events(rows)["bronze.fhir_resource"]["inputs"]
    files = {each["name"]: each["inputFacets"]["inputStatistics"] for each in inputs}
    assert files["Patient.ndjson"]["rowCount"] == 3
    assert all(each["size"] > 0 for each in files.values())


def test_columns_are_told(worked):
    """A silver column names the FHIR element, a gold column those of silver, and a token that it is one."""
    _, _, collector, _ = worked
    fields = sent(collector)["silver.observation"]["outputs"][0]["facets"]["columnLineage"]["fields"]
    [value] = fields["value_quantity"]["inputFields"]
    assert (value["name"], value["field"]) == ("bronze.fhir_resource", "Observation.valueQuantity.value")
    assert value["transformations"] == [{"type": "DIRECT", "subtype": "IDENTITY", "masking": False}]
    told = fields["patient_key"]["inputFields"]
    assert any(step["masking"] for each in told for step in each["transformations"])
    age = sent(collector)["gold.visit_facts"]["outputs"][0]["facets"]["columnLineage"]["fields"][
        "patient_age"
    ]
    assert {each["field"] for each in age["inputFields"]} >= {"birth_date", "start_date"}


def test_quality_and_counts_are_told(worked):
    """The rules measured on what was written come with it, and how many rows it is."""
    _, rows, _, _ = worked
    [output] = events(rows)["silver.patient"]["outputs"]
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == 3
    asserted = output["facets"]["dataQualityAssertions"]["assertions"]
    assert {"assertion": "primary_key", "success": True} in [
        {"assertion": each["assertion"], "success": each["success"]} for each in asserted
    ]


def test_the_model_is_told(worked):
    """A gold step tells its SQL, and nothing in any event is a patient's."""
    folder, rows, collector, _ = worked
    assert "silver.encounter" in sent(collector)["gold.visit_facts"]["job"]["facets"]["sql"]["query"]
    names = {
        name["family"]
        for line in (folder.parent / "in" / "Patient.ndjson").read_text("utf-8").splitlines()
        for name in json.loads(line)["name"]
    }
    text = "".join(row["payload"] for row in rows)
    assert names
    assert not [name for name in names if f'"{name}"' in text]


def within(part, whole):
    """Whether all that one JSON value says is said by another."""
    if isinstance(part, dict):
        return all(key in whole and within(each, whole[key]) for key, each in part.items())
    if isinstance(part, list):
        return len(part) == len(whole) and all(map(within, part, whole))
    return part == whole


def test_what_changes_with_the_contracts_alone_is_kept_once(tmp_path):
    """A model that changes is defined anew and no other; runs repeat no schema, no column lineage, no SQL."""
    shutil.copytree(CONTRACTS, tmp_path / "contracts")
    generate(tmp_path / "in", patients=2, seed=5, dirty=0.0)
    query = "SELECT dataset, payload FROM ops.lineage_event WHERE event_type {} 'JOB' ORDER BY event_id"
    with a360.open(tmp_path / "lake", contracts=tmp_path / "contracts") as lake:
        lake.ingest(tmp_path / "in")
        lake.run()
        defined = lake.query(query.format("=")).to_pylist()
        assert sorted(row["dataset"] for row in defined) == sorted({row["dataset"] for row in defined})
        assert {step.dataset for step in lake.lake_plan.steps} < {row["dataset"] for row in defined}
        told = lake.query(query.format("<>"))["payload"].to_pylist()
        assert not [
            each for each in told if '"columnLineage"' in each or '"schema"' in each or '"sql"' in each
        ]
    model = tmp_path / "contracts/models/visit_facts.sql"
    model.write_text(f"{model.read_text('utf-8')}-- said anew\n", "utf-8")
    with Collector() as collector:
        flags = {"contracts": tmp_path / "contracts", "openlineage_url": collector.url}
        with a360.open(tmp_path / "lake", **flags) as lake:
            lake.run()
            lake.apply()
            after = lake.query(query.format("=")).to_pylist()
        assert [row["dataset"] for row in after[len(defined) :]] == ["gold.visit_facts"]
        queries = [
            event["job"]["facets"]["sql"]["query"]
            for event in collector.events
            if event["job"]["name"] == "run.gold.visit_facts"
        ]
    # Each event has the model as it was when the step ran, however late it is sent.
    assert ["said anew" in each for each in queries] == [False, False, True, True]


def test_the_collector_gets_what_the_lake_keeps(worked):
    """Every event is sent once, in order, to OpenLineage's endpoint, with the key, and lacks nothing."""
    _, rows, collector, _ = worked
    assert len(collector.events) == len(rows)
    for event, row in zip(collector.events, rows, strict=True):
        assert within(json.loads(row["payload"]), event)
    assert set(collector.paths) == {"/api/v1/lineage"}
    assert set(collector.keys) == {"Bearer s3cret"}


def test_a_failed_step_is_told(tmp_path):
    """A step that a rule stops has START and FAIL with the code, and no output version."""
    shutil.copytree(CONTRACTS, tmp_path / "contracts")
    path = tmp_path / "contracts/silver/location.yaml"
    contract = yaml.safe_load(path.read_text("utf-8"))
    rule = {
        "name": "never",
        "type": "library",
        "metric": "rowCount",
        "mustBeGreaterThan": 1_000_000,
        "severity": "error",
    }
    contract["schema"][0].setdefault("quality", []).append(rule)
    path.write_text(yaml.safe_dump(contract, sort_keys=False), "utf-8")
    generate(tmp_path / "in", patients=2, seed=5, dirty=0.0)
    with a360.open(tmp_path / "lake", contracts=tmp_path / "contracts") as lake:
        lake.ingest(tmp_path / "in")
        with pytest.raises(DataError, match="rule-blocked"):
            lake.run("silver.location")
        rows = lake.query("SELECT * FROM ops.lineage_event WHERE event_type <> 'JOB' ORDER BY event_id")
    told = [row for row in rows.to_pylist() if row["dataset"] == "silver.location"]
    assert [row["event_type"] for row in told] == ["START", "FAIL"]
    fail = json.loads(told[1]["payload"])
    assert fail["run"]["facets"]["errorMessage"]["message"].startswith("rule-blocked: ")
    assert "version" not in fail["outputs"][0]["facets"]


def export(worked, tmp_path, collector, budget=3.0):
    """Send the events of the worked lake anew."""
    folder, *_ = worked
    with a360.open(folder, contracts=CONTRACTS) as lake:
        sender = LineageExport(collector.url, tmp_path / "state", budget=budget)
        return sender.send(lake.tables)


def test_a_collector_that_is_away_fails_no_run_and_loses_nothing(worked, tmp_path):
    """Events wait while nobody listens, and go out once somebody does."""
    _, rows, _, _ = worked
    with Collector() as gone:
        pass
    assert export(worked, tmp_path, gone, budget=1.0) == 0
    with Collector() as collector:
        assert export(worked, tmp_path, collector) == len(rows)
        assert export(worked, tmp_path, collector) == 0


def test_a_stumble_is_tried_again(worked, tmp_path):
    """A 503 in between costs a moment, and no event and no order."""
    _, rows, _, _ = worked
    with Collector(503, 201, 429, 201) as collector:
        assert export(worked, tmp_path, collector) == len(rows)
        assert [each["run"]["runId"] for each in collector.events] == [
            json.loads(row["payload"])["run"]["runId"] for row in rows
        ]


def test_an_event_that_is_refused_does_not_hold_up_the_others(worked, tmp_path):
    """What the collector calls invalid is left aside; the rest goes on."""
    _, rows, _, _ = worked
    with Collector(422, 201) as collector:
        assert export(worked, tmp_path, collector) == len(rows)
        assert len(collector.events) == len(rows) - 1


def test_a_denied_key_keeps_the_events(worked, tmp_path):
    """A collector that asks for another key gets nothing, and nothing counts as sent."""
    with Collector(401) as collector:
        assert export(worked, tmp_path, collector) == 0
    assert not (tmp_path / "state").exists()


def test_a_slow_collector_costs_no_more_than_the_budget(worked, tmp_path):
    """However slowly it answers, a run waits its budget and goes on; what was taken is not sent twice."""
    _, rows, _, _ = worked
    with Collector(delay=0.4) as collector:
        began = time.monotonic()
        sent = export(worked, tmp_path, collector, budget=1.0)
        assert time.monotonic() - began < 8
        assert sent < len(rows)

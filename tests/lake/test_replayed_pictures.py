"""Pictures of resources that ingest had refused: a replay takes them out as an ingest does."""

import base64
import io
from dataclasses import replace

from fhir_samples import patient
from lakes import CONTRACTS, only, rows_of, write_ndjson
from PIL import Image

import a360
from a360.ingest import Limits, ingest_fhir
from a360.lake._kinds import inflow_of


def test_a_replay_takes_pictures_out(tmp_path):
    """What was refused lands with its picture in the store, told by a row of its own."""
    stream = io.BytesIO()
    Image.new("RGB", (8, 6), (1, 90, 90)).save(stream, "JPEG")
    data = base64.b64encode(stream.getvalue()).decode()
    document = {
        "resourceType": "DocumentReference",
        "id": "d1",
        "status": "current",
        "subject": {"reference": "Patient/p1"},
        "content": [{"attachment": {"contentType": "image/jpeg", "data": data}}],
    }
    folder = write_ndjson(tmp_path / "in", [patient("p1"), document])
    with a360.open(tmp_path / "lake", contracts=CONTRACTS) as lake:
        lake.apply()
        ingest_fhir(replace(inflow_of(lake._parts), limits=Limits(depth=2)), [folder])
        assert [row["rule"] for row in lake.quarantine.list("bronze.fhir_resource")] == ["too-deep"]
        lake.replay("bronze.fhir_resource")
        assert lake.quarantine.list("bronze.fhir_resource") == []
        row = only(rows_of(lake, "FROM silver.attachment"))
        assert (row["attachment_id"], row["media_type"]) == ("DocumentReference.d1.1", "image/jpeg")
        lake.attachments.get("DocumentReference.d1.1", tmp_path / "x.jpg", received=True)
        assert (tmp_path / "x.jpg").read_bytes() == stream.getvalue()

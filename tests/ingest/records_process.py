"""Ingests records, or HL7 v2 messages, into a lake folder, as a process that a fault test may kill."""

import importlib.util
import sys
from pathlib import Path

spec = importlib.util.spec_from_file_location("ingest_lake", Path(__file__).with_name("conftest.py"))
support = importlib.util.module_from_spec(spec)
sys.modules["ingest_lake"] = support
spec.loader.exec_module(support)


def main(folder, kind, record, inbox):
    """Ingest with small bounds, so that every stage is passed more than once."""
    limits = support.Limits(
        chunk_bytes=2000, record_bytes=500, block_bytes=1500, staged_bytes=500, staged_rows=30
    )
    with support.open_lake_folder(Path(folder)) as lake:
        if kind == "hl7v2":
            lake.ingest_messages(inbox, limits=limits)
        else:
            receptions = [support.lake_plan().reception(record)]
            lake.ingest_records(inbox, kind, receptions, record=record, limits=limits)


if __name__ == "__main__":
    main(*sys.argv[1:])

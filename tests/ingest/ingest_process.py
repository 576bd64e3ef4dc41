"""Ingests paths into a lake folder, as a process of its own that a fault test may kill."""

import importlib.util
import sys
from pathlib import Path

spec = importlib.util.spec_from_file_location("ingest_lake", Path(__file__).with_name("conftest.py"))
support = importlib.util.module_from_spec(spec)
sys.modules["ingest_lake"] = support
spec.loader.exec_module(support)


def main(folder, *paths):
    """Ingest with small bounds, so that every stage is passed more than once."""
    limits = support.Limits(chunk_bytes=3000, block_bytes=1500, staged_bytes=500, staged_rows=30)
    with support.open_lake_folder(Path(folder)) as lake:
        lake.ingest(*paths, limits=limits)


if __name__ == "__main__":
    main(*sys.argv[1:])

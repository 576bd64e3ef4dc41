"""The face of Spark jobs: `python -m a360.spark run DATASET…`, also as `spark/src/job.py`."""

from a360.spark._main import main

__all__ = ["main"]

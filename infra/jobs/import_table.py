"""A job of AWS Glue: copies a table of a source database, by a connection of Glue, into the landing place.

What lands are Parquet files that `a360 ingest parquet` takes in. Each run writes a folder of its own, named
after the run: a run that is repeated overwrites nothing, and a file that was taken in is known again.
"""

import sys

from awsglue.context import GlueContext  # type: ignore[import-not-found]
from awsglue.utils import getResolvedOptions  # type: ignore[import-not-found]
from pyspark.context import SparkContext

options = getResolvedOptions(sys.argv, ["JOB_RUN_ID", "connection", "table", "landing"])
glue = GlueContext(SparkContext.getOrCreate())
rows = glue.create_dynamic_frame.from_options(
    connection_type="custom.jdbc" if options["connection"].startswith("custom.") else "jdbc",
    connection_options={
        "connectionName": options["connection"],
        "dbtable": options["table"],
        "useConnectionProperties": "true",
    },
)
place = f"{options['landing'].rstrip('/')}/{options['table']}/{options['JOB_RUN_ID']}"
rows.toDF().write.mode("error").parquet(place)

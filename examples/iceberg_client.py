"""Another program reads the lake: PyIceberg through the catalog that `a360 catalog serve` offers.

python examples/iceberg_client.py lake
"""
# ruff: noqa: T201, INP001, S603 - a script that prints, and starts the catalog itself

import json
import subprocess
import sys

from pyiceberg.catalog.rest import RestCatalog

serve = [sys.executable, "-m", "a360", "--lake", sys.argv[1], "catalog", "serve"]
with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as server:
    try:
        ready = json.loads(server.stdout.readline()) if server.stdout else {}
        catalog = RestCatalog("lake", uri=ready["uri"], token=ready["token"], warehouse=ready["warehouse"])
        print("namespaces:", ", ".join(name for (name,) in sorted(catalog.list_namespaces())))

        patients = catalog.load_table("gold.patient_360")
        rows = patients.scan(selected_fields=("age_band", "visits")).to_arrow()
        print(f"gold.patient_360: {rows.num_rows} rows in snapshot {patients.current_snapshot().snapshot_id}")
    finally:
        server.terminate()

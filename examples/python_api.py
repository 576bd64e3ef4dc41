"""The lake from Python: what is in it, a question, and where an answer comes from.

python examples/python_api.py lake
"""
# ruff: noqa: T201, INP001 - a script that prints

import sys

import a360

QUESTION = """
SELECT start_month, count(*) AS visits, count(DISTINCT patient_key) AS patients
FROM gold.visit_facts
WHERE visit_number IS NOT NULL
GROUP BY start_month
ORDER BY start_month DESC
LIMIT 6
"""

with a360.open(sys.argv[1]) as lake:
    for table in lake.tables_info():
        if table.namespace == "gold":
            print(f"{table.namespace}.{table.name}: {table.rows} rows")

    answer = lake.query(QUESTION)  # a pyarrow.Table: hand it to pandas, Polars or a plot
    for row in answer.to_pylist():
        print(f"{row['start_month']:%Y-%m}: {row['visits']} visits of {row['patients']} patients")

    print("gold.visit_facts is made from", ", ".join(lake.lineage("gold.visit_facts").upstream))

"""What a person in charge of the data looks at in the morning: scores, rules that fail, what was refused.

python examples/quality_report.py lake
"""
# ruff: noqa: T201, INP001 - a script that prints

import sys

import a360

with a360.open(sys.argv[1]) as lake:
    for dataset in lake.check().datasets:
        failing = [result for result in dataset.results if not result.passed]
        refused = sum(dataset.quarantined.values())
        if failing or refused:
            print(f"{dataset.dataset}: score {dataset.score}, {len(failing)} rules fail, {refused} refused")
        for result in failing:
            print(f"  {result.severity}: {result.rule} ({result.failed} of {result.checked})")

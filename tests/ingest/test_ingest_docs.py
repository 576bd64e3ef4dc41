"""The page about ingest shows what happens."""

import re
from pathlib import Path

from a360.ingest import Limits, Rule

PAGE = (Path(__file__).resolve().parents[2] / "docs/ingest.md").read_text()


def test_the_example_gives_what_the_page_shows(lake, inbox):
    """The example's counts, envelopes and rejects are those of the page."""
    (text,) = re.findall(r"```ndjson\n(.*?)```", PAGE, re.DOTALL)
    (inbox / "Bundle.1.ndjson").write_text(text)
    report = lake.ingest(inbox, source="clinic-emr").report
    shown = re.search(
        r"(\d+) read = (\d+) landed \+ (\d+) quarantined \+ (\d+) duplicates \+ (\d+) filt", PAGE
    )
    counts = (report.read, report.landed, report.quarantined, report.duplicates, report.filtered)
    assert tuple(map(int, shown.groups())) == counts
    rows = lake.resources()
    for row in rows:
        line = next(each for each in PAGE.splitlines() if each.startswith(f" {row['resource_type']} "))
        cells = line.split()
        assert cells[2] == (row["version_id"] or "-")
        assert cells[3] == (row["last_updated"].isoformat() if row["last_updated"] else "-")
        assert cells[5] == ("yes" if row["deleted"] else "no")
        assert cells[6] == str(row["offset"])
    (refused,) = lake.refused()
    shown = next(line for line in PAGE.splitlines() if line.startswith(" Bundle.1.ndjson "))
    row = " ".join((refused["file"], str(refused["offset"]), refused["rule"], refused["reason"]))
    assert " ".join(shown.split()) == row


def test_every_rule_and_bound_is_on_the_page():
    """Each rule of ingest is explained, and the bounds are those that hold."""
    assert all(f"`{rule.value}`" in PAGE for rule in Rule)
    limits = Limits()
    assert f"{limits.line_bytes >> 20} MiB" in PAGE
    assert f"{limits.document_bytes >> 20} MiB" in PAGE
    assert f"{limits.depth} levels" in PAGE
    assert f"{limits.inflation} times" in PAGE

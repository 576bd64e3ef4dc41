"""Makes the tables of docs/hipaa.md anew, from the controls that `a360 evidence` runs."""

# ruff: noqa: INP001 -- a script

from pathlib import Path

from a360.operate._evidence import markdown

PAGE = Path(__file__).resolve().parents[1] / "docs/hipaa.md"
MARK = "<!-- From here on made by tools/hipaa_page.py -->\n\n"

if __name__ == "__main__":
    head, _, _ = PAGE.read_text("utf-8").partition(MARK)
    PAGE.write_text(head + MARK + markdown(), "utf-8")

import ast
import re
from pathlib import Path

import a360.errors
from a360.errors import CODES, A360Error

ROOT = Path(__file__).resolve().parents[2]
SECTIONS = dict(
    re.findall(
        r"^## (\S+)\n\n(.*?)(?=^## |\Z)",
        (ROOT / "docs/errors.md").read_text("utf-8"),
        re.MULTILINE | re.DOTALL,
    )
)
CLASSES = {
    name: kind
    for name, kind in vars(a360.errors).items()
    if isinstance(kind, type) and issubclass(kind, A360Error)
}


def raised():
    """Every `SomeError("code", …)` in the source, as (class, code, place)."""
    for path in sorted((ROOT / "src/a360").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in CLASSES:
                yield CLASSES[name], node.args[0].value, f"{path.relative_to(ROOT)}:{node.lineno}"


def test_every_code_has_its_section():
    """Every error code has a section in docs/errors.md, and every section is about a code."""
    assert sorted(SECTIONS) == sorted(CODES)


def test_every_raised_code_exists():
    """No error is raised with a code that is not in the table."""
    assert [(place, code) for _, code, place in raised() if code not in CODES] == []


def test_documented_exit_codes_are_those_of_the_classes():
    """A section names the exit codes of the very classes that carry its code."""
    wrong = []
    for kind, code, place in raised():
        documented = re.match(r"Exit code ([\d, or]+)\.", SECTIONS[code])
        if not documented or str(kind.exit_code) not in re.findall(r"\d", documented[1]):
            wrong.append((place, code, kind.exit_code))
    assert wrong == []


def test_every_exit_code_is_explained():
    """The table of exit codes has a row for each class of error."""
    table = (ROOT / "docs/errors.md").read_text("utf-8").partition("## ")[0]
    for kind in CLASSES.values():
        assert re.search(rf"^\| {kind.exit_code} \|", table, re.MULTILINE)


def test_one_table_has_every_code_with_its_exit_codes():
    """The table at the top lists the codes as the program has them, with the exit codes of their sections."""
    table = (ROOT / "docs/errors.md").read_text("utf-8").partition("\n## ")[0]
    rows = re.findall(r"^\| \[(\S+)\]\(#(\S+)\) \| (.+?) \| (.+) \|$", table, re.MULTILINE)
    exits = {code: re.match(r"Exit code ([\d, or]+)\.", text)[1] for code, text in SECTIONS.items()}
    assert rows == [(code.slug, code.slug, exits[code.slug], code.meaning) for code in CODES.values()]

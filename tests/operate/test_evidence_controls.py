"""The controls of evidence, against the rules that they are of, the tests that they name, and their page."""

import re
from pathlib import Path

import pytest

from a360.operate._evidence import CHECKS, CONTROLS, markdown, says_of

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/hipaa.md").read_text("utf-8")
ALL = [(rule, control) for rule in CONTROLS for control in rule.controls]

# Appendix A to subpart C of part 164, with 164.314 and 164.316: S is a standard, R and A are specifications.
SECURITY = """
164.308(a)(1)(i) S (ii)(A) R (ii)(B) R (ii)(C) R (ii)(D) R
164.308(a)(2) S
164.308(a)(3)(i) S (ii)(A) A (ii)(B) A (ii)(C) A
164.308(a)(4)(i) S (ii)(A) R (ii)(B) A (ii)(C) A
164.308(a)(5)(i) S (ii)(A) A (ii)(B) A (ii)(C) A (ii)(D) A
164.308(a)(6)(i) S (ii) R
164.308(a)(7)(i) S (ii)(A) R (ii)(B) R (ii)(C) R (ii)(D) A (ii)(E) A
164.308(a)(8) S
164.308(b)(1) S (2) S (3) R
164.310(a)(1) S (2)(i) A (2)(ii) A (2)(iii) A (2)(iv) A
164.310(b) S
164.310(c) S
164.310(d)(1) S (2)(i) R (2)(ii) R (2)(iii) A (2)(iv) A
164.312(a)(1) S (2)(i) R (2)(ii) R (2)(iii) A (2)(iv) A
164.312(b) S
164.312(c)(1) S (2) A
164.312(d) S
164.312(e)(1) S (2)(i) A (2)(ii) A
164.314(a)(1) S (2)(i) R (2)(ii) R (2)(iii) R
164.314(b)(1) S (2) R
164.316(a) S
164.316(b)(1) S (2)(i) R (2)(ii) R (2)(iii) R
"""
KINDS = {"S": "standard", "R": "required", "A": "addressable"}
PRIVACY = {
    "164.502": "abdefghi",
    "164.504": "",
    "164.506": "",
    "164.508": "",
    "164.510": "",
    "164.512": "",
    "164.514": "abcdefgh",
    "164.520": "",
    "164.522": "ab",
    "164.524": "abcde",
    "164.526": "abcdef",
    "164.528": "abcd",
}
PART_2 = "12 13 16 19 22 23 24 25 26 31 32 33 51 52 53 54 61"


def security():
    """Every paragraph of the Security Rule with its kind."""
    for line in SECURITY.split("\n"):
        if not line:
            continue
        first, kind, *rest = line.split()
        yield first, KINDS[kind]
        stem = first if first.count("(") == 1 else first.rpartition("(")[0]
        for paragraph, letter in zip(rest[::2], rest[1::2], strict=True):
            yield stem + paragraph, KINDS[letter]


def test_every_paragraph_of_the_security_rule_is_there():
    """Each standard and specification of 164.308 to 164.316 is a control, in order and of its kind."""
    wanted = list(security())
    assert len(wanted) == 66
    assert [(c.id, c.kind) for rule, c in ALL if rule.rule.startswith("Security Rule")] == wanted


def test_paragraphs_of_the_privacy_rule_and_part_2_are_there():
    """No section of 164.502 to 164.528 and none of part 2 that a lake has to do with is passed over."""
    ids = [control.id for _, control in ALL]
    for section, letters in PRIVACY.items():
        for letter in letters or [""]:
            paragraph = section + (f"({letter})" if letter else "")
            assert any(each.startswith(paragraph) for each in ids), paragraph
    for number in PART_2.split():
        assert any(each.startswith(f"42 CFR 2.{number}") for each in ids), number


def test_what_is_proposed_is_called_so():
    """Each control of a rule that is not in force says so in its name and its heading, and no other does."""
    for rule, control in ALL:
        proposed = rule.status == "proposed"
        assert control.id.startswith("proposed ") == proposed
        assert rule.rule.startswith("PROPOSED, not in force") == proposed
    assert any(rule.status == "proposed" for rule in CONTROLS)


def test_a_control_stands_once():
    """No citation is told of twice."""
    assert len({control.id for _, control in ALL}) == len(ALL)


@pytest.mark.parametrize("control", [control for _, control in ALL], ids=lambda control: control.id)
def test_what_is_claimed_is_proven(control):
    """What the software does has a page and proofs; what is outside of it has neither, and is told."""
    proofs = [*control.checks, *control.tests]
    assert bool(control.does) == bool(proofs) == bool(control.page)
    assert control.does or control.yours
    assert len(set(proofs)) == len(proofs)
    assert control.page is None or (ROOT / "docs" / control.page).is_file()


def test_every_test_that_is_named_exists():
    """A control names tests that are there, each with a sentence that says what it proves."""
    named = {test for _, control in ALL for test in control.tests}
    says = says_of(ROOT, named)
    assert sorted(named - says.keys()) == []
    assert all(says.values())


def test_every_check_proves_something():
    """Each check that a control names is there, and each that is there is named."""
    assert {check for _, control in ALL for check in control.checks} == set(CHECKS)


def test_the_page_on_evidence_lists_the_checks():
    """docs/evidence.md has a row for each check, in the words of the bundle."""
    text = (ROOT / "docs/evidence.md").read_text("utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \| (.+) \|$", text.partition("## The checks")[2], re.MULTILINE)
    assert dict(rows) == {name: check.says for name, check in CHECKS.items()}


def test_the_page_is_made_of_the_controls():
    """docs/hipaa.md has the controls as they are declared: `python tools/hipaa_page.py` makes it so."""
    assert PAGE.endswith(f"\n\n{markdown()}")


def test_nobody_is_called_compliant():
    """Neither page nor controls say that software or anybody is compliant or certified."""
    told = PAGE + (ROOT / "docs/evidence.md").read_text("utf-8") + markdown()
    assert re.findall(r"(?i)\b(?:hipaa[- ])?(?:compliant|certified)\b", told) == []
    assert "HIPAA-aligned" in PAGE

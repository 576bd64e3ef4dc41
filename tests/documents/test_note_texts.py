"""What a note says, and where: texts of every kind reduced to one text with sections."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a360.documents import KINDS, TURNS, NoteText, read_note

_TYPES = ("text/plain", "text/markdown", "text/html", "text/vtt", TURNS)


def _read(text: str, content_type: str) -> NoteText:
    note = read_note(text.encode(), content_type)
    assert note is not None
    return note


def _kinds(note: NoteText) -> list[tuple[str, str]]:
    return [(each.kind, note.text[each.body : each.end].strip()) for each in note.sections]


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0")), st.sampled_from(_TYPES))
def test_sections_cover_a_text_in_order_without_overlap(text: str, content_type: str) -> None:
    """Whatever a text holds, its sections lie within it, in order, each ending where the next begins."""
    note = read_note(text.encode(), content_type)
    if note is None:
        assert content_type in {"text/vtt", TURNS}
        return
    at = note.sections[0].start if note.sections else 0
    for each in note.sections:
        assert each.kind in KINDS
        assert each.start == at
        assert each.start <= each.body <= each.end <= len(note.text)
        at = each.end
    if note.sections:
        assert at == len(note.text)


@given(st.binary(), st.sampled_from((*_TYPES, "text/plain; charset=latin-1", "image/png", "")))
def test_bytes_of_any_kind_are_read_or_refused(data: bytes, content_type: str) -> None:
    """No bytes raise; what is no text of its type is None."""
    note = read_note(data, content_type)
    if not content_type.startswith("text/"):
        assert note is None


@given(st.lists(st.sampled_from(["# Plan", "## Assessment", "some words", "", "Jane Doe was here"])))
def test_markdown_headings_are_the_lines_that_begin_with_hashes(lines: list[str]) -> None:
    """Each heading of Markdown begins a section at its own line, and nothing else does."""
    text = "\n".join(lines)
    note = _read(text, "text/markdown")
    begun = [note.text[each.start :].split("\n")[0] for each in note.sections if each.kind != "preamble"]
    assert begun == [line for line in lines if line.startswith("#")]


def test_plain_headings_are_told_from_sentences() -> None:
    """Capitals, a colon alone on a line and usual headings before text begin sections; other lines do not."""
    note = _read(
        "Seen today.\nHPI: two years\nPROCEDURE DETAILS\n20 units\nShe said: thank you\nJane:\nhi",
        "text/plain",
    )
    assert _kinds(note) == [
        ("preamble", "Seen today."),
        ("history_of_present_illness", "two years"),
        ("procedure", "20 units\nShe said: thank you"),
        ("other", "hi"),
    ]


def test_a_heading_is_never_told_in_words() -> None:
    """What a section tells holds no word of its heading, which may name a person."""
    note = _read("# Visit of Jane Doe\nfine\n# Plan\nnone", "text/markdown")
    told = json.dumps([each.to_json() for each in note.sections])
    assert "Jane" not in told
    assert [each.kind for each in note.sections] == ["other", "plan"]


def test_html_is_reduced_to_what_a_reader_sees() -> None:
    """Tags, scripts and the head go; blocks become lines, entities characters, headings sections."""
    note = _read(
        "<html><head><title>no</title></head><body><h2>Plan</h2><p>Do&nbsp;it &amp; go<br>now</p>"
        "<script>alert(1)</script><table><tr><td>a</td><td>b</td></tr></table></body></html>",
        "text/html",
    )
    assert note.text == "Plan\nDo it & go\nnow\na b \n"
    assert [(each.kind, each.level) for each in note.sections] == [("plan", 2)]


def test_webvtt_gives_turns_with_times() -> None:
    """Each voice of a cue is a turn with its times; notes, styles and identifiers of cues are none."""
    note = _read(
        "WEBVTT - visit\n\nNOTE by Jane\n\nSTYLE\n::cue {}\n\nintro\n00:00:01.000 --> 00:00:04.500\n"
        "<v Dr. Amara>How are <b>you</b>?\n<v Jane>Fine &amp; well\n\n01:05.000 --> 01:06.000\nunlabelled\n",
        "text/vtt",
    )
    assert note.text == "Dr. Amara: How are you?\nJane: Fine & well\nunlabelled\n"
    assert [(each.speaker, each.role, each.from_ms, each.to_ms) for each in note.sections] == [
        (1, "clinician", 1000, 4500),
        (2, None, 1000, 4500),
        (None, None, 65000, 66000),
    ]


def test_json_turns_and_labelled_text_read_alike() -> None:
    """A transcript says the same whether its turns are JSON or labelled lines."""
    turns = [
        {"speaker": "Doctor", "text": "hello"},
        {"speaker": "Patient", "text": "hi"},
        {"speaker": "Doctor", "text": "bye"},
    ]
    as_json = _read(json.dumps({"turns": turns}), TURNS)
    as_text = _read("Doctor: hello\nPatient: hi\n\nDoctor: bye\n", "text/plain")
    assert as_json == as_text
    assert [each.role for each in as_json.sections] == ["clinician", "patient", "clinician"]


def test_a_note_with_headings_is_no_transcript() -> None:
    """Labels of which none is a role's, or that stand once each, are headings."""
    for text in ("Plan: a\nAssessment: b\nPlan: c\n", "Doctor: a\nPlan: b\n"):
        assert all(each.kind != "turn" for each in _read(text, "text/plain").sections)


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (b"\xff\xfe\x00", "text/plain"),
        (b"caf\xe9", "text/plain"),
        (b"a\0b", "text/plain"),
        (b"no cues", "text/vtt"),
        (b"{}", TURNS),
        (b'[{"text": 3}]', TURNS),
        (b"x", "text/plain; charset=nonsense"),
    ],
)
def test_bytes_that_are_not_what_their_type_says_are_no_note(data: bytes, content_type: str) -> None:
    """Wrong encodings, binary bytes and transcripts that are none give nothing rather than a guess."""
    assert read_note(data, content_type) is None


@pytest.mark.parametrize("part", ["<v ", "<", "<v.x", "A:", "A ", "# ", "\n---", "\nand so on, line by line"])
@pytest.mark.parametrize("content_type", ["text/plain", "text/markdown", "text/vtt"])
def test_no_text_takes_long_to_read(part: str, content_type: str) -> None:
    """What is written to keep a reader busy is read about as fast as anything else."""
    opening = "Doctor: Hello" if content_type == "text/plain" else "WEBVTT\n\n00:01.000 --> 00:02.000\n"
    began = time.process_time()
    read_note(f"{opening}{part * 100_000}".encode(), content_type)
    assert time.process_time() - began < 5


def test_charsets_and_line_ends() -> None:
    """A declared charset and byte-order marks are obeyed; line ends become LF everywhere."""
    assert _read("a", "text/plain").text == "a"
    note = read_note("caf\u00e9\r\nx\ry".encode("windows-1252"), 'text/plain; charset="windows-1252"')
    assert note is not None
    assert note.text == "caf\u00e9\nx\ny"
    marked = read_note("\ufeffcaf\u00e9".encode("utf-16-le"), "text/plain")
    assert marked is not None
    assert marked.text == "caf\u00e9"

"""ER7 to messages: framing, batches, delimiters, character sets, and faults as values."""

from io import BytesIO

import pytest
from hl7v2_messages import HEADER, PID, er7
from hypothesis import given
from hypothesis import strategies as st

from a360.hl7v2 import Message, as_utf8, parse, parse_stream
from a360.hl7v2._escape import escape, unescape

TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12)
VALUE = TEXT.map(escape)
FIELD = st.lists(
    st.lists(st.lists(VALUE, min_size=1, max_size=2).map("&".join), min_size=1, max_size=3).map("^".join),
    min_size=1,
    max_size=2,
).map("~".join)
NAME = st.from_regex(r"Z[A-Z0-9]{2}", fullmatch=True)
SEGMENT = st.tuples(NAME, st.lists(FIELD, min_size=1, max_size=5)).map(
    lambda found: "|".join((found[0], *found[1]))
)


def one(data):
    """The one message of a file that is taken."""
    parsed = parse(data)
    assert not parsed.rejects
    assert len(parsed.messages) == 1
    return parsed.messages[0]


def rejected(data):
    """The rules a file breaks."""
    parsed = parse(data)
    assert not parsed.messages
    return [reject.rule for reject in parsed.rejects]


@given(st.lists(SEGMENT, max_size=5))
def test_what_is_parsed_and_written_again_is_the_same(segments):
    """Canonical ER7 comes back byte for byte: nothing in it is lost, reordered or changed."""
    header = HEADER.format(kind="ADT^A08", control="1") + "||||||UNICODE UTF-8"
    data = "".join(f"{line}\r" for line in (header, *segments)).encode()
    assert one(data).encode().encode() == data


@given(st.text(st.characters(exclude_categories=("Cs", "Cc"))))
def test_escaping_and_unescaping_give_the_text_back(text):
    """Any text can be put inside a field and read out again."""
    assert unescape(escape(text)) == text
    assert not set(escape(text)) & set("|^&~")


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        (r"a\F\b\S\c\T\d\R\e\E\f", "a|b^c&d~e\\f"),
        (r"one\.br\two", "one\ntwo"),
        (r"\H\bold\N\ plain", "bold plain"),
        (r"caf\XC3A9\ and \XE9\ ", "café and é "),
        (r"a\.sp2\b", "a\n\nb"),
        (r"kept \Zfoo\ and \XGG\ and \C2842\ ", r"kept \Zfoo\ and \XGG\ and \C2842\ "),
        ("a lone \\ stays", "a lone \\ stays"),
    ],
)
def test_escape_sequences_mean_what_the_standard_says(sent, meant):
    """Known sequences are resolved; those that are not known stay as they were sent."""
    assert unescape(sent) == meant


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\r\r\n"])
@pytest.mark.parametrize(("before", "after"), [("", ""), ("\x0b", "\x1c\r"), ("\ufeff", "")])
def test_lines_and_framing_do_not_matter(end, before, after):
    """CR, LF, both, MLLP's framing bytes and a byte order mark all give the same message."""
    text = before + end.join((HEADER.format(kind="ADT^A08", control="1"), PID, "ZZZ|a")) + after
    message = one(text.encode())
    assert [segment.name for segment in message.segments] == ["MSH", "PID", "ZZZ"]
    assert message.first("PID").text(3) == "12345"
    assert message.first("ZZZ").text(1) == "a"


def test_other_delimiters_give_the_same_message():
    """A sender's own delimiters are read as the header says; the usual ones are then plain text."""
    header = "MSH!:~?%!EHR!CLINIC!!!20260102!!ADT:A08!1!P!2.5.1"
    message = one(f"{header}\rPID!1!!12345:::MAIN!!Doe|x:Jane&Co\r".encode())
    assert (message.code, message.event) == ("ADT", "A08")
    assert message.first("PID").text(5, 1) == "Doe|x"
    assert message.first("PID").text(5, 2) == "Jane&Co"


def test_null_and_absent_are_told_apart():
    """Two quotes ask that a value be deleted, which an empty field does not."""
    segment = one(er7("ADT^A08", 'PID|1|""||')).first("PID")
    assert segment.is_null(2)
    assert not segment.is_null(3)
    assert segment.text(2) == segment.text(3) == segment.text(40) == ""


def test_a_value_cut_by_the_sender_is_noted():
    """With a truncation character in the header, its mark is taken off and the message says so."""
    header = HEADER.replace("^~\\&", "^~\\&#")
    message = one(er7("ADT^A08", "PID|1||12345#^^^MAIN", header=header))
    assert message.first("PID").text(3) == "12345"
    assert [note.rule for note in message.notes] == ["truncated"]


def test_batches_and_bare_messages_are_cut_apart():
    """A batch, or messages one after another, give each message its place; a wrong count is noted."""
    inner = er7("ADT^A08", PID).decode()
    batch = f"FHS|^~\\&|X\rBHS|^~\\&|X\r{inner}{inner}BTS|3\rFTS|1\r".encode()
    parsed = parse(batch)
    assert [message.position for message in parsed.messages] == [1, 2]
    assert [(note.rule, note.detail) for note in parsed.notes] == [("batch-count", "says 3, found 2")]
    assert len(parse((inner * 3).encode()).messages) == 3


def test_a_line_break_in_a_value_is_joined():
    """Text in which a line break was sent unescaped goes on in the field where it broke off."""
    message = one(er7("ADT^A08", "NTE|1||first", "second line|RE"))
    assert unescape(message.first("NTE").raw(3)) == "first\nsecond line"
    assert message.first("NTE").text(4) == "RE"
    assert [note.rule for note in message.notes] == ["line-break-joined"]


@pytest.mark.parametrize(
    ("declared", "encoding"), [("8859/1", "latin-1"), ("UNICODE UTF-8", "utf-8"), ("8859/15", "iso8859-15")]
)
def test_the_declared_character_set_is_used(declared, encoding):
    """Names come out right in every character set the header may declare."""
    header = HEADER + f"||||||{declared}"
    data = er7("ADT^A08", "PID|1||1||Müller^Zoé", header=header).decode().encode(encoding)
    assert one(data).first("PID").text(5) == "Müller"


@pytest.mark.parametrize(
    ("declared", "data"),
    [
        ("UNICODE UTF-8", b"M\xfcller"),
        ("ASCII", "Müller".encode()),
        ("8859/1", "Šárka".encode()),
        ("", b"M\xfcller"),
    ],
)
def test_bytes_of_another_character_set_are_refused(declared, data):
    """What was declared and what was sent must agree: a name is not guessed."""
    header = (HEADER + f"||||||{declared}").format(kind="ADT^A08", control="1").encode()
    assert rejected(header + b"\rPID|1||1||" + data + b"\r") == ["encoding"]


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "no-msh"),
        (b"PID|1||2\r", "no-msh"),
        (b"not HL7 at all", "no-msh"),
        (b"MSH|^~^&|A|B\r", "delimiters"),
        (b"MSH\r", "delimiters"),
        (b"MSHabcdef\r", "delimiters"),
        (b"MSH|^~\\&|A|B|C|D|2026||ADT^A08|1|P|9.9\r", "version-unknown"),
        (b"MSH|^~\\&|A|B|C|D|2026||ADT^A08|1|P|\r", "version-unknown"),
        (b"MSH|^~\\&|A|B|C|D|2026|||1|P|2.5\r", "no-type"),
        (b"MSH|^~\\&|A|B|C|D|2026||ADT^A08|1|P|2.5||||||KLINGON\r", "charset-unknown"),
    ],
)
def test_what_cannot_be_a_message_is_refused_by_rule(data, rule):
    """Each fault has a rule of its own, and is a value, not an exception."""
    assert rejected(data) == [rule]


@given(st.binary(max_size=300))
def test_no_bytes_make_the_parser_fail(data):
    """Whatever comes in, the parser answers with messages or with rules."""
    parse(data)
    parse(b"MSH|^~\\&|" + data)


def test_faults_say_nothing_of_the_patient():
    """A refused message is described by rule, segment and field alone."""
    header = HEADER.format(kind="ADT^A08", control="1").encode()
    parsed = parse(header + b"\rPID|1||SECRET||M\xfcller\r")
    assert "SECRET" not in str(parsed.rejects[0])
    assert "ller" not in str(parsed.rejects[0])


class Trickle(BytesIO):
    """A file that gives a few bytes at a time."""

    def read(self, size=-1):
        """No more than seven bytes, however many are asked for."""
        return super().read(min(size, 7) if size > 0 else size)


@given(
    st.lists(SEGMENT, max_size=3),
    st.sampled_from(["\r", "\n", "\r\n", "\r\n\n"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
    st.integers(1, 3),
)
def test_a_file_read_in_pieces_gives_what_it_gives_as_a_whole(segments, end, encoding, times):
    """Wherever the pieces are cut, the same messages come out at the same places."""
    header = HEADER.format(kind="ADT^A08", control="1") + "||||||UNICODE UTF-8"
    text = end.join(("BHS|^~\\&", *(header, *segments, "PID|1||Zoé") * times, f"BTS|{times + 1}", ""))
    data = text.encode(encoding)
    whole = parse(data)
    found = list(parse_stream(Trickle(data)))
    messages = [each for each in found if isinstance(each, Message)]
    assert [each.encode() for each in messages] == [each.encode() for each in whole.messages]
    assert [each.position for each in messages] == list(range(1, times + 1))
    assert [each for each in found if not isinstance(each, Message)] == [*whole.rejects, *whole.notes]


@pytest.mark.parametrize("junk", ["PID|1||" + "9" * 5000, "\r".join(["NTE|1||more"] * 500)])
def test_a_message_that_is_too_large_is_refused_and_the_next_is_taken(junk):
    """What does not fit is refused where it stands, without being held, and reading goes on."""
    data = er7("ADT^A08", PID) + er7("ADT^A08", junk) + er7("ADT^A08", PID, control="3")
    first, large, last = parse_stream(Trickle(data), most=1000)
    assert (first.position, last.position) == (1, 3)
    assert (large.rule, large.position) == ("too-large", 2)
    assert last.control_id == "3"


@pytest.mark.parametrize("data", [b"", b"PID|1", b"\xff\xfeabc"])
def test_a_file_without_messages_is_refused_in_pieces_too(data):
    """Nothing to read is a fault of the file."""
    assert [reject.rule for reject in parse_stream(BytesIO(data))] == [
        reject.rule for reject in parse(data).rejects
    ]


# A NUL at the beginning of UTF-16 would make its mark that of UTF-32.
_TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=2)


@given(_TEXTS, st.sampled_from(["utf-8-sig", "utf-16", "utf-32"]), st.integers(1, 5))
def test_a_mark_says_the_unicode_form_however_small_the_pieces(text, form, size):
    """What an archive gives byte by byte is read as what it gives at once."""
    data = text.encode(form)
    pieces = (data[at : at + size] for at in range(0, len(data), size))
    assert b"".join(as_utf8(pieces)).decode() == text

"""HL7 v2 messages cut out of whatever they come in, however a file comes in pieces."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a360.hl7v2 import Options, parse
from a360.ingest import Limits
from a360.ingest._bytes import ByteSource
from a360.ingest._hl7v2_convert import Made, make
from a360.ingest._hl7v2_text import BatchCount, RawMessage, read_messages

MESSAGE = b"MSH|^~\\&|EMR|CLINIC|LAKE|A360|20260301120000||ADT^A28|1|P|2.5.1\rPID|1||M1\r"
LINES = st.sampled_from(
    ["MSH|^~\\&|A", "PID|1", "BHS|^~\\&", "FHS|^~\\&", "BTS|2", "FTS|1", "", " ", "text", "MS"]
)
ENDS = st.sampled_from(["\r", "\n", "\r\n", "\r\r", "\x1c\r\x0b", "\n\x0b"])


class Pieces:
    """Bytes in small pieces, as a file might give them."""

    def __init__(self, data, size):
        self.data, self.size = data, size

    def pieces(self):
        """The pieces."""
        return (self.data[at : at + self.size] for at in range(0, len(self.data), self.size))


@given(st.lists(st.tuples(LINES, ENDS), max_size=12), st.integers(1, 9))
def test_messages_are_cut_as_the_parser_cuts_them(lines, size):
    """However a file comes in pieces, what comes out is what the parser finds in all of it."""
    data = "".join(line + end for line, end in lines).encode()
    found = [
        block for block in read_messages(0, Pieces(data, size), Limits()) if not isinstance(block, BatchCount)
    ]
    wanted = parse(data)
    assert len(found) == len(wanted.messages) + len(wanted.rejects)
    assert [block.text.startswith(b"MSH") for block in found] == [
        each.rule != "no-msh" for each in sorted([*wanted.messages, *wanted.rejects], key=_position)
    ] or not wanted.messages
    assert all(data[block.offset :].startswith(block.text[:3]) for block in found)


def _position(each):
    return each.position


def test_a_message_longer_than_a_line_may_be_is_refused_with_little_of_it():
    """What is too long is passed over, without being held, up to the next message."""
    data = b"MSH|" + b"x" * 5000 + b"\rMSH|next\r"
    limits = Limits(line_bytes=1000, kept_bytes=64)
    first, second = read_messages(0, Pieces(data, 300), limits)
    assert (first.rule.value, len(first.raw)) == ("too-long", 64)
    assert (second.text, second.offset) == (b"MSH|next", 5005)


def test_utf16_is_read_by_its_byte_order_mark():
    """A file in UTF-16 gives the messages that it would in UTF-8."""
    [found] = read_messages(0, Pieces(MESSAGE.decode().encode("utf-16"), 7), Limits())
    assert found == RawMessage(0, 0, MESSAGE.rstrip(b"\r"))


def test_bytes_of_an_archive_are_unpacked(tmp_path):
    """gzip is told by its bytes."""
    file = tmp_path / "messages"
    file.write_bytes(gzip.compress(MESSAGE + MESSAGE))
    with ByteSource(file, Limits()) as source:
        assert len(list(read_messages(0, source, Limits()))) == 2


@pytest.mark.parametrize("time", ["", "yesterday"])
def test_a_message_need_not_say_when_it_was_sent(time):
    """Without a time in MSH-7, which old versions leave optional, a message lands with all it became."""
    found = make(f"MSH|^~\\&|EHR|C|||{time}||ADT^A08|1|P|2.3\rPID|||9||A^B\r".encode(), Options())
    assert isinstance(found, Made)
    assert found.sent is None
    assert "Patient" in [kind for kind, _, _ in found.resources]

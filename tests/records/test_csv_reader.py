"""CSV as Python's csv module reads it, with the line of each row, whatever stands in it."""

import csv
import io
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a360.records._csv import Bounds, CsvReader, Form, Header, Rows, Wrong
from a360.records._csv_cells import cells_of

TEXTS = st.text(st.sampled_from('ab,;"\n\r \t\\é€\u2028'), max_size=6)


def pieces_of(data, size):
    """Bytes in pieces of a size."""
    return (data[at : at + size] for at in range(0, len(data), size))


def read(data, form=None, bounds=None, size=7):
    """The header, the rows that have all cells with their lines, and the faults of a file."""
    form = form or Form()
    header, rows, lines, faults = None, [], [], []
    for piece in CsvReader(pieces_of(data, size), form, bounds or Bounds()):
        if isinstance(piece, Header):
            header = list(piece.names)
        elif isinstance(piece, Rows):
            cells = cells_of(piece, len(header), form, 1000)
            rows += [list(row.values()) for row in cells.columns.to_pylist()]
            lines += cells.rows.lines.tolist()
            faults += cells.faults
        else:
            faults.append(piece)
    return header, rows, lines, sorted(faults, key=lambda fault: fault.line)


def oracle(text, delimiter=","):
    """Rows as the csv module reads them, with the line each begins in; blank lines left out."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    found, line = [], 1
    for row in reader:
        if row:
            found.append((row, line))
        line = reader.line_num + 1
    return found


@settings(max_examples=300, deadline=None)
@given(
    rows=st.lists(st.lists(TEXTS, min_size=2, max_size=2), max_size=12),
    ending=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    delimiter=st.sampled_from([",", ";", "\t"]),
    chunk=st.integers(8, 60),
)
def test_what_is_written_is_read(rows, ending, encoding, delimiter, chunk):
    """Rows that the csv module has written come back cell for cell, in any encoding and in any pieces."""
    out = io.StringIO(newline="")
    # The module quotes the line break it ends lines with, and no other.
    broken = any({"\r", "\n"} & set(cell) for row in rows for cell in row)
    quoting = csv.QUOTE_ALL if broken else csv.QUOTE_MINIMAL
    writer = csv.writer(out, delimiter=delimiter, lineterminator=ending, quoting=quoting)
    writer.writerows([["one", "two"], *rows])
    data = out.getvalue().encode(encoding)
    form = Form("utf-16" if encoding == "utf-16" else "utf-8", delimiter)
    header, found, lines, faults = read(data, form, Bounds(chunk, 4000))
    assert (header, found, faults) == (["one", "two"], rows, [])
    assert lines == [line for _, line in oracle(out.getvalue(), delimiter)[1:]]


@settings(max_examples=600, deadline=None)
@given(text=st.text(st.sampled_from('ab,"\n\r '), max_size=40), chunk=st.integers(8, 60))
def test_any_text_is_read_as_the_csv_module_reads_it(text, chunk):
    """Stray quotes, ragged rows and odd line breaks mean what they mean to the csv module."""
    body = text + '"\n' if _is_open(text) else text
    expected = oracle(body)
    _, found, lines, faults = read(("x,y\n" + body).encode(), bounds=Bounds(chunk, 4000))
    good = [(row, line + 1) for row, line in expected if len(row) == 2]
    assert list(zip(found, lines, strict=True)) == good
    assert [fault.line for fault in faults] == [line + 1 for row, line in expected if len(row) != 2]


def _is_open(text):
    """Whether a text ends within quotes: the csv module cannot tell, a line more then stays in one cell."""
    rows = list(csv.reader(io.StringIO(text + "\nz,z,z", newline="")))
    return not rows or rows[-1] != ["z", "z", "z"]


@pytest.mark.parametrize("size", [1, 3, 10_000])
def test_a_quote_that_never_closes_costs_one_line(size):
    """The line with the quote is refused with its number; all behind it is read."""
    body = b'a,b\n1,2\n3,"4\n' + b"".join(b"%d,x\n" % at for at in range(2000))
    _, rows, lines, faults = read(body, bounds=Bounds(500, 300), size=size)
    assert [(fault.rule, fault.line, fault.raw) for fault in faults] == [(Wrong.UNCLOSED_QUOTE, 3, b'3,"4')]
    assert len(rows) == 2001
    assert lines == [2, *range(4, 2004)]


def test_a_line_that_never_ends_is_held_in_part():
    """A line of more bytes than a record may have is refused, however long, and the next one is read."""
    body = b"a,b\n" + b"x" * 5000 + b"\r\n1,2\r\n"
    _, rows, lines, [fault] = read(body, bounds=Bounds(100, 50, 20))
    assert (rows, lines) == ([["1", "2"]], [3])
    assert (fault.rule, fault.line, fault.raw) == (Wrong.TOO_LONG, 2, b"x" * 20)


@pytest.mark.parametrize(
    ("encoding", "raw", "good"),
    [
        ("utf-8", b"1,\xff\xe9", "é"),
        ("windows-1252", b"1,\x81", "€"),
        ("utf-16-le", "1,".encode("utf-16-le") + b"\x00\xd8", "€"),
    ],
)
def test_wrong_bytes_cost_their_row(encoding, raw, good):
    """A row with bytes that are not of the encoding is refused as it stood; its neighbours are read."""
    line = "\n".encode(encoding)
    data = f"a,b\n0,{good}\n".encode(encoding) + raw + line + f"2,{good}\n".encode(encoding)
    _, rows, lines, [fault] = read(data, Form(encoding))
    assert (rows, lines) == ([["0", good], ["2", good]], [2, 4])
    assert (fault.rule, fault.line, fault.raw) == (Wrong.ENCODING, 3, raw)


def test_nul_bytes_cost_their_row():
    """A row with a NUL byte is refused."""
    _, rows, _, [fault] = read(b"a,b\n1,2\n3,\x00\n5,6\n")
    assert rows == [["1", "2"], ["5", "6"]]
    assert (fault.rule, fault.line) == (Wrong.NUL, 3)


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"a,b,a\n1,2,3\n", Wrong.DUPLICATE_COLUMNS),
        (b'a,"b\n1,2\n', Wrong.BAD_HEADER),
        (b"PK\x03\x04....", Wrong.UNKNOWN_FORMAT),
        ("a,b\n1,2\n".encode("utf-16"), Wrong.UNKNOWN_FORMAT),
        (b"a,\xff\n1,2\n", Wrong.ENCODING),
    ],
)
def test_a_file_without_a_sound_header_is_refused(data, rule):
    """Where the header cannot be told, no row is read."""
    header, rows, _, [fault] = read(data)
    assert (header, rows, fault.rule) == (None, [], rule)


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_an_empty_file_has_nothing(data):
    """A file without a header has no rows and no faults."""
    assert read(data) == (None, [], [], [])


def test_a_header_alone_has_no_rows():
    """A file of a header without rows, with or without a line break."""
    assert read(b"a,b\n") == (["a", "b"], [], [], [])
    assert read(b"a,b") == (["a", "b"], [], [], [])


def test_lines_before_the_header_are_passed_over():
    """`skip` counts lines of the file, whatever stands in them."""
    header, rows, lines, _ = read(b'My "clinic\nas of today\na,b\n1,2\n', Form(skip=2))
    assert (header, rows, lines) == (["a", "b"], [["1", "2"]], [4])


def test_a_column_without_a_name_has_its_number():
    """A delimiter at the end of every line makes a column, which is named by its place."""
    header, rows, _, _ = read(b"a,b,\n1,2,\n")
    assert (header, rows) == (["a", "b", "column 3"], [["1", "2", ""]])


def test_without_quotes_a_quote_is_a_character():
    """Where the contract says there is no quoting, quotes are text."""
    _, rows, _, faults = read(b'a\tb\n5" needle\t"x\n', Form(delimiter="\t", quote=None))
    assert (rows, faults) == ([['5" needle', '"x']], [])


def test_what_could_not_be_unpacked_is_no_row():
    """Of a file that breaks off, the row it breaks off in is not taken for whole."""
    rows = [
        piece
        for piece in CsvReader(iter([b"a,b\n1,2\n3,4"]), Form(), is_whole=lambda: False)
        if isinstance(piece, Rows)
    ]
    assert [len(each) for each in rows] == [1]
    assert re.fullmatch(rb"1,2", rows[0].raw(0))


def test_a_header_of_very_many_columns_is_read_in_proportion():
    """Two columns of one name are found among hundreds of thousands in the time that reading them takes."""
    names = [f"c{at}" for at in range(100_000)]
    header, *_ = read(",".join(names).encode() + b"\n", size=1 << 20)
    assert header == names
    *_, [fault] = read(",".join([*names, "c7"]).encode() + b"\n", size=1 << 20)
    assert (fault.rule, fault.reason) == (
        Wrong.DUPLICATE_COLUMNS,
        "columns 8 and 100001 of the header have one name",
    )

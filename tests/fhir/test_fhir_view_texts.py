"""Functions of text and of parts of collections: the same values on every engine."""

import re

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a360.fhir import check_view, evaluate
from a360.fhir._typed._regex import PatternError, pattern_of

PATIENT = {
    "resourceType": "Patient",
    "name": [
        {"family": "A", "given": ["a", "b", "c"]},
        {"given": ["d"], "_given": [{"extension": [{"url": "u", "valueString": "x"}]}]},
        {"family": "é\n😀 "},
    ],
}


def quoted(text):
    """A FHIRPath string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


_MONTH_DAY_YEAR = r"\\b(?<month>\\d{1,2})/(?<day>\\d{1,2})/(?<year>\\d{2,4})\\b"
VALUES = [
    ("'abc'.indexOf('b')", 1),
    ("'abc'.indexOf('x')", -1),
    ("'abc'.indexOf('')", 0),
    ("''.indexOf('')", 0),
    ("'😀b'.indexOf('b')", 1),
    ("'abc'.indexOf({})", None),
    ("1 - 'abc'.indexOf('c')", -1),
    ("'abcd'.substring('abcd'.indexOf('c'))", "cd"),
    ("'x' & 'abc'.indexOf('c').toString()", "x2"),
    ("'abc'.replace('', 'x')", "xaxbxcx"),
    ("'a😀\\n'.replace('', '$1\\\\')", "$1\\a$1\\😀$1\\\n$1\\"),
    ("''.replace('', 'x')", "x"),
    ("'ab'.replace(''.substring(0) & '', '$\\\\' & 'x')", "$\\xa$\\xb$\\x"),
    ("'abc'.replace('', name[0].family)", "AaAbAcA"),
    ("'abc'.replace({}, 'x')", None),
    ("name[1].family.replace('', 'x')", None),
    ("'abc'.replace('abc'.substring(0, 1), 'x')", "xbc"),
    ("'\\t a \\n\\r'.trim()", "a"),
    ("'\\u00a0a'.trim()", "\u00a0a"),
    ("'abc'.startsWith('') and 'abc'.endsWith('') and 'abc'.contains('')", True),
    ("''.endsWith('') and ''.startsWith('') and ''.contains('')", True),
    ("'bc'.endsWith('abc')", False),
    ("name.given.tail().join(',')", "b,c,d"),
    ("name.given.skip(2).join(',')", "c,d"),
    ("name.given.skip(9).join(',')", ""),
    ("name.given.skip(-1).count()", 4),
    ("name.given.take(2).join(',')", "a,b"),
    ("name.given.take(0).join(',')", ""),
    ("name.given.take(-1).count()", 0),
    ("name.take(2).skip(1).given.first()", "d"),
    ("name.skip(2147483647).count() + name.take(2147483647).count()", 3),
    ("name.where(family.exists()).tail().family.first()", "é\n😀 "),
    ("name.tail().given.extension('u').value.ofType(string).first()", "x"),
    ("name[1].given.take(1).extension('u').value.ofType(string).first()", "x"),
    ("name.given.tail()[0]", "b"),
    ("address.tail().count()", 0),
    ("gender.tail()", None),
    ("name.family.first().take(1)", "A"),
    ("name.family.first().skip(1)", None),
    ("'abc'.matchesFull('b')", False),
    ("'abc'.matchesFull('a|abc')", True),
    ("'abc\\n'.matchesFull('abc')", False),
    ("'a\\nc'.matchesFull('a.c')", True),
    ("name[1].family.matches('a')", None),
    # The example of the FHIRPath specification.
    (f"'11/30/1972'.replaceMatches('{_MONTH_DAY_YEAR}', '${{day}}-${{month}}-${{year}}')", "30-11-1972"),
    ("'aXbX'.replaceMatches('X', '')", "ab"),
    ("'a.b'.replaceMatches('(a)|b', '<$1>')", "<a>.<>"),
    ("'abc'.replaceMatches('(b)(c)', '$2$1')", "acb"),
    ("'a\\n😀'.replaceMatches('.', 'x')", "xxx"),
    ("'abab'.replaceMatches('ab|a', 'x')", "xx"),
    ("'aaa'.replaceMatches('a+?', 'x')", "xxx"),
    ("'éa a'.replaceMatches('\\\\ba', 'x')", "éx x"),
    ("'it\\'s'.replaceMatches('\\'', '\"&0')", 'it"&0s'),
    ("gender.replaceMatches('a', 'b')", None),
]
# A text, a pattern, whether the pattern is found in it.
MATCHES = [
    ("abc", "b", True),
    ("abc", "^b", False),
    ("a\n", "a$", False),
    ("a\r", "a$", False),
    ("a\x85", "a$", False),
    ("\n", "^$", False),
    ("a\nb", "a.b", True),
    ("a\nb", "^b", False),
    ("a\nb", "a$", False),
    ("a\u2028b", "a.b", True),
    ("éa", r"\ba", True),
    ("éa", r"^\w", False),
    ("é", r"^\W$", True),
    ("é", r"^[\s\S]$", True),
    ("é", r"^[^a-z]$", True),
    ("é", r"^[à-ÿ]$", True),
    ("é", r"^É$", False),
    ("٣", r"\d", False),
    ("\u00a0", r"\s", False),
    ("\t", r"^\s$", True),
    ("😀", r"^.$", True),
    ("😀", r"^[😀]$", True),
    ("a]", r"^[\]a]+$", True),
    ("-&", r"^[a&-]+$", True),
    ("a{}", r"a\{}", True),
    ("x", "", True),
    ("", "^$", True),
    ("abab", "^(ab){2}$", True),
    ("ababab", "^(ab){2}$", False),
    ("aab", "^a{2}?b", True),
    ("aab", "^a{1,}?b", True),
    ("abc", "z|", True),
    ("it's a\\b ${x} x#y%", r"^it's a\\b \$\{x\} x#y%$", True),
    ("ab", r"a\bb", False),
    ("a b", r"a\b b", True),
    ("_a", r"\ba", False),
    ("axb", "a_b|a%b", False),
]
CASES = VALUES + [(f"{quoted(text)}.matches({quoted(regex)})", found) for text, regex, found in MATCHES]


def view_of(paths):
    """A view of a patient with a column for each path."""
    columns = [{"name": f"c{number}", "path": path} for number, path in enumerate(paths)]
    return {"resource": "Patient", "select": [{"column": columns}]}


def values(paths, engine="duckdb"):
    """The values of paths, from one view."""
    [row] = evaluate(view_of(paths), [PATIENT], engine)
    return list(row.values())


@pytest.mark.parametrize(("path", "expected"), CASES)
def test_functions_of_text(path, expected):
    """A function gives what FHIRPath says, of empty texts, line ends and characters of any script too."""
    assert values([path]) == [expected]


@pytest.mark.spark
@pytest.mark.usefixtures("spark_installed")
def test_functions_of_text_on_spark():
    """Spark gives what DuckDB gives."""
    assert values([path for path, _ in CASES], "spark") == [expected for _, expected in CASES]


@pytest.mark.parametrize(
    ("call", "found"),
    [
        ("matches('(?=a)')", "a group that begins with (?=a, at character 2 of the pattern"),
        ("matches('(?<!a)b')", "a group that begins with (?<!"),
        ("matches('(?i)a')", "a group that begins with (?i)"),
        ("matches('(?<a>x)(?<a>y)')", "a group that begins with (?<a"),
        ("matches('(a)\\\\1')", "\\1, at character 4"),
        ("matches('\\\\p{L}')", "\\p, at character 1"),
        ("matches('a\\\\')", "\\, at character 2"),
        ("matches('a++')", "+ after a repetition"),
        ("matches('*a')", "* with nothing before it to repeat"),
        ("matches('^*')", "a repetition of what may match nothing"),
        ("matches('(a*)*')", "a repetition of what may match nothing"),
        ("matches('(?:(?:a)+?)+')", "a repetition of a repetition, one of them lazy"),
        ("matches('a{,2}')", "a { that begins no count"),
        ("matches('a{3,2}')", "the count {3,2}"),
        ("matches('a{1001}')", "the count {1001}"),
        ("matches('(a{1000}){1000}')", "more than 5000 parts"),
        ("matches('(a')", "a ( without its )"),
        ("matches('a)')", "a ) without its ("),
        ("matches('[a')", "a [ without its ]"),
        ("matches('[]')", "an empty class"),
        ("matches('[^\\\\s\\\\S]')", "which no character is of"),
        ("matches('[z-a]')", "a range from what is not less"),
        ("matches('[a&&b]')", "& in a class"),
        ("matches('[[:alpha:]]')", "[ in a class"),
        ("matches('[\\\\b]')", "\\b in a class"),
        ("matches('\\\\B')", "\\B"),
        ("matches('" + "(" * 40 + ")" * 40 + "')", "groups nested deeper than 30"),
        ("matches(name.first().family)", "matches() with string that is not known"),
        ("replaceMatches('a*', 'x')", "a pattern that may match nothing"),
        ("replaceMatches('a', '$1')", "$1, which is no group of the pattern"),
        ("replaceMatches('(a)', '${b}')", "${b}, which is no group"),
        ("replaceMatches('(a)', '$')", "a $ or \\ in the substitution"),
        ("replaceMatches('(a)', '\\\\1')", "a $ or \\ in the substitution"),
        ("replaceMatches('(a)', '${1}0')", "a digit right after the reference"),
        ("indexOf(1)", "indexOf(integer) of code"),
    ],
)
def test_pattern_without_one_meaning_is_a_fault(call, found):
    """What engines read in several ways, or not at all, is one fault of the view and says what was found."""
    [fault] = check_view(view_of([f"gender.{call}"]))
    assert fault.pointer == "/select/0/column/0/path"
    assert found in fault.found
    assert fault.allowed


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("name.skip(gender)", "a number of items that is no whole number"),
        ("name.take()", "take() with 0 argument(s)"),
        ("name.tail(1)", "tail() with 1 argument(s)"),
        ("deceased.tail()", "items of a choice of types"),
        ("birthDate.matches('a')", "matches() of date"),
    ],
)
def test_faults_of_parts(path, found):
    """A number of items is known when compiling, and a pattern is of text."""
    [fault] = check_view(view_of([path]))
    assert found in fault.found


# Patterns with the same in the words of Python's `re`, the oracle.
_ATOMS = st.sampled_from(
    [
        (one, one)
        for one in ("a", "b", "é", ".", "^", r"\.", "[ab]", "[^a]", "[a-c-]", r"[\w.]", r"[^\W_]", r"\n")
    ]
    + [(one, one) for one in (r"\d", r"\D", r"\w", r"\W", r"\b", r"[\s\S]", "[^\\d\n]")]
    + [
        ("$", r"\Z"),
        (r"\s", r"[ \t\n\f\r]"),
        (r"\S", r"[^ \t\n\f\r]"),
        (r"[^\s]", r"[^ \t\n\f\r]"),
    ]
)
_SIGNS = st.sampled_from(["", "", "?", "*", "+", "{2}", "{0,2}", "*?", "+?", "??"])


def _deeper(inner):
    repeated = st.tuples(inner, _SIGNS).map(lambda p: tuple(f"(?:{side}){p[1]}" for side in p[0]))
    chained = st.lists(inner, min_size=1, max_size=3).map(lambda p: tuple(map("".join, zip(*p, strict=True))))
    either = st.tuples(inner, inner).map(lambda p: tuple(f"({x}|{y})" for x, y in zip(*p, strict=True)))
    return repeated | chained | either


PATTERNS = st.recursive(_ATOMS, _deeper, max_leaves=6)
TEXTS = st.text(st.sampled_from("ab c.é1_😀\n\t-"), max_size=5)


def agreements(pairs, texts):
    """Paths of matches and replacements for those patterns that are allowed, with what the oracle says."""
    found = []
    for ours, theirs in pairs:
        try:
            pattern = pattern_of(ours)
        except PatternError:
            continue
        oracle = re.compile(theirs, re.DOTALL | re.ASCII)
        for text in texts:
            path = f"{quoted(text)}.matches({quoted(ours)})"
            found.append((path, oracle.search(text) is not None))
            if not pattern.nullable:
                path = f"{quoted(text)}.replaceMatches({quoted(ours)}, '<>')"
                found.append((path, oracle.sub("<>", text)))
    return found or [("1", 1)]


@settings(deadline=None)
@given(st.lists(PATTERNS, min_size=1, max_size=5), st.lists(TEXTS, min_size=1, max_size=4))
def test_patterns_mean_what_they_mean_elsewhere(pairs, texts):
    """A pattern that is allowed finds and replaces what Python's `re` does with it."""
    cases = agreements(pairs, texts)
    assert values([path for path, _ in cases]) == [expected for _, expected in cases]


@pytest.mark.spark
@pytest.mark.usefixtures("spark_installed")
@settings(deadline=None, max_examples=15, derandomize=True)
@given(st.lists(PATTERNS, min_size=8, max_size=12), st.lists(TEXTS, min_size=3, max_size=4))
def test_patterns_mean_the_same_on_spark(pairs, texts):
    """A pattern that is allowed finds and replaces on Spark what Python's `re` does with it."""
    cases = agreements(pairs, texts)
    assert values([path for path, _ in cases], "spark") == [expected for _, expected in cases]


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("ab\\[]()?*+{}^$|.,12-:<>=!PwdsbWn &~#é\n'"), max_size=12))
def test_any_text_is_a_pattern_or_refused(text):
    """Any text at all is refused, or becomes a pattern that the engine takes."""
    try:
        written = pattern_of(text).text()
    except PatternError:
        return
    duckdb.execute("SELECT regexp_matches('', ?)", [written])

"""Texts go out without identifiers, or not at all."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a360.errors import OperatorError, UsageError
from a360.protect import LocalKeyStore, LocalTokenizer
from a360.trust.deid import Deidentifier, Identifier, Span

KNOWN = pa.table(
    {
        "patient_key": ["p1"] * 7 + ["p2"],
        "kind": ["name", "date", "phone", "email", "address", "number", "address", "name"],
        "value": [
            "Zoë Peñaloza",
            "1962-03-14",
            "+1 512 555 0199",
            "zoe.p@example.com",
            "45 Elm Street",
            "A360-104233",
            "Schenectady",
            "Zoë Peñaloza",
        ],
    }
)
NOTHING = frozenset({"known", "model"})


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    """A lake's tokenizer."""
    return LocalTokenizer(LocalKeyStore.create(tmp_path_factory.mktemp("deid") / "keys"))


@pytest.fixture(scope="module")
def reader(tokenizer):
    """All stages."""
    return Deidentifier(tokenizer, lambda _: KNOWN)


@pytest.fixture(scope="module")
def rules(tokenizer):
    """Known values and rules, which take no time."""
    return Deidentifier(tokenizer, lambda _: KNOWN, without=frozenset({"model"}))


def gone(reader, text, *values, subject="p1"):
    """What of these is still in the text."""
    done = reader.read([text], [subject])[0]
    return [value for value in values if value.lower() in done.text.lower()]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("seen by us: ZOE PENALOZA today", "PENALOZA"),
        ("peñaloza, zoë came in", "peñaloza"),
        ("spoke with Z.P. about it", "Z.P."),
        ("zoe penalosa asked for fillers", "penalosa"),
        ("dob 14.03.1962 as on file", "14.03.1962"),
        ("born on the 14th of March 1962", "14th of March"),
        ("cell 512-555-0199 as before", "0199"),
        ("cell (512)5550199 as before", "5550199"),
        ("mail Zoe.P@Example.com again", "Zoe.P"),
        ("still at 45 elm st. with mother", "elm"),
        ("chart a360 104233 pulled", "104233"),
        ("drove in to schenectady first", "schenectady"),
    ],
)
def test_known_values_go_in_every_spelling(rules, text, value):
    """What the vault knows is found whatever case, accents, order, slips or separators it has."""
    assert gone(rules, text, value) == []


@pytest.mark.parametrize(
    "text",
    [
        "seen: Zoe\u0308 Pen\u0303aloza today",
        "seen: Zo\u00eb Pe\u00f1a\u200bloza today",
        "seen: Zo\u00eb\u00a0Pe\u00f1a\u00adloza today",
        "\U0001f469\u200d\u2695\ufe0f seen: Zo\u00eb Pe\u00f1aloza today \U0001f600",
        "\u202b\u05de\u05d8\u202c seen: Zo\u00eb Pe\u00f1aloza today",
    ],
)
def test_what_nobody_sees_hides_no_name(rules, text):
    """Decomposed accents, zero widths and marks of direction are read over, and all else stays."""
    done = rules.read([text], ["p1"])[0]
    taken = {at for each in done.replaced for at in range(each.start, each.end)}
    assert all(done.text[done.moved(at)] == text[at] for at in range(len(text)) if at not in taken)
    assert text[min(taken) : max(taken) + 1].startswith("Zo")
    assert "loza" not in done.text
    assert done.text.endswith(text[text.index(" today") :])


@pytest.mark.parametrize(
    "number", ["\uff15\uff11\uff12-555-0199", "512\u2011555\u20110199", "512\u2013555\u20130199"]
)
def test_digits_and_hyphens_of_other_widths_are_read(rules, number):
    """A number typed in full width or with another hyphen is the same number."""
    assert gone(rules, f"call {number} now", number) == []


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("SSN 219-09-9999", "SSN"),
        ("NPI 1234567893", "LICENCE"),
        ("card 4111 1111 1111 1111", "ACCOUNT"),
        ("VIN 1M8GDM9AXKP042788", "VEHICLE"),
        ("DEA AB1234563", "LICENCE"),
        ("a 93-year-old man", "AGE"),
        ("from 203.0.113.77.", "IP"),
        ("see https://example.com/p/1?x=2", "URL"),
        ("file smith_before.jpg", "PHOTO"),
        ("fax 512-555-0123", "FAX"),
        ("seen 2025-02-28", "DATE"),
    ],
)
def test_rules_name_what_they_find(rules, text, type_):
    """Each kind of identifier is found by its form or check digit, and called by its name."""
    assert type_ in [each.type for each in rules.read([text], ["p1"])[0].replaced]


@pytest.mark.parametrize(
    "text",
    [
        "Botox 25/100, 20 units, lidocaine with epinephrine 1:200,000",
        "pain 5/10, BP 120/80, vision 20/40, session 3/6",
        "history of Parkinson's disease, a Baker cyst and Bell's palsy",
        "she may take 2 tablets; lot C7744C3 exp 06/2027, version 2.3.1.4",
        "Cooper's ligament, Wood's lamp, Jackson-Pratt drain, Dr. Jart cream",
        "a 45-year-old woman, 2-8 C, 2,500 mL, 1064 nm, 12.5 J/cm2",
        "- Tx note: forehead 10 U, Crow's feet left 8 U",
        "made in Germany, open 24/7. May bruise. Hurley stage 1, Mallampati 2, ear ring",
        "switched from Dysport to Xeomin, from glabella to brow. To Whom It May Concern: in ICU",
        "NDC 0023-1145-01, catalog 5500-10, aged 89, born 1984, exp 09/2027, at bedside, in PACU",
    ],
)
def test_measures_and_eponyms_stay(reader, text):
    """Doses, scales, lots and diseases called after people are no identifiers."""
    assert reader.read([text], ["p2"])[0].text == text


def test_impossible_days_are_no_dates(rules):
    """A run of digits is a date only where the calendar has the day."""
    found = rules.read(["ratio 2025-02-30 and 20251399"], ["p1"])[0].replaced
    assert not [each for each in found if each.type is Identifier.DATE]


def test_surrogates_keep_to_a_patient(rules):
    """A patient's name has one surrogate in all their texts, whole or in part; another's has another."""
    texts = ["Patient: Zoë Peñaloza", "PATIENT: ZOË PEÑALOZA", "Ms. Peñaloza", "Patient: Zoë Peñaloza"]
    one, loud, part, other = (each.text for each in rules.read(texts, ["p1", "p1", "p1", "p2"]))
    assert loud == one.upper()
    assert part.split()[-1] == one.split()[-1]
    assert other != one


def test_intervals_between_days_stay(rules):
    """A patient's days move together, whatever their spelling, and each keeps its own."""
    first, second = (
        each.text for each in rules.read(["seen 2025-03-01", "seen March 11, 2025"], ["p1", "p1"])
    )
    moved = pa.array([first.split()[1]]).cast(pa.date32())[0].as_py()
    assert second == f"seen {moved:%B} {moved.day + 10}, {moved.year}" or moved.day > 18
    assert first != "seen 2025-03-01"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Grace and Park want Botox.", ["Grace"]),
        ("told will to bring the form", ["will"]),
        ("Family meeting with Oluwaseun, her son Mark and Ingrid.", ["Oluwaseun", "Mark", "Ingrid"]),
        ("The lidocaine was given by M. de la Cruz.", ["M.", "de la", "Cruz"]),
        ("spoke with maria quintanilla about it", ["maria", "quintanilla"]),
        ("SPOKE WITH TAMIKA OKONJO TODAY", ["TAMIKA", "OKONJO"]),
        ("bed 3 Begay, going home", ["Begay"]),
        ("wasted 25 mcg, V.Iyer / M.Crabtree", ["Iyer", "Crabtree"]),
        ("Desta, Abebe\t2/10/26\tArreola\t0930", ["Desta", "Abebe", "Arreola"]),
        ("this is she, M A Z U R", [" A Z ", "U R"]),
        ("chart opened, olivia.nguyen later", ["olivia", "nguyen"]),
        ("Letters issued to Rowena Dimaculangan of the same house", ["Rowena", "Dimaculangan"]),
        ("source pt MT, bloods drawn", ["MT"]),
    ],
)
def test_names_are_told_by_their_kind_and_their_place(reader, text, names):
    """Names that are words, small, in capitals, with particles, or in a row with others are found."""
    done = reader.read([text], ["p2"])[0].text
    assert [each for each in names if each in done.replace("Botox", "")] == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("DOB 12 Sep 68", "12 Sep 68"),
        ("seen Jan '24", "Jan '24"),
        ("DATE: 06NOV2023", "06NOV2023"),
        ("back Fri 11/22", "11/22"),
        ("commission expires May 27, 2022", "May 27"),
        ("staying at 875 Broadway", "875 Broadway"),
        ("Adresse: Hauptstra\u00dfe 86", "Hauptstra\u00dfe"),
        ("she is a teacher at Pinnacle Roofing", "Pinnacle"),
        ("insta is @anneliese90", "anneliese90"),
        ("she is ninety-two years old", "ninety-two"),
        ("her aunt lived to see one hundred and three", "hundred and three"),
        ("Age | 97 | F", "97"),
        ("he is 93, and drives", "93"),
        ("b. 1929, lives with her son", "1929"),
        ("back Wed 9th", "9th"),
        ("RTC September, sooner if red", "September"),
        ("hurt on the job Ash Wednesday while cooking", "Ash Wednesday"),
        ("DL VJ-7469-42 exp 3/2023", "3/2023"),
        ("2023_04_20 consult", "04_20"),
        ("el martes 12 no puede", "12"),
        ("conf # 719928", "719928"),
        ("Thread #82790", "82790"),
        ("please page 512-555-0143 or use the form www.clinic.example.com/p/77", "0143"),
        ("see the page www.clinic.example.com/p/77", "clinic"),
        ("sent labs to Ana @ Mercer County Schools", "Mercer"),
        ("Rx no. ...... 9903558", "9903558"),
        ("Tracking number 9400 7544 8258 2569 3515 05.", "2569"),
        ("card on file visa ending 7185.", "7185"),
        ("user name the.tigist.diaries.", "tigist"),
        ("SN R 59296446-299", "59296446"),
        ("retired from duties at Hobby Lobby last year", "Hobby"),
        ("wk: Tidewater Marine", "Tidewater"),
        ("maestra en Lincoln High", "Lincoln"),
        ("a note from her shift @ Kessler Freight", "Kessler"),
        ("Flying to Lviv on business", "Lviv"),
        ("originaria de Cork, casada", "Cork"),
        ("new address is 830 se hawthorne apt 0, call first", "hawthorne"),
        ("Lives alone at unit 55 of The Pines.", "Pines"),
    ],
)
def test_forms_of_days_places_and_handles(rules, text, value):
    """Days, places, employers, handles and great ages are found in the forms that people write."""
    assert gone(rules, text, value) == []


@given(
    before=st.text("ab \n.", max_size=20),
    middle=st.text("cé 9,", max_size=20),
    after=st.text("xyz ", max_size=20),
)
@settings(max_examples=60, deadline=None)
def test_places_are_kept(rules, before, middle, after):
    """Every character that stays is found at its new place, and replaced stretches tile the rest."""
    text = f"{before} Zoë Peñaloza {middle} 512-555-0199 {after}"
    done = rules.read([text], ["p1"])[0]
    taken = {at for each in done.replaced for at in range(each.start, each.end)}
    assert all(done.text[done.moved(at)] == text[at] for at in range(len(text)) if at not in taken)
    assert all(done.moved(each.start) == each.new_start for each in done.replaced)
    assert len(done.replaced) >= 2


def test_redaction_tells_the_type_alone(tokenizer):
    """Redacted, a stretch is its type in brackets."""
    reader = Deidentifier(tokenizer, lambda _: KNOWN, method="redact", without=frozenset({"model"}))
    assert reader.read(["call 512-555-0199"], ["p1"])[0].text == "call [PHONE]"


def test_long_texts_are_read_to_their_end(reader):
    """A name far beyond what the model sees at once is found, at the right place."""
    filler = "The skin was cleaned and numbing cream was applied to the treated area. " * 60
    done = reader.read([f"{filler}Afterwards Guadalupe Szczepański drove home."], ["p2"])[0]
    assert "Guadalupe" not in done.text
    assert done.text.startswith(filler)


def test_null_stays_null(rules):
    """The port's form: row by row, null for null, and nothing for texts alone that have no patient."""
    made = rules.deidentify(pa.array(["Ms. Peñaloza", None]), subjects=pa.array(["p1", None], pa.string()))
    assert made[1].as_py() is None
    assert "Peñaloza" not in made[0].as_py()


def test_a_patient_whom_the_vault_does_not_know_needs_a_look(rules):
    """Without known values a text is for a person to look at."""
    done = rules.read(["felt well"], ["nobody"])[0]
    assert done.needs_review
    assert list(done.doubts) == ["nothing-known"]


def test_nothing_passes_without_all_stages(tokenizer, monkeypatch):
    """Where the vault or the model is missing there is no reader, unless the stage is declared away."""
    with pytest.raises(UsageError):
        Deidentifier(tokenizer, None)
    with pytest.raises(UsageError):
        Deidentifier(tokenizer, lambda _: KNOWN, without=frozenset({"everything"}))
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(OperatorError) as refused:
        Deidentifier(tokenizer, lambda _: KNOWN)
    assert refused.value.code.slug == "extra-missing"


def test_a_plugin_adds_to_what_is_found(tokenizer):
    """What a further stage finds goes as well; it is named in the version."""

    def unicorns(texts):
        return [
            [Span(text.index("unicorn"), text.index("unicorn") + 7, Identifier.OTHER, 0.9, "toy")]
            if "unicorn" in text
            else []
            for text in texts
        ]

    reader = Deidentifier(tokenizer, None, without=NOTHING, plugins={"toy": unicorns}, method="redact")
    assert reader.read(["a unicorn came", "none"], [None, None])[0].text == "a [OTHER] came"
    assert reader.version.endswith("toy")

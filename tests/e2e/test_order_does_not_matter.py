"""Whatever the order and the portions in which a clinic's systems tell their news, the lake says the same."""

import os
import tempfile
from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
from clinic_story import (
    SOURCE,
    Truth,
    booking,
    finding,
    membership,
    merged,
    note,
    registered,
    result,
    tap,
    visit,
    write,
)
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

import a360
from a360.hl7v2 import convert, parse
from a360.protect import LocalKeyStore, LocalTokenizer

PEOPLE = ("M1", "M2", "M3")
NUMBERS = st.sampled_from("123")
WHO = st.sampled_from(PEOPLE)
EXAMPLES = int(os.environ.get("ORDER_EXAMPLES", "3"))


class Clinic(RuleBasedStateMachine):
    """A clinic whose systems tell what happens; a lake that hears of it late, twice and out of order."""

    @initialize()
    def open(self):
        """An empty lake, and people whom the registration knows from the beginning."""
        self.home = tempfile.TemporaryDirectory()
        self.folder = Path(self.home.name)
        self.lake = a360.open(self.folder / "lake")
        self.clock, self.deliveries = 0, 0
        self.waiting, self.told = [], []
        self.people = dict.fromkeys(PEOPLE, ("1980-01-01", "female"))
        for person, data in self.people.items():
            self.tell(registered(person, self.now(), *data))

    def now(self):
        """The next minute of the story."""
        self.clock += 1
        return self.clock

    def tell(self, news):
        """A system has news; it will be delivered some time."""
        self.waiting.append(news)

    @rule(who=WHO, year=st.integers(1950, 2000), gender=st.sampled_from(["female", "male"]))
    def register(self, who, year, gender):
        """The registration corrects a person's data."""
        self.people[who] = (f"{year}-05-17", gender)
        self.tell(registered(who, self.now(), *self.people[who]))

    @rule(who=WHO, number=NUMBERS, event=st.sampled_from(["A01", "A03", "A11", "A13"]))
    def visited(self, who, number, event):
        """A person is admitted, leaves, or one of both is taken back."""
        now = self.now()
        end = now if event == "A03" else None
        self.tell(visit(event, who, f"V{number}", now, end, *self.people[who]))

    @rule(who=WHO, into=WHO)
    def merge(self, who, into):
        """Two records turn out to be one person's."""
        if who != into:
            self.tell(merged(who, into, self.now()))

    @rule(who=WHO, number=NUMBERS, event=st.sampled_from(["S12", "S13", "S15", "S17"]))
    def book(self, who, number, event):
        """An appointment is made, put off, cancelled or deleted."""
        now = self.now()
        self.tell(booking(event, who, f"A{number}", now, 10000 + now))

    @rule(who=WHO, number=NUMBERS, value=st.integers(5, 20), status=st.sampled_from("PFC"))
    def measure(self, who, number, value, status):
        """The laboratory tells a result, or corrects it."""
        self.tell(result(who, f"O{who}{number}", self.now(), value, status))

    @rule(who=WHO, number=NUMBERS, value=st.integers(0, 9), deleted=st.booleans())
    def find(self, who, number, value, deleted):
        """The FHIR server has a new version of an observation, or deletes it."""
        self.tell(finding(who, f"f{number}", self.now(), value, deleted=deleted))

    @rule(who=WHO, number=NUMBERS, fee=st.integers(10, 99), state=st.sampled_from(["active", "cancelled"]))
    def join(self, who, number, fee, state):
        """The practice management exports a membership."""
        self.tell(membership(who, f"G{number}", self.now(), fee, state))

    @rule(who=WHO)
    def use_the_app(self, who):
        """Someone uses the app."""
        now = self.now()
        self.tell(tap(who, f"e{now}", now))

    @rule(who=WHO, number=NUMBERS, text=st.sampled_from(["Well.", "Came for a second look.", "Ödem, leicht"]))
    def write_down(self, who, number, text):
        """A note is written or amended."""
        self.tell(note(who, f"n{number}", self.now(), text))

    @precondition(lambda self: self.waiting or self.told)
    @rule(data=st.data())
    def deliver(self, data):
        """Some news arrive, in any order, some of them again."""
        chosen = data.draw(st.lists(st.sampled_from(self.waiting), unique_by=id)) if self.waiting else []
        again = data.draw(st.lists(st.sampled_from(self.told), max_size=2)) if self.told else []
        self.bring(data.draw(st.permutations([*chosen, *again])))

    def bring(self, news):
        """Ingest news and refine the lake."""
        self.deliveries += 1
        for kind, folder in write(news, self.folder / str(self.deliveries)).items():
            report = self.lake.ingest(folder, kind=kind, source=SOURCE)
            assert sum(each.quarantined for each in report.steps) == 0
        self.lake.run()
        arrived = {id(each) for each in news}
        self.told += [each for each in self.waiting if id(each) in arrived]
        self.waiting = [each for each in self.waiting if id(each) not in arrived]

    def teardown(self):
        """Once all is told, silver and gold say what the story says."""
        if not hasattr(self, "lake"):
            return
        try:
            self.bring(list(reversed(self.waiting)))
            self.compare(Truth(self.told))
        finally:
            self.lake.close()
            self.home.cleanup()

    def compare(self, truth):
        """Hold each table against the story."""
        keys = self.keys()
        of = {person: keys[truth.survivor(person)] for person in PEOPLE}
        patients = {
            keys[person]: (says["birth"], says["gender"], None if of[person] == keys[person] else of[person])
            for person, says in truth.of("patient").items()
        }
        assert self.rows("patient", "patient_key, birth_date, gender, replaced_by", "is_current") == sorted(
            (key, *says) for key, says in patients.items()
        )
        for kind, table, columns, which in TABLES:
            names = [name.split(" AS ")[-1] for name in columns.split(", ")]
            wanted = [
                tuple(of[says["person"]] if name == "patient_key" else says[name] for name in names)
                for says in truth.of(kind).values()
            ]
            assert self.rows(table, columns, which) == sorted(wanted, key=str), kind

        self.compare_gold(truth, of, [key for person, key in keys.items() if of[person] == key])

    def compare_gold(self, truth, of, survivors):
        """Hold a patient at a glance, and the use of the app, against the story."""
        seen = Counter(of[each["person"]] for each in truth.of("visit").values() if each["status"] in CAME)
        booked = Counter(of[each["person"]] for each in truth.of("booking").values())
        measured = [*truth.of("result").values(), *truth.of("finding").values()]
        observed = Counter(of[each["person"]] for each in measured)
        taps = Counter(of[each["person"]] for each in truth.of("tap").values())
        assert self.asked(
            "SELECT patient_key, visits, appointments, observations FROM gold.patient_360"
        ) == sorted((key, seen[key], booked[key], observed[key]) for key in survivors)
        assert self.asked("SELECT patient_key, sum(events) FROM gold.engagement GROUP BY ALL") == sorted(
            taps.items()
        )

    def rows(self, table, columns, which="TRUE"):
        """What a table of silver holds, as text and numbers, in order."""
        return self.asked(f"SELECT {columns} FROM silver.{table} WHERE NOT deleted AND {which}")

    def asked(self, sql):
        """The rows of an answer, as text and numbers, in order."""
        return sorted((tuple(map(_plain, row.values())) for row in self.lake.query(sql).to_pylist()), key=str)

    def keys(self):
        """The key of each person's record."""
        tokenizer = LocalTokenizer(LocalKeyStore.open(self.folder / "lake" / "keys"))
        ids = [f"{SOURCE}|{_patient_id(person)}" for person in PEOPLE]
        return dict(zip(PEOPLE, tokenizer.tokens("patient", pa.array(ids)).to_pylist(), strict=True))


CAME = ("in-progress", "finished")
# What the story tells, the table that holds it, and its columns by the words of the story.
TABLES = [
    ("visit", "encounter", "status, patient_key, end_at AS end", "TRUE"),
    ("booking", "appointment", "status, patient_key, start_at AS start", "status <> 'entered-in-error'"),
    ("result", "observation", "status, patient_key, value_quantity AS value", "code = 'HB'"),
    ("finding", "observation", "status, patient_key, value_quantity AS value", "code = 'skin'"),
    ("membership", "membership", "status, patient_key, monthly_fee AS fee", "TRUE"),
    ("tap", "app_event", "patient_key, occurred_at AS at", "TRUE"),
    ("note", "note", "patient_key, length", "TRUE"),
]


def _plain(value):
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, date):
        return value.isoformat()
    return int(value) if isinstance(value, Decimal) else value


def _patient_id(person):
    """The logical id that messages about a person give them."""
    (told,) = parse(registered(person, 0, "1980-01-01", "female").record.encode()).messages
    return next(each["id"] for each in convert(told).resources if each["resourceType"] == "Patient")


Clinic.TestCase.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=25,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


class TestOrder(Clinic.TestCase):
    """Creates, updates, corrections, cancellations, merges, deletes and late arrivals, in random portions."""

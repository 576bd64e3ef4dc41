"""Notes that are not in the FHIR export: transcripts of consultations, and what was jotted down of calls."""

from dataclasses import dataclass

import msgspec

from a360.synth._clock import Moment
from a360.synth._dice import Dice
from a360.synth._fhir import MRN_SYSTEM, NPI_SYSTEM, VISIT_SYSTEM
from a360.synth._flaws import Weak
from a360.synth._people import Person
from a360.synth._plan import Visit
from a360.synth._tables import Layout, OtherFiles
from a360.synth._world import Clinic, World

_TRANSCRIBED = 0.04
_CALLED = 0.025
_TRANSCRIPT = ("34109-9", "Note")
_TELEPHONE = ("34748-4", "Telephone encounter Note")
_TURNS = (
    ("{practitioner}", "Good to see you, {title} {family}. What brings you in today?"),
    ("{full_name}", "I would like to talk about {concern}. My number is still {phone}, by the way."),
    ("{practitioner}", "Any allergies or new medicines since your last visit?"),
    ("{full_name}", "No, nothing new."),
    (
        "{practitioner}",
        "Then I suggest {plan}. It takes about {minutes} minutes, and we look at it again in two weeks.",
    ),
    ("{full_name}", "That sounds good. Please send the details to {email}."),
)
_CALL = (
    "Telephone note\n\n"
    "Subjective:\n{full_name} (MRN {mrn}) called after {plan}. Reports mild redness, no pain.\n\n"
    "Assessment:\nExpected course.\n\nPlan:\nCool compresses. Call back on {phone} if it gets worse.\n"
)
NOTES = Layout(
    "note",
    (
        "file", "note_id", "patient_identifier", "encounter_identifier", "author_identifier", "author_role",
        "type", "type_display", "language", "created_at", "period_start", "period_end", "status", "title",
    ),
    Weak(1),
)  # fmt: skip


@dataclass(slots=True)
class Letters:
    """Writes the transcripts and call notes of one patient."""

    files: OtherFiles
    world: World
    clinic: Clinic
    person: Person

    def write(self, visits: list[Visit]) -> None:
        """Write what was said at some consultations, and after some treatments."""
        dice = Dice(self.world.seed, self.person.target.id, "letters")
        for visit in visits:
            if not visit.kept:
                continue
            facts = _facts(self.person, visit)
            if visit.kind == "consultation" and dice.chance(_TRANSCRIBED):
                way = dice.pick(("vtt", "json", "txt"))
                turns = [(who.format_map(facts), said.format_map(facts)) for who, said in _TURNS]
                name = self._tell(visit, visit.ended, _TRANSCRIPT, f"transcript.{way}", dice)
                self.files.whole("notes", name, "note_text", _RENDERED[way](turns).encode())
            elif visit.given and dice.chance(_CALLED):
                called = Moment(visit.start.day + dice.between(1, 4), dice.between(9 * 60, 17 * 60))
                if called.day < self.world.until:
                    name = self._tell(visit, called, _TELEPHONE, f"call.{dice.pick(('txt', 'md'))}", dice)
                    self.files.whole("notes", name, "note_text", _CALL.format_map(facts).encode())

    def _tell(self, visit: Visit, written: Moment, kind: tuple[str, str], ending: str, dice: Dice) -> str:
        """Name the file, with its row of the manifest."""
        identifier, local = f"n-{dice.token(10)}", self.clinic.zone.local
        name = f"{identifier}-{ending}"
        cells = [
            name, identifier, f"{MRN_SYSTEM}|{self.person.mrn}",
            f"{VISIT_SYSTEM}|{self.person.mrn}-{visit.number:03}",
            f"{NPI_SYSTEM}|{visit.practitioner.npi}", "injector", *kind, "en-US", local(written),
            local(visit.arrived), local(visit.ended), "final", kind[1],
        ]  # fmt: skip
        self.files.row("notes.csv", NOTES, cells, settled=False, folder="notes")
        return name


def _facts(person: Person, visit: Visit) -> dict[str, str]:
    return {
        "full_name": person.name,
        "family": person.family,
        "title": "Ms." if person.female else "Mr.",
        "mrn": person.mrn,
        "phone": person.phone,
        "email": person.email,
        "practitioner": visit.practitioner.name,
        "plan": " and ".join(treatment.name.lower() for treatment in visit.planned),
        "concern": visit.planned[0].concern.replace("-", " "),
        "minutes": str(visit.minutes),
    }


def _vtt(turns: list[tuple[str, str]]) -> str:
    cues = [
        f"{_clock(15 * place)} --> {_clock(15 * place + 12)}\n<v {who}>{said}\n"
        for place, (who, said) in enumerate(turns)
    ]
    return "WEBVTT\n\n" + "\n".join(cues)


def _clock(seconds: int) -> str:
    return f"00:{seconds // 60:02}:{seconds % 60:02}.000"


def _json(turns: list[tuple[str, str]]) -> str:
    told = [
        {"speaker": who, "text": said, "start": place * 15.0, "end": place * 15.0 + 12.0}
        for place, (who, said) in enumerate(turns)
    ]
    return msgspec.json.format(msgspec.json.encode({"turns": told}), indent=1).decode()


def _plain(turns: list[tuple[str, str]]) -> str:
    return "".join(f"{who}: {said}\n" for who, said in turns)


_RENDERED = {"vtt": _vtt, "json": _json, "txt": _plain}

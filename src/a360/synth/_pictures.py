"""Pictures before and after treatments, of patients who agreed to them, and signed forms as PDF."""

from dataclasses import dataclass
from io import BytesIO
from typing import Any

from a360.synth._chart import Record
from a360.synth._clock import Moment, iso
from a360.synth._dice import Dice
from a360.synth._fhir import CODES, MRN_SYSTEM, VISIT_SYSTEM
from a360.synth._flaws import Weak
from a360.synth._people import Person
from a360.synth._plan import Given, Visit
from a360.synth._tables import Layout, OtherFiles
from a360.synth._world import Clinic, World

_SHOWN = 0.03
_SIGNED = 0.02
_LOST = 0.04
_SIZE = (96, 72)
ATTACHMENTS = Layout(
    "attachment",
    (
        "file", "attachment_id", "patient_identifier", "encounter_identifier", "procedure", "kind",
        "body_site", "laterality", "taken_at", "device", "media_type", "updated_at",
    ),
    Weak(1),
)  # fmt: skip
# Where each clinic would be, as a telephone writes it into its pictures.
_PLACES = {"NY": (40.7, -74.0), "IL": (41.9, -87.6), "AZ": (33.4, -111.9), "CA": (34.1, -118.4)}


@dataclass(slots=True)
class Album:
    """Takes the pictures of one patient."""

    files: OtherFiles
    world: World
    clinic: Clinic
    person: Person

    def write(self, visits: list[Visit], records: list[Record]) -> None:
        """Write a pair of pictures of a treatment that was reviewed, and a signed form."""
        dice = Dice(self.world.seed, self.person.target.id, "album")
        shown, signed = dice.chance(_SHOWN), dice.chance(_SIGNED)
        kept = [visit for visit in visits if visit.kept]
        if shown and _agreed(records):
            reviewed = [(visit, each) for visit in kept for each in visit.reviewed]
            if reviewed:
                self._pair(*reviewed[0], kept, dice)
        if signed and kept:
            text = f"Consent to treatment: {self.person.name}, {iso(kept[0].start.day)}"
            name = self._row(kept[0], "", "consent", "", kept[0].arrived, "application/pdf", dice)
            self.files.whole("photos", name, "attachment_file", _pdf(text))

    def _pair(self, after: Visit, given: Given, kept: list[Visit], dice: Dice) -> None:
        before = next(visit for visit in kept if given in visit.given)
        site = given.doses[0].site
        for kind, visit, grade in (("before", before, given.severity), ("after", after, given.improved)):
            when = visit.arrived.later(4)
            name = self._row(visit, given.target.id, kind, site, when, "image/jpeg", dice)
            if dice.chance(_LOST):
                # The row came, the file did not: a reader is to show that it is missing.
                self.files.count("attachment", "file_missing")
                continue
            data = _jpeg(grade, when, _PLACES.get(self.clinic.row.state, (39.0, -98.0)), dice)
            self.files.whole("photos", name, "attachment_file", data)

    def _row(
        self, visit: Visit, procedure: str, kind: str, site: str, when: Moment, media: str, dice: Dice
    ) -> str:
        identifier = f"a-{dice.token(10)}"
        name = f"{identifier}.{'pdf' if media.endswith('pdf') else 'jpg'}"
        side = "left" if site.endswith("left") else "right" if site.endswith("right") else ""
        visit_number = f"{VISIT_SYSTEM}|{self.person.mrn}-{visit.number:03}"
        taken = self.clinic.zone.local(when)
        cells = [
            name, identifier, f"{MRN_SYSTEM}|{self.person.mrn}", visit_number, procedure, kind, site, side,
            taken, "" if media.endswith("pdf") else "Dermacam 2", media, taken,
        ]  # fmt: skip
        self.files.row("attachments.csv", ATTACHMENTS, cells, settled=False, folder="photos")
        return name


def _agreed(records: list[Record]) -> bool:
    """Whether the patient agrees to photographs, by the last consent on record."""
    said = [
        (str(resource["meta"].get("lastUpdated", "")), resource["status"])
        for resource, _ in records
        if resource["resourceType"] == "Consent" and _about_pictures(resource)
    ]
    return bool(said) and all(status == "active" for _, status in said)


def _about_pictures(consent: dict[str, Any]) -> bool:
    return any(
        each["system"] == f"{CODES}/consent-kind" and each["code"] == "photography"
        for each in consent["category"][0]["coding"]
    )


def _jpeg(grade: int, when: Moment, place: tuple[float, float], dice: Dice) -> bytes:
    """A patch of invented skin, with what a telephone tells of itself: camera, time and place."""
    from PIL import Image, ImageDraw  # noqa: PLC0415 - only pictures need it

    picture = Image.new("RGB", _SIZE, (214 - dice.between(0, 60), 168 - dice.between(0, 40), 140))
    draw = ImageDraw.Draw(picture)
    for number in range(2 * grade):
        height = 12 + 8 * number
        draw.line((10, height, 86, height + dice.between(-3, 3)), fill=(150, 104, 88), width=1)
    exif = Image.Exif()
    hour, minute = divmod(when.minute, 60)
    taken = f"{iso(when.day).replace('-', ':')} {hour:02}:{minute:02}:00"
    exif[0x010F], exif[0x0110], exif[0x0132] = "Dermaline", "Dermacam 2", taken
    latitude, longitude = place
    exif.get_ifd(0x8825).update(
        {1: "N", 2: (latitude, 0.0, float(dice.between(0, 59))), 3: "W", 4: (-longitude, 0.0, 30.0)}
    )
    stream = BytesIO()
    picture.save(stream, "JPEG", quality=80, exif=exif)
    return stream.getvalue()


def _pdf(text: str) -> bytes:
    """The smallest PDF that shows a line of text."""
    drawn = (
        f"BT /F1 12 Tf 72 720 Td ({''.join(c for c in text if c.isascii() and c not in '()')}) Tj ET".encode()
    )
    font = b"<< /Font << /F1 5 0 R >> >>"
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources %s >>" % font,
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawn), drawn),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    whole, places = bytearray(b"%PDF-1.4\n"), []
    for number, part in enumerate(parts, start=1):
        places.append(len(whole))
        whole += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(whole)
    whole += b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(parts) + 1, table)
    whole += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(parts) + 1, start)
    return bytes(whole)

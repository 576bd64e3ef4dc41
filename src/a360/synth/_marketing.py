"""Campaigns, and the leads they bring; some of the leads became patients."""

from datetime import date

from a360.synth._business import business
from a360.synth._clock import Moment, iso
from a360.synth._dice import Dice
from a360.synth._flaws import Cells, Weak
from a360.synth._people import WINDOW, Person, make_person
from a360.synth._plan import Visit
from a360.synth._tables import Layout, OtherFiles, money
from a360.synth._world import Clinic, World

_FROM_LEADS = 0.5
_LOST = 0.55
_NO_CAMPAIGN = 0.2
_NUMBER_KNOWN = 0.6
_QUARTER_MONTHS = 3


def _ends_before_it_starts(cells: Cells) -> bool:
    cells[3], cells[4] = cells[4], cells[3]
    return True


CAMPAIGN = Layout(
    "campaign",
    ("Campaign ID", "Name", "Channel", "Starts", "Ends", "Budget", "Spend", "Currency"),
    Weak(0, ((3, "2025-13-01"), (6, "tbd")), None, _ends_before_it_starts),
)
# The group's CRM keeps local time of its head office and writes no offset.
LEAD = Layout(
    "lead",
    (
        "Lead ID", "Created", "Campaign ID", "Channel", "Clinic", "First Name", "Last Name", "Email", "Phone",
        "Status", "Interest", "Patient MRN",
    ),
    Weak(0, ((1, "13/45/2025 10:00"),), 11),
    marked=True,
)  # fmt: skip


def campaign_id(day: int, place: int) -> str:
    """The campaign of a kind that ran on a day."""
    moment = date.fromordinal(day)
    return f"CMP-{moment.year}Q{(moment.month - 1) // _QUARTER_MONTHS + 1}-{place + 1:02}"


def write_campaigns(files: OtherFiles, world: World, patients: int) -> None:
    """Write the campaigns of every quarter of the window; what they cost goes with the leads to expect."""
    quarters = WINDOW // 91 + 3
    expected = patients * (_FROM_LEADS + _LOST) * (1 - _NO_CAMPAIGN) / quarters
    first = date.fromordinal(world.until - WINDOW - 91)
    year, quarter = first.year, (first.month - 1) // _QUARTER_MONTHS
    while date(year, quarter * _QUARTER_MONTHS + 1, 1).toordinal() <= world.until:
        starts = date(year, quarter * _QUARTER_MONTHS + 1, 1)
        year, quarter = (year, quarter + 1) if quarter < _QUARTER_MONTHS else (year + 1, 0)
        ends = date(year, quarter * _QUARTER_MONTHS + 1, 1).toordinal() - 1
        for place, row in enumerate(business().campaigns):
            dice = Dice(world.seed, "campaign", starts.isoformat(), row.kind)
            share = row.weight / 90
            spend = max(5000, int(expected * share * row.cost * dice.between(80, 125)))
            cells = [
                campaign_id(starts.toordinal(), place), row.name, row.channel, starts.isoformat(), iso(ends),
                money(spend // 5000 * 5000 + 5000), money(spend), "USD",
            ]  # fmt: skip
            files.row("campaigns.csv", CAMPAIGN, cells)


def write_leads(files: OtherFiles, world: World, clinic: Clinic, person: Person, visits: list[Visit]) -> None:
    """Write the lead this patient once was, if any, and those of people who never came."""
    dice = Dice(world.seed, person.target.id, "leads")
    if visits and dice.chance(_FROM_LEADS):
        first = min(visits, key=lambda visit: visit.booked)
        created = first.booked.later(-dice.between(20, 12 * 24 * 60))
        number = person.mrn if dice.chance(_NUMBER_KNOWN) else ""
        state = "converted" if any(visit.kept for visit in visits) else "booked"
        _write_lead(files, clinic, person, created, state, number, dice)
        if dice.chance(0.08):
            # Asked again later, about something else.
            again = Moment(min(world.until, created.day + dice.between(30, 400)), dice.between(480, 1200))
            _write_lead(files, clinic, person, again, "contacted", "", dice)
    if dice.chance(_LOST):
        stranger = make_person(world, clinic, -1 - int(dice.token(12), 16))
        created = Moment(stranger.first_day, dice.between(480, 1300))
        state = dice.pick(("new", "contacted", "contacted", "lost", "lost"))
        _write_lead(files, clinic, stranger, created, state, "", dice)


def _write_lead(
    files: OtherFiles, clinic: Clinic, person: Person, created: Moment, state: str, number: str, dice: Dice
) -> None:
    tables = business()
    campaign, channel = "", dice.weighted(tables.organic)
    if not dice.chance(_NO_CAMPAIGN):
        place = dice.weighted(tables.campaign)
        campaign, channel = campaign_id(created.day, place), tables.campaigns[place].channel
    day = date.fromordinal(created.day)
    hour, minute = divmod(created.minute, 60)
    email = person.email.upper() if dice.chance(0.03) else person.email
    cells = [
        f"L-{dice.token(10).upper()}", f"{day.month:02}/{day.day:02}/{day.year} {hour:02}:{minute:02}",
        campaign, channel, clinic.row.id, person.given, person.family, email, person.phone, state,
        dice.pick(("toxin", "filler", "laser", "peel", "lift")), number,
    ]  # fmt: skip
    files.row(f"leads_{day.year}.csv", LEAD, cells)

"""What the front office keeps: memberships, packages, payments and refunds."""

from dataclasses import dataclass, field
from datetime import date

from a360.synth._business import PlanRow, business
from a360.synth._clock import Moment, iso
from a360.synth._dice import Dice
from a360.synth._flaws import Cells, Weak
from a360.synth._people import Person
from a360.synth._plan import Given, Visit
from a360.synth._tables import Layout, OtherFiles, money
from a360.synth._world import Clinic, World

EARLIER_DROP = 92
_MEMBERS = 0.3
_DISCOUNT = 10
_PACKAGED = 0.5
_PACKAGE_SHARE = 85
_PACKAGE_DAYS = 540
_REFUNDED = 0.025
_FEES_REFUNDED = 0.012
_FAILED = 0.02
_FOREIGN = 0.01
_OTHER_HEADERS = "partner"


def _end_before_start(cells: Cells) -> bool:
    cells[7] = iso(date.fromisoformat(cells[6]).toordinal() - 30)
    return True


def _more_left_than_none(cells: Cells) -> bool:
    cells[6] = "-1"
    return True


def _impossible_amount(cells: Cells) -> bool:
    cells[8] = "99,999.00" if cells[1] == "refund" else "-1.00"
    return True


_MEMBERSHIP = (
    "Member No", "Patient MRN", "Clinic", "Plan", "Monthly Fee", "Currency", "Start Date", "End Date",
    "State", "Changed",
)  # fmt: skip
_PAYMENT = (
    "Payment No", "Kind", "Status", "Clinic", "Patient MRN", "Visit No", "Membership No", "Package No",
    "Amount", "Currency", "Method", "Paid At", "Refund Of", "Original Amount", "Item",
)  # fmt: skip
_WEAK_MEMBERSHIP = Weak(0, ((6, "2026-02-31"), (4, "14g.00")), 1, _end_before_start)
_WEAK_PAYMENT = Weak(0, ((8, "12O.50"), (11, "yesterday")), 4, _impossible_amount)

# The later drop has another name for the first column, a column more of its own, and one nobody asked for.
MEMBERSHIP_BEFORE = Layout("membership", _MEMBERSHIP, _WEAK_MEMBERSHIP)
MEMBERSHIP = Layout(
    "membership", ("Membership Number", *_MEMBERSHIP[1:], "Cancel Reason", "Sales Rep"), _WEAK_MEMBERSHIP
)
PACKAGE = Layout(
    "package",
    (
        "Package No", "Patient MRN", "Clinic", "Treatment", "Sessions", "Used", "Left", "Price", "Currency",
        "Sold On", "Expires On", "State", "Changed",
    ),
    Weak(0, ((7, "n.a"), (9, "31/04/2026")), 1, _more_left_than_none),
    marked=True,
    total=("Total", 7),
)  # fmt: skip
PAYMENT = Layout("payment", _PAYMENT, _WEAK_PAYMENT, total=("TOTAL", 8))
PAYMENT_PARTNER = Layout(
    "payment",
    ("Receipt", *_PAYMENT[1:4], "MRN", *_PAYMENT[5:8], "Total", *_PAYMENT[9:]),
    _WEAK_PAYMENT,
    total=("TOTAL", 8),
)
_REASONS = ("moved away", "too expensive", "treatment finished", "no reason given")


@dataclass(slots=True)
class _Membership:
    """A membership, from the day it began to the day it is paid until."""

    number: str
    plan: PlanRow
    start: int
    joined: Moment
    end: int | None
    told: Moment
    reason: str


@dataclass(slots=True)
class _Package:
    """Sessions of one treatment, paid ahead."""

    number: str
    given: Given
    sessions: int
    cents: int
    sold: Moment
    changed: Moment
    used: int = 0


@dataclass(slots=True)
class _Bill:
    """What is to be paid; `refunds` is the share of such payments that is paid back later."""

    kind: str
    cents: int
    when: Moment
    status: str = "completed"
    visit: Visit | None = None
    membership: str = ""
    package: str = ""
    item: str = ""
    refunds: float = 0.0


@dataclass(slots=True)
class Office:
    """Keeps the books of one patient."""

    files: OtherFiles
    world: World
    clinic: Clinic
    person: Person
    index: int
    _payments: int = 0
    _dice: Dice = field(init=False)

    def __post_init__(self) -> None:
        """Throw dice of their own, so that the clinical record stays as it is."""
        self._dice = Dice(self.world.seed, self.index, "office")

    def keep(self, visits: list[Visit]) -> None:
        """Write what this patient bought and paid."""
        kept = sorted((visit for visit in visits if visit.kept), key=lambda visit: visit.start)
        if not kept:
            return
        member = self._join(kept)
        packages: dict[str, _Package] = {}
        for visit in kept:
            for given in visit.given:
                self._charge(visit, given, member, packages)
        for package in packages.values():
            self._write_package(package)
        if member is not None:
            self._write_membership(member)
            self._bill(member)

    def _join(self, kept: list[Visit]) -> _Membership | None:
        dice = self._dice
        if not dice.chance(_MEMBERS):
            return None
        visit = kept[min(len(kept) - 1, dice.between(0, 2))]
        start = visit.start.day
        months = dice.between(3, 30)
        end = _month_later(start, months) - 1
        told = Moment(max(start, end - dice.between(2, 25)), dice.between(9 * 60, 17 * 60))
        leaves = told.day <= self.world.until
        return _Membership(
            number=f"M-{dice.token(8).upper()}",
            plan=dice.weighted(business().plans),
            start=start,
            joined=visit.ended.later(5),
            end=end if leaves else None,
            told=told if leaves else visit.ended.later(5),
            reason=dice.pick(_REASONS),
        )

    def _write_membership(self, member: _Membership) -> None:
        clinic, zone, until = self.clinic.row.id, self.clinic.zone, self.world.until
        fixed = [
            member.number,
            self.person.mrn,
            clinic,
            member.plan.code,
            money(member.plan.fee * 100),
            "USD",
        ]
        begun = [*fixed, iso(member.start), "", "active", zone.local(member.joined)]
        left = begun if member.end is None else [
            *fixed, iso(member.start), iso(member.end), "cancelled", zone.local(member.told)
        ]  # fmt: skip
        drop = until - EARLIER_DROP
        if member.joined.day <= drop:
            before = left if member.told.day <= drop else begun
            name = f"memberships_{clinic}_{iso(drop)}.csv"
            self.files.row(name, MEMBERSHIP_BEFORE, before, settled=False)
        reason = member.reason if member.end is not None else ""
        self.files.row(
            f"memberships_{clinic}_{iso(until)}.csv",
            MEMBERSHIP,
            [*left, reason, self._dice.pick(("AB", "CK"))],
        )

    def _bill(self, member: _Membership) -> None:
        """A fee a month, on the day of the month of the start."""
        last = self.world.until if member.end is None else min(self.world.until, member.end)
        for month in range(240):
            day = _month_later(member.start, month)
            if day > last:
                return
            status = "failed" if self._dice.chance(_FAILED) else "completed"
            when = member.joined if month == 0 else Moment(day, 6 * 60)
            bill = _Bill("membership", member.plan.fee * 100, when, status, refunds=_FEES_REFUNDED)
            bill.membership = member.number
            self._pay(bill)

    def _charge(
        self, visit: Visit, given: Given, member: _Membership | None, packages: dict[str, _Package]
    ) -> None:
        """A session is taken from a package, or paid when it was given."""
        dice, treatment = self._dice, given.treatment
        package = packages.get(treatment.code)
        if package is not None and package.used < package.sessions:
            package.used += 1
            package.changed = visit.ended.later(3)
            return
        cents = business().prices[treatment.code] * 100
        when = visit.ended.later(dice.between(1, 9))
        if package is None and not treatment.lasting and given.session == 1 and dice.chance(_PACKAGED):
            sessions = max(2, dice.between(*treatment.sessions))
            price = cents * sessions * _PACKAGE_SHARE // 100
            number = f"P-{dice.token(8).upper()}"
            packages[treatment.code] = _Package(number, given, sessions, price, when, when, used=1)
            self._pay(_Bill("package", price, when, visit=visit, package=number, item=treatment.code))
            return
        if member is not None and member.start < visit.start.day <= (member.end or visit.start.day):
            cents = cents * (100 - _DISCOUNT) // 100
        self._pay(_Bill("treatment", cents, when, visit=visit, item=treatment.code, refunds=_REFUNDED))

    def _write_package(self, package: _Package) -> None:
        left = package.sessions - package.used
        expires = package.sold.day + _PACKAGE_DAYS
        state = "used" if not left else "expired" if expires <= self.world.until else "active"
        cells = [
            package.number, self.person.mrn, self.clinic.row.id, package.given.treatment.code,
            str(package.sessions), str(package.used), str(left), money(package.cents), "USD",
            iso(package.sold.day), iso(expires), state, self.clinic.zone.local(package.changed),
        ]  # fmt: skip
        self.files.row(f"packages_{iso(self.world.until)}.csv", PACKAGE, cells, package.cents)

    def _pay(self, bill: _Bill) -> None:
        """Write a payment, and what is paid back of it."""
        dice, number = self._dice, self._number()
        currency = "CAD" if dice.chance(_FOREIGN) else "USD"
        method = dice.pick(("card", "card", "card", "cash", "transfer"))
        visit = f"{self.person.mrn}-{bill.visit.number:03}" if bill.visit else ""
        who = [self.clinic.row.id, self.person.mrn, visit, bill.membership, bill.package]
        self._write_payment(
            [number, bill.kind, bill.status, *who, money(bill.cents, thousands=","), currency, method,
             self.clinic.zone.local(bill.when), "", "", bill.item],
            bill.cents,
        )  # fmt: skip
        if bill.status != "completed" or not dice.chance(bill.refunds):
            return
        back = bill.cents if dice.chance(0.6) else bill.cents // 2
        when = bill.when.later(dice.between(1, 30) * 24 * 60 + dice.between(0, 200))
        if when.day <= self.world.until:
            self._write_payment(
                [self._number(), "refund", "completed", *who, money(back, thousands=","), currency, method,
                 self.clinic.zone.local(when), number, money(bill.cents, thousands=","), bill.item],
                -back,
            )  # fmt: skip

    def _write_payment(self, cells: Cells, cents: int) -> None:
        layout = PAYMENT_PARTNER if self.clinic.row.system == _OTHER_HEADERS else PAYMENT
        self.files.row(f"payments_{self.clinic.row.id}.csv", layout, cells, cents)

    def _number(self) -> str:
        self._payments += 1
        return f"R-{self._dice.token(6).upper()}{self._payments:03}"


def _month_later(day: int, months: int) -> int:
    """The same day so many months later, or the last of a shorter month."""
    first = date.fromordinal(day)
    year, month = divmod(first.month - 1 + months, 12)
    following = date(first.year + year + (month == 11), (month + 1) % 12 + 1, 1).toordinal()  # noqa: PLR2004
    return min(date(first.year + year, month + 1, 1).toordinal() + first.day - 1, following - 1)

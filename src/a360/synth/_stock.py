"""Lots on the shelves, and those that were recalled, as the group's purchasing software exports them.

The software was made for another country: semicolons, decimal commas, days before months, windows-1252.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date

from a360.synth._business import business
from a360.synth._clock import iso
from a360.synth._dice import Dice
from a360.synth._flaws import Cells, Weak
from a360.synth._office import EARLIER_DROP
from a360.synth._plan import Visit
from a360.synth._tables import Layout, OtherFiles, money
from a360.synth._world import LOT_DAYS, Clinic, Lot, World

_UNLISTED = 0.03
_RECALLED = 0.02
_LOT = (
    "Filiale", "Artikel", "Bezeichnung", "Hersteller", "Charge", "Verfall", "Eingang", "Menge", "Bestand",
    "Einzelpreis", "Währung", "Geändert",
)  # fmt: skip
_RECALL = ("Rückruf-Nr", "Artikel", "Charge", "Klasse", "Grund", "Bekannt seit", "Beendet", "Status")


def _more_than_came(cells: Cells) -> bool:
    cells[8] = cells[7].replace(",", "9,")
    return True


_WEAK_LOT = Weak(4, ((5, "31.02.2027"), (7, "zwölf"), (9, "auf Anfrage")), None, _more_than_came)


def _lots(stand: str, header: tuple[str, ...]) -> Layout:
    return Layout(
        "inventory_lot",
        header,
        _WEAK_LOT,
        encoding="cp1252",
        delimiter=";",
        decimal=",",
        title=f"Lagerbestand per {stand} \N{EN DASH} Aesthetics 360",
        total=("Summe", 9),
    )


RECALL = Layout(
    "lot_recall", _RECALL, Weak(0, ((5, "00.00.2026"),)), encoding="cp1252", delimiter=";", decimal=","
)


@dataclass(slots=True)
class _Use:
    """What is known of a lot: where it lies, and how much of it was used before and after the first drop."""

    clinic: Clinic
    product: str
    lot: Lot
    opened: int
    before: int = 0
    after: int = 0


@dataclass(slots=True)
class Stock:
    """Counts what was taken from which lot; as large as the stock, whatever the number of patients."""

    world: World
    _uses: dict[str, _Use] = field(default_factory=dict)
    unlisted: Counter[str] = field(default_factory=Counter)

    def take(self, clinic: Clinic, visits: list[Visit]) -> None:
        """Count the lots that were used in these visits."""
        drop = self.world.until - EARLIER_DROP
        for visit in visits:
            for given in visit.given:
                if given.lot is None or given.product is None:
                    continue
                day = given.when.day
                use = self._uses.get(given.lot.number)
                if use is None:
                    opened = day // LOT_DAYS * LOT_DAYS
                    use = _Use(clinic, given.product.code, given.lot, opened)
                    self._uses[given.lot.number] = use
                if day <= drop:
                    use.before += 1
                else:
                    use.after += 1

    def write(self, files: OtherFiles) -> None:
        """Write the two drops of the stock, and the recalls."""
        drop, until = self.world.until - EARLIER_DROP, self.world.until
        uses = [self._uses[number] for number in sorted(self._uses)]
        listed = [use for use in uses if not self._dice(use).chance(_UNLISTED)]
        self.unlisted["lots"] = len(uses) - len(listed)
        # The later drop no longer tells the shelf, and tells a temperature.
        before, after = (
            _lots(_german(drop), (*_LOT, "Regal")),
            _lots(_german(until), (*_LOT, "Temperatur °C")),
        )
        for use in listed:
            if use.opened <= drop:
                cells, cents = self._cells(use, use.before, drop)
                name = f"inventory_lots_{iso(drop)}.csv"
                files.row(name, before, [*cells, f"R{use.lot.expires % 9 + 1}"], cents, settled=False)
        for use in listed:
            cells, cents = self._cells(use, use.before + use.after, until)
            files.row(f"inventory_lots_{iso(until)}.csv", after, [*cells, _cold(use.product)], cents)
        self._write_recalls(files, uses)

    def _cells(self, use: _Use, used: int, day: int) -> tuple[Cells, int]:
        dice = self._dice(use)
        product = self.world.vocabulary.products[use.product]
        came = -(-(use.before + use.after + dice.between(0, 4)) // 5) * 5 + 5
        cents = dice.between(4000, 42_000)
        cells = [
            use.clinic.row.id, use.product, product.name, product.maker, use.lot.number,
            _german(use.lot.expires), _german(min(use.opened, day)), f"{came},0", f"{came - used},0",
            money(cents, decimal=","), "USD", f"{_german(day)} 22:00",
        ]  # fmt: skip
        return cells, cents

    def _write_recalls(self, files: OtherFiles, uses: list[_Use]) -> None:
        dice = Dice(self.world.seed, "recalls")
        chosen = [use for use in uses if dice.chance(_RECALLED)] or uses[:1]
        rows: list[tuple[str, str, int]] = [
            # Whoever typed the second of them held the shift key down, or did not.
            (use.product, use.lot.number.lower() if place == 1 else use.lot.number, use.opened + 120)
            for place, use in enumerate(chosen)
        ]
        laser = next(iter(self.world.clinics[0].devices.values()))
        rows.append(("", laser.lot, self.world.until - 200))
        rows.append(("HAF-SOFT-1", "H00FF0000", self.world.until - 100))  # a lot that nobody ever had
        for place, (product, lot, day) in enumerate(rows, start=1):
            known = min(day, self.world.until - 5)
            ended = known + dice.between(30, 90)
            over = ended <= self.world.until
            cells = [
                f"RR-{date.fromordinal(known).year}-{place:03}", product, lot,
                dice.pick(("I", "II", "II", "III")), dice.pick(business().recall_reasons),
                _german(known), _german(ended) if over else "", "closed" if over else "open",
            ]  # fmt: skip
            files.row("lot_recalls.csv", RECALL, cells)

    def _dice(self, use: _Use) -> Dice:
        return Dice(self.world.seed, "stock", use.lot.number)


def _cold(product: str) -> str:
    return "5,0" if product.startswith("TOX") else "20,0"


def _german(day: int) -> str:
    year, month, of_month = iso(day).split("-")
    return f"{of_month}.{month}.{year}"

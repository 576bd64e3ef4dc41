"""De-identification of text: what it finds, what it leaves, what it takes in vain, and how fast.

    python benchmarks/deid.py [--set held_out] [--draws 5] [--show 0]

Scored in characters over notes whose identifiers are known (`deid_notes/`), with what the vault knows of each
patient and without. An identifier has leaked where a letter or digit of it is still there. Words marked as
nobody's question (states, titles) count for neither side. `--show` prints what went wrong, of the
development sets only: held-out sets are not looked at while rules are written.
"""

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from a360.protect import LocalKeyStore, LocalTokenizer
from a360.trust.deid import Deidentified, Deidentifier
from a360.trust.deid._deidentifier import SURE
from deid_notes.corpus import HARD_NEGATIVE, IGNORED, Note, notes

AIM_RECALL, AIM_PRECISION, AIM_SPEED = 0.98, 0.90, 5_000
BATCH = 64
_HELD_OUT, _DEVELOPMENT = ("held_out", "held_out_2"), ("development", "development_2")
REVIEW_FROM = (0.40, 0.45, 0.50, 0.55, 0.60, 0.65, 0.70, 0.75)


def known_of(made: Sequence[Note]) -> pa.Table:
    """What the vault would tell of the patients."""
    rows = [(note.patient_key, kind, value) for note in made for kind, value in note.known]
    return pa.table(
        dict(zip(("patient_key", "kind", "value"), map(list, zip(*rows, strict=True)), strict=True))
    )


class Score:
    """Characters found, missed and taken in vain."""

    def __init__(self) -> None:
        self.found, self.all, self.leaked, self.planted = Counter(), Counter(), Counter(), Counter()
        self.vain, self.taken, self.wrong = 0, 0, []
        # Of each note: its least sure stretch, and whether something leaked.
        self.notes: list[tuple[float, bool]] = []

    def add(self, note: Note, done: Deidentified) -> None:
        """Count one note."""
        gone = bytearray(len(note.text))
        for each in done.replaced:
            gone[each.start : each.end] = b"\x01" * (each.end - each.start)
        kept = bytearray(len(note.text))
        leaked_before = self.leaks()
        for each in note.planted:
            place = slice(each.start, each.end)
            if each.type == IGNORED:
                kept[place] = b"\x01" * (each.end - each.start)
                continue
            self.planted[each.type] += 1
            self.all[each.type] += each.end - each.start
            self.found[each.type] += sum(gone[place])
            signs = [gone[at] for at in range(each.start, each.end) if note.text[at].isalnum()]
            self.leaked[each.type] += not all(signs)
            if each.type == HARD_NEGATIVE:
                if any(gone[place]):
                    self.wrong.append(
                        ("vain", note.template, note.text[max(0, each.start - 25) : each.end + 15])
                    )
                continue
            kept[place] = b"\x01" * (each.end - each.start)
            if not all(signs):
                self.wrong.append(
                    (
                        each.type,
                        note.template,
                        note.text[each.start : each.end],
                        note.text[max(0, each.start - 25) : each.end + 15],
                    )
                )
        for each in done.replaced:
            plain = [at for at in range(each.start, each.end) if not kept[at]]
            self.vain += len(plain)
            if len(plain) > 2:
                self.wrong.append(
                    (
                        "vain",
                        note.template,
                        each.type,
                        each.stage,
                        round(each.score, 2),
                        note.text[each.start : each.end],
                    )
                )
        self.taken += sum(each.end - each.start for each in done.replaced)
        least = min((each.score for each in (*done.replaced, *done.unsure)), default=1.0)
        self.notes.append((least, self.leaks() > leaked_before))

    def leaks(self) -> int:
        """How many identifiers have leaked."""
        return sum(count for kind, count in self.leaked.items() if kind != HARD_NEGATIVE)

    def totals(self) -> tuple[float, float]:
        """Recall and precision of characters."""
        real = [each for each in self.all if each != HARD_NEGATIVE]
        hit = sum(self.found[each] for each in real)
        return hit / sum(self.all[each] for each in real), hit / (hit + self.vain)


def report(title: str, score: Score) -> None:
    """Print the figures of one pass."""
    recall, precision = score.totals()
    both = 2 * recall * precision / (recall + precision)
    print(
        f"\n{title}: recall {recall:.4f} (aim {AIM_RECALL}), "
        f"precision {precision:.4f} (aim {AIM_PRECISION}), F1 {both:.4f}"
    )
    print(f"{'type':<14}{'planted':>8}{'recall':>9}{'leaked':>8}{'leak rate':>11}")
    for each in sorted(score.planted, key=lambda name: (name == HARD_NEGATIVE, name)):
        if each == HARD_NEGATIVE:
            continue
        print(
            f"{each:<14}{score.planted[each]:>8}{score.found[each] / score.all[each]:>9.4f}"
            f"{score.leaked[each]:>8}{score.leaked[each] / score.planted[each]:>11.4f}"
        )
    total = score.all[HARD_NEGATIVE]
    print(
        f"hard negatives: {score.planted[HARD_NEGATIVE]}, "
        f"{score.found[HARD_NEGATIVE] / total:.4f} of their characters taken"
    )


def report_review(score: Score) -> None:
    """Print what a person has to read, and how much of what leaked is among it."""
    leaking = sum(leaks for _, leaks in score.notes)
    print(f"{'sure from':<12}{'notes to review':>17}{'leaking notes among them':>27}")
    for sure in REVIEW_FROM:
        seen = [leaks for least, leaks in score.notes if least < sure]
        mark = " *" if sure == SURE else ""
        print(
            f"{sure:<12}{len(seen) / len(score.notes):>17.3f}{sum(seen):>15} of {leaking}"
            f" ({sum(seen) / (leaking or 1):.3f}){mark}"
        )


def measure(made: Sequence[Note], reader: Deidentifier) -> tuple[Score, float]:
    """Read the notes in batches; the score, and characters a second of processor time."""
    score, spent = Score(), 0.0
    for start in range(0, len(made), BATCH):
        batch = made[start : start + BATCH]
        began = time.process_time()
        done = reader.read([each.text for each in batch], [each.patient_key for each in batch])
        spent += time.process_time() - began
        for note, each in zip(batch, done, strict=True):
            score.add(note, each)
    return score, sum(len(each.text) for each in made) / spent


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--set", default="held_out", choices=[*_HELD_OUT, *_DEVELOPMENT])
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--show", type=int, default=0)
    options = parser.parse_args()
    made = list(notes(options.set, draws=options.draws))
    table = known_of(made)
    with tempfile.TemporaryDirectory() as folder:
        tokenizer = LocalTokenizer(LocalKeyStore.create(Path(folder) / "keys"))
        print(f"{options.set}: {len(made)} notes, {sum(len(each.text) for each in made):,} characters")
        for title, reader in (
            ("with the vault", Deidentifier(tokenizer, lambda _: table)),
            ("without it", Deidentifier(tokenizer, None, without=frozenset({"known"}))),
            ("rules alone", Deidentifier(tokenizer, None, without=frozenset({"known", "model"}))),
        ):
            score, speed = measure(made, reader)
            report(title, score)
            report_review(score)
            print(f"{speed:,.0f} characters a second of processor time (aim {AIM_SPEED:,})")
            if options.show and options.set in _DEVELOPMENT and title != "rules alone":
                for each, count in Counter(map(repr, score.wrong)).most_common(options.show):
                    print(count, each)


if __name__ == "__main__":
    main()

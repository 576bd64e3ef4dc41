"""What one look of the doctor says, and looks that cannot fail."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from a360.errors import A360Error

type Status = Literal["ok", "warn", "fail"]
type Look = Callable[[], "DoctorCheck"]


@dataclass(frozen=True, slots=True)
class DoctorCheck:
    """One thing that was looked at; `next_step` says how to mend what is not well.

    A warning is about what will trouble the lake; a failure about what keeps it from working, or unsafe.
    """

    area: str
    name: str
    status: Status
    found: str
    next_step: str = ""

    @property
    def ok(self) -> bool:
        """Whether it is no failure."""
        return self.status != "fail"

    def to_json(self) -> dict[str, Any]:
        """The check as JSON."""
        return asdict(self) | {"ok": self.ok}


def judged(
    area: str, name: str, found: str, *, fail: bool = False, warn: bool = False, mend: str = ""
) -> DoctorCheck:
    """A check whose next step is told only where something is not well."""
    status: Status = "fail" if fail else "warn" if warn else "ok"
    return DoctorCheck(area, name, status, found, mend if status != "ok" else "")


def looked(
    area: str, name: str, look: Callable[[], "DoctorCheck | Iterator[DoctorCheck]"], mend: str
) -> Iterator[DoctorCheck]:
    """What a look says; one that breaks off is a failure like any other, so that the others are told."""
    try:
        found = look()
        if isinstance(found, DoctorCheck):
            yield found
        else:
            yield from found
    except A360Error as error:
        yield DoctorCheck(area, name, "fail", _in_short(error), error.next_step or mend)
    except Exception as error:  # noqa: BLE001 -- a doctor that dies of the illness is of no use
        yield DoctorCheck(area, name, "fail", f"could not be looked at: {type(error).__name__}", mend)


def _in_short(error: A360Error) -> str:
    return ": ".join(part for part in (error.what, error.found) if part)

"""What trust rests on: the lock of the workers that run queries, and where checkpoints of the log lie."""

from collections.abc import Iterator

from a360.operate._doctor._check import DoctorCheck, judged, looked
from a360.settings import Settings
from a360.trust.gateway import Workers

_AREA = "trust"
_ANCHOR = "set A360_AUDIT_ANCHOR to a folder on other storage (docs/audit.md)"
_LAYERS = "let the platform offer what docs/gateway.md lists"


def worker_checks() -> Iterator[DoctorCheck]:
    """Whether a query of somebody else can be locked in on this machine."""
    yield from looked(_AREA, "worker", _worker, _LAYERS)


def _worker() -> DoctorCheck:
    """A worker is taken, which tries itself what it could still reach; where it could, it is no worker."""
    with Workers(ready=0) as workers:
        worker = workers.take()
        worker.close()
    return judged(_AREA, "worker", f"reaches nothing; locked by {', '.join(worker.layers)}")


def anchor_checks(settings: Settings) -> Iterator[DoctorCheck]:
    """Whether checkpoints of the audit log lie where whoever can rewrite the log cannot replace them."""
    yield from looked(_AREA, "audit anchor", lambda: _anchor(settings), _ANCHOR)


def _anchor(settings: Settings) -> DoctorCheck:
    anchor = settings.audit_anchor
    if settings.audit_bucket is not None:
        return judged(_AREA, "audit anchor", f"checkpoints lie in {settings.audit_bucket}")
    if anchor is None:
        found = "none: who can rewrite the audit log can replace its checkpoints"
        return judged(_AREA, "audit anchor", found, warn=True, mend=_ANCHOR)
    beside = anchor.absolute().resolve().is_relative_to(settings.lake.absolute().resolve())
    found = f"checkpoints lie in {anchor}" + (", within the lake itself" if beside else "")
    if not anchor.is_dir():
        return judged(
            _AREA, "audit anchor", f"{anchor} is not there", fail=True, mend=f"mkdir -m 700 {anchor}"
        )
    return judged(_AREA, "audit anchor", found, warn=beside, mend=_ANCHOR)

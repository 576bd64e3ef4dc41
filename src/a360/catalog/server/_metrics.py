"""Metrics reports: what clients measured of their scans and commits, less anything that could be data."""

import re
import time

from a360.catalog._errors import BadRequestError
from a360.catalog._wire import Json, Reply, encode
from a360.catalog.server._names import Call
from a360.catalog.store import MetricsReports, Store

_REPORTS = {"scan-report": "scan", "commit-report": "commit"}
_METRIC = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")
_ENGINE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,63}")
_MOST_METRICS = 100
_INT64 = 1 << 63


class Metrics:
    """Takes reports and keeps them until `ops` does.

    A scan's filter may name a patient, and so may free text of a client: neither is kept.
    """

    def __init__(self, store: Store, reports: MetricsReports) -> None:
        self._store = store
        self._reports = reports

    def report_metrics(self, call: Call) -> Reply:
        """Take a report; kinds that are not known are thanked for and forgotten."""
        table = call.identifier()
        if self._store.pointer(table) is None:
            raise table.missing()
        body = call.request.json()
        kind = body.get("report-type")
        if not isinstance(kind, str):
            raise BadRequestError("Cannot parse report type: it is missing")
        if kind in _REPORTS:
            kept = encode(_kept(_REPORTS[kind], body)).decode()
            self._reports.add(time.time_ns() // 1_000_000, str(table), kept)
        return Reply(204)


def _kept(kind: str, body: Json) -> Json:
    metrics = body.get("metrics")
    if not isinstance(metrics, dict):
        raise BadRequestError("Cannot parse metrics report: metrics are missing")
    given = body.get("metadata")
    told: Json = given if isinstance(given, dict) else {}
    engine = " ".join(_words(told.get(key)) for key in ("engine-name", "engine-version")).strip()
    return {
        "report": kind,
        "snapshot": _number(body.get("snapshot-id")),
        "operation": _words(body.get("operation")) or None,
        "engine": engine or None,
        "metrics": [
            {"metric": name, **measured}
            for name, value in list(metrics.items())[:_MOST_METRICS]
            if _METRIC.fullmatch(name) and (measured := _measured(value))
        ],
    }


def _measured(value: object) -> Json | None:
    """A counter (`unit`, `value`) or a timer (`time-unit`, `total-duration`, `count`) in one form."""
    if not isinstance(value, dict):
        return None
    counted = _number(value.get("value"))
    if counted is not None:
        return {"unit": _words(value.get("unit")) or "count", "value": counted, "events": None}
    lasted = _number(value.get("total-duration"))
    if lasted is None:
        return None
    unit = _words(value.get("time-unit")) or "nanoseconds"
    return {"unit": unit, "value": lasted, "events": _number(value.get("count"))}


def _number(value: object) -> int | None:
    whole = isinstance(value, int) and not isinstance(value, bool) and -_INT64 <= value < _INT64
    return value if whole and isinstance(value, int) else None


def _words(value: object) -> str:
    return value if isinstance(value, str) and _ENGINE.fullmatch(value) else ""

"""Lineage events to a collector, by OpenLineage's HTTP transport.

Events wait in `ops.lineage_event`; on the way out they get the facets that the lake keeps once for all runs.
A file beside the catalog remembers the last one that was taken. So a collector that is away delays events and
loses none: the next run sends what is left, in order. An event may arrive twice, which the specification
provides for. Sending takes a bounded time and never fails a run.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import structlog

from a360.lineage import with_definitions
from a360.operate._lineage import DEFINITION, EVENTS
from a360.table import Tables

_ENDPOINT: Final = "/api/v1/lineage"
_AT_ONCE: Final = 2000
_TRIES: Final = 3
_WAIT: Final = 0.2
_OUT_OF_PLACE: Final = frozenset({400, 413, 422})
_TOO_MANY: Final = 429
_SERVER: Final = 500

log = structlog.get_logger("a360.lineage")

type Event = tuple[str, str]
"""An event's id and its JSON."""


@dataclass(frozen=True, slots=True)
class _Definitions:
    """How datasets were made, in the order in which that changed: id and job event."""

    told: Mapping[str, Sequence[tuple[str, dict[str, Any]]]]

    @classmethod
    def of(cls, tables: Tables) -> "_Definitions":
        rows = tables.session.sql(
            f"SELECT dataset, event_id, payload FROM {EVENTS} "
            f"WHERE event_type = '{DEFINITION}' ORDER BY event_id"
        )
        told: dict[str, list[tuple[str, dict[str, Any]]]] = {}
        for row in rows.to_pylist():
            told.setdefault(row["dataset"], []).append((row["event_id"], json.loads(row["payload"])))
        return cls(told)

    def in_full(self, event_id: str, payload: str) -> Event:
        """An event with what was known of its datasets when it was written."""

        def definition_of(dataset: str) -> dict[str, Any] | None:
            before = [event for defined, event in self.told.get(dataset, ()) if defined < event_id]
            return before[-1] if before else None

        full = with_definitions(json.loads(payload), definition_of)
        return event_id, json.dumps(full, ensure_ascii=False, separators=(",", ":"))


@dataclass(slots=True)
class LineageExport:
    """Sends events to one collector.

    Attributes:
        url: The collector: with a path, the endpoint itself; without, OpenLineage's endpoint is added.
        api_key: Sent as bearer token, where there is one.
        state: The file that remembers the last event taken.
        budget: How many seconds a run may spend on sending.
    """

    url: str
    state: Path
    api_key: str | None = None
    budget: float = 5.0
    _sent: int = field(default=0, init=False)

    def send(self, tables: Tables) -> int:
        """Send what waits; gives how many events the collector took. What goes wrong is logged."""
        try:
            waiting = self._waiting(tables)
            if waiting:
                self._within_budget(lambda until: self._send_all(waiting, until))
        except Exception as error:  # noqa: BLE001 - lineage is no reason for a run to fail
            log.warning("lineage was not sent", error=type(error).__name__)
        return self._sent

    def _waiting(self, tables: Tables) -> Sequence[Event]:
        if tables.current_snapshot_id(EVENTS) is None:
            return []
        tables.session.refresh()
        last = self.state.read_text("utf-8").strip() if self.state.is_file() else ""
        # Ids are hexadecimal; what the file holds besides is not an id, and begins anew.
        last = last if last.isalnum() else ""
        rows = tables.session.sql(
            f"SELECT event_id, payload FROM {EVENTS} "
            f"WHERE event_id > '{last}' AND event_type <> '{DEFINITION}' ORDER BY event_id LIMIT {_AT_ONCE}"
        )
        defined = _Definitions.of(tables) if rows.num_rows else _Definitions({})
        return [defined.in_full(row["event_id"], row["payload"]) for row in rows.to_pylist()]

    def _within_budget(self, work: Callable[[float], None]) -> None:
        """A collector that answers drop by drop outlasts every time-out of a request, but not this one."""
        until = time.monotonic() + self.budget
        thread = threading.Thread(target=work, args=(until,), name="lineage-export", daemon=True)
        thread.start()
        thread.join(self.budget)
        if thread.is_alive():
            log.warning("the lineage collector is slow; the rest is sent by the next run", sent=self._sent)

    def _send_all(self, events: Sequence[Event], until: float) -> None:
        headers = {"Content-Type": "application/json"}
        if self.api_key:
            headers["Authorization"] = f"Bearer {self.api_key}"
        with httpx.Client(headers=headers, timeout=max(self.budget / 2, 0.1)) as client:
            for event_id, payload in events:
                if not self._taken(client, event_id, payload, until):
                    log.warning(
                        "the lineage collector took no event; the next run tries again", sent=self._sent
                    )
                    return
                self._sent += 1
                self._remember(event_id)

    def _taken(self, client: httpx.Client, event_id: str, payload: str, until: float) -> bool:
        for tried in range(_TRIES):
            left = until - time.monotonic()
            if left <= 0:
                return False
            try:
                answer = client.post(self._endpoint, content=payload.encode(), timeout=left)
            except httpx.HTTPError:
                answer = None
            if answer is not None and answer.is_success:
                return True
            if answer is not None and answer.status_code in _OUT_OF_PLACE:
                # Asking again would not help, and would keep all later events waiting behind this one.
                log.warning(
                    "the lineage collector refused an event", event_id=event_id, status=answer.status_code
                )
                return True
            if answer is not None and answer.status_code != _TOO_MANY and answer.status_code < _SERVER:
                return False
            time.sleep(min(_WAIT * 2**tried, max(until - time.monotonic(), 0)))
        return False

    def _remember(self, event_id: str) -> None:
        partial = self.state.with_suffix(".part")
        partial.write_text(event_id, encoding="utf-8")
        partial.replace(self.state)

    @property
    def _endpoint(self) -> str:
        return self.url if urlsplit(self.url).path.strip("/") else self.url.rstrip("/") + _ENDPOINT

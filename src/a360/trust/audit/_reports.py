"""Reports over the log: who was told what of patients, and what looks as if it should not be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import pyarrow as pa

from a360.trust.audit._search import EVERYTHING, Search, stream

# What shows data to somebody. Two records of one request are one access: the decision, and how it ended.
_TELLING = "('query', 'open', 'export', 'release', 'reveal')"
# Accounting leaves out (45 CFR 164.528(a)(1)): treatment, payment and operations; what patients are told of
# themselves; limited data sets. What is de-identified is no health information of anybody.
_UNACCOUNTED = """coalesce(purpose IN ('treatment', 'payment', 'operations'), false)
        OR (action = 'export' AND recipient = 'patient') OR action = 'release'"""

# Whom an access concerns is certain where the log has their pseudonyms; where it has none and rows were told,
# or nobody knows how many, it may have been anybody.
_ACCESSES = f"""
requests AS (
    SELECT coalesce(request, 'record ' || sequence) AS request, min(sequence) AS sequence,
        min(event_time) AS happened, any_value(principal) AS principal, any_value(acting_for) AS acting_for,
        any_value(purpose) AS purpose, any_value(source) AS source, max(row_count) AS told,
        any_value(action) AS action, any_value(details ->> 'recipient') AS recipient,
        list_sort(list_distinct(flatten(list(coalesce(objects, []))))) AS objects,
        list_sort(list_distinct(flatten(list(coalesce(column_names, []))))) AS column_names,
        list_sort(list_distinct(flatten(list(coalesce(subjects, []))))) AS subjects
    FROM records WHERE action IN {_TELLING}
    GROUP BY coalesce(request, 'record ' || sequence)
    HAVING bool_or(outcome IN ('allowed', 'done'))
), accesses AS (
    SELECT *, CASE WHEN len(subjects) > 0 THEN 'certain' WHEN told = 0 THEN 'nobody' ELSE 'possible' END
        AS concerned
    FROM requests
)"""

_DISCLOSURES = f"""
SELECT happened AS event_time, principal, acting_for, source, action, recipient, purpose,
    array_to_string(objects, ', ') AS datasets, array_to_string(column_names, ', ') AS column_names,
    told AS row_count, concerned, request
FROM accesses
WHERE concerned <> 'nobody'
    AND ($subject IS NULL OR concerned = 'possible' OR list_contains(subjects, $subject))
    AND ($datasets IS NULL OR list_has_any(objects, $datasets))
    AND ($everything OR NOT ({_UNACCOUNTED}))
ORDER BY sequence"""

_BREACH = """
SELECT principal, acting_for, source, dataset, count(*) AS requests,
    coalesce(sum(told), 0)::BIGINT AS row_count,
    len(list_distinct(flatten(list(subjects)))) AS known_patients,
    count(*) FILTER (concerned = 'possible') AS requests_of_unknown_patients,
    array_to_string(list_sort(list_distinct(list_filter(flatten(list(column_names)),
        lambda one: starts_with(one, dataset || '.')))), ', ') AS column_names,
    min(happened) AS first_time, max(happened) AS last_time
FROM (SELECT *, unnest(objects) AS dataset FROM accesses)
GROUP BY principal, acting_for, source, dataset
ORDER BY row_count DESC, principal, dataset"""

_ACCESS = """
SELECT principal, acting_for, dataset,
    count(DISTINCT coalesce(request, 'record ' || sequence))
        FILTER (outcome IN ('allowed', 'done')) AS allowed,
    count(*) FILTER (outcome = 'denied') AS denied,
    array_to_string(list_sort(list_distinct(list(purpose) FILTER (purpose IS NOT NULL))), ', ') AS purposes,
    array_to_string(list_sort(list_distinct(list(action))), ', ') AS actions,
    min(event_time) AS first_time, max(event_time) AS last_time
FROM (SELECT *, unnest(CASE WHEN len(objects) > 0 THEN objects ELSE [NULL] END) AS dataset FROM records)
WHERE NOT starts_with(action, 'audit.')
GROUP BY principal, acting_for, dataset
ORDER BY principal, dataset NULLS FIRST, acting_for"""

# Hours are judged where the clinics are; a volume, against what the principal is told on other days.
_ANOMALIES = """
, local AS (
    SELECT *, happened AT TIME ZONE $zone AS there FROM accesses
), days AS (
    SELECT principal, there::DATE AS on_day, coalesce(sum(told), 0)::BIGINT AS told,
        min(happened) AS first_time,
        max(happened) AS last_time, count(*) AS requests
    FROM local GROUP BY principal, there::DATE
), denials AS (
    SELECT principal, event_time, count(*) OVER (
        PARTITION BY principal ORDER BY event_time
        RANGE BETWEEN INTERVAL 10 MINUTE PRECEDING AND CURRENT ROW) AS denied
    FROM records WHERE outcome = 'denied'
)
SELECT 'off hours' AS kind, principal, count(*) AS events, coalesce(sum(told), 0)::BIGINT AS row_count,
    min(happened) AS first_time, max(happened) AS last_time,
    format('outside {} to {} o''clock, or at a weekend', $opens, $closes) AS why
FROM local WHERE hour(there) < $opens OR hour(there) >= $closes OR isodow(there) > 5
GROUP BY principal
UNION ALL
SELECT 'volume', one.principal, one.requests, one.told, one.first_time, one.last_time,
    coalesce(format('{} rows on a usual day', usual.told::BIGINT), 'on the only day')
FROM days AS one LEFT JOIN LATERAL (
    SELECT median(other.told) AS told FROM days AS other
    WHERE other.principal = one.principal AND other.on_day <> one.on_day
) AS usual ON true
WHERE one.told >= $volume AND one.told > 10 * coalesce(usual.told, 0)
UNION ALL
SELECT 'repeated denials', principal, max(denied), NULL, min(event_time), max(event_time), 'in ten minutes'
FROM denials GROUP BY principal HAVING max(denied) >= $denials
UNION ALL
SELECT 'break-glass', principal, 1, row_count, event_time, event_time,
    outcome || coalesce(' for ' || (details ->> 'minutes') || ' minutes', '')
FROM records WHERE action = 'break-glass'
ORDER BY kind, first_time, principal"""


@dataclass(frozen=True, slots=True)
class Report:
    """A kind of report: what it tells, and what it asks of the log."""

    title: str
    sql: str

    def full_sql(self, condition: str) -> str:
        """Its query over the records that a condition holds for."""
        return f"WITH records AS (SELECT * FROM log WHERE {condition}), {_ACCESSES} {self.sql}"


REPORTS: Final[Mapping[str, Report]] = MappingProxyType(
    {
        "disclosures": Report("What was told of patients, to whom and for what", _DISCLOSURES),
        "breach": Report("What somebody got to see, by dataset", _BREACH),
        "access": Report("Who used what they may", _ACCESS),
        "anomalies": Report("What a person should look into", _ANOMALIES),
    }
)


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """What a report is about; `subject` is a patient's pseudonym, and makes sense for disclosures.

    `datasets` are those that tell of patients; what was told of others is no disclosure. None means all.
    `everything` tells also of treatment, payment and operations, which accounting leaves out. The rest says
    what counts as unusual: hours of work in a time zone, rows on one day, denials in ten minutes.
    """

    search: Search = EVERYTHING
    subject: str | None = None
    datasets: Sequence[str] | None = None
    everything: bool = False
    zone: str = "UTC"
    opens: int = 7
    closes: int = 20
    volume: int = 10_000
    denials: int = 5


def report(folder: Path, kind: str, options: ReportOptions) -> pa.Table:
    """A report of a kind over a log."""
    condition, values = options.search.where()
    given: dict[str, dict[str, Any]] = {
        "disclosures": {
            "subject": options.subject,
            "datasets": options.datasets and list(options.datasets),
            "everything": options.everything,
        },
        "anomalies": {
            "zone": options.zone,
            "opens": options.opens,
            "closes": options.closes,
            "volume": options.volume,
            "denials": options.denials,
        },
    }
    sql = REPORTS[kind].full_sql(condition)
    return stream(folder, sql, {**values, **given.get(kind, {})}).read_all()

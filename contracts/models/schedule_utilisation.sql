-- One row a practitioner, clinic and week (from Monday, by local dates): the time that was planned against the
-- time that was booked and kept. Plans and bookings meet day by day: time planned and not booked is idle, time
-- booked beyond the plan is overbooked. Cancelled appointments leave their time free; missed ones do not.
WITH planned AS (
  SELECT
    source,
    practitioner_id,
    COALESCE(organization_id, 'unknown') AS organization_id,
    work_date AS day,
    COUNT(*) AS sessions,
    SUM(
      CAST(
        EXTRACT(DAY FROM end_at - start_at) * 1440
        + EXTRACT(HOUR FROM end_at - start_at) * 60
        + EXTRACT(MINUTE FROM end_at - start_at) AS BIGINT
      ) - COALESCE(break_minutes, 0)
    ) AS minutes
  FROM silver.provider_schedule
  WHERE NOT deleted AND status = 'planned' AND practitioner_id IS NOT NULL AND work_date IS NOT NULL
  GROUP BY source, practitioner_id, COALESCE(organization_id, 'unknown'), work_date
),

booked AS (
  SELECT
    a.source,
    a.practitioner_id,
    COALESCE(l.managing_organization_id, 'unknown') AS organization_id,
    a.start_date AS day,
    COUNT(CASE WHEN a.status <> 'cancelled' THEN 1 END) AS appointments,
    COUNT(CASE WHEN a.status = 'fulfilled' THEN 1 END) AS attended,
    COUNT(CASE WHEN a.status = 'noshow' THEN 1 END) AS no_shows,
    COUNT(CASE WHEN a.status = 'cancelled' THEN 1 END) AS cancellations,
    SUM(CASE WHEN a.status <> 'cancelled' THEN a.minutes_duration ELSE 0 END) AS minutes,
    SUM(CASE WHEN a.status = 'fulfilled' THEN a.minutes_duration ELSE 0 END) AS attended_minutes,
    SUM(CASE WHEN a.status = 'noshow' THEN a.minutes_duration ELSE 0 END) AS no_show_minutes
  FROM silver.appointment AS a
  LEFT JOIN silver.location AS l
    ON l.source = a.source AND l.location_id = a.location_id AND NOT l.deleted
  WHERE NOT a.deleted
    AND a.status NOT IN ('proposed', 'waitlist', 'entered-in-error')
    AND a.practitioner_id IS NOT NULL
    AND a.start_date IS NOT NULL
  GROUP BY a.source, a.practitioner_id, COALESCE(l.managing_organization_id, 'unknown'), a.start_date
),

cells AS (
  SELECT source, practitioner_id, organization_id, day FROM planned
  UNION
  SELECT source, practitioner_id, organization_id, day FROM booked
),

days AS (
  SELECT
    cells.source,
    cells.practitioner_id,
    cells.organization_id,
    CAST(DATE_TRUNC('week', cells.day) AS DATE) AS week,
    COALESCE(p.sessions, 0) AS sessions,
    COALESCE(p.minutes, 0) AS planned_minutes,
    COALESCE(b.appointments, 0) AS appointments,
    COALESCE(b.attended, 0) AS attended,
    COALESCE(b.no_shows, 0) AS no_shows,
    COALESCE(b.cancellations, 0) AS cancellations,
    COALESCE(b.minutes, 0) AS booked_minutes,
    COALESCE(b.attended_minutes, 0) AS attended_minutes,
    COALESCE(b.no_show_minutes, 0) AS no_show_minutes
  FROM cells
  LEFT JOIN planned AS p
    ON p.source = cells.source
    AND p.practitioner_id = cells.practitioner_id
    AND p.organization_id = cells.organization_id
    AND p.day = cells.day
  LEFT JOIN booked AS b
    ON b.source = cells.source
    AND b.practitioner_id = cells.practitioner_id
    AND b.organization_id = cells.organization_id
    AND b.day = cells.day
),

weeks AS (
  SELECT
    source,
    practitioner_id,
    organization_id,
    week,
    CAST(SUM(sessions) AS BIGINT) AS sessions,
    CAST(SUM(planned_minutes) AS BIGINT) AS planned_minutes,
    CAST(SUM(appointments) AS BIGINT) AS appointments,
    CAST(SUM(attended) AS BIGINT) AS attended,
    CAST(SUM(no_shows) AS BIGINT) AS no_shows,
    CAST(SUM(cancellations) AS BIGINT) AS cancellations,
    CAST(SUM(booked_minutes) AS BIGINT) AS booked_minutes,
    CAST(SUM(attended_minutes) AS BIGINT) AS attended_minutes,
    CAST(SUM(no_show_minutes) AS BIGINT) AS no_show_minutes,
    CAST(SUM(CASE WHEN planned_minutes > booked_minutes THEN planned_minutes - booked_minutes ELSE 0 END) AS BIGINT)
      AS idle_minutes,
    CAST(SUM(CASE WHEN booked_minutes > planned_minutes THEN booked_minutes - planned_minutes ELSE 0 END) AS BIGINT)
      AS overbooked_minutes
  FROM days
  GROUP BY source, practitioner_id, organization_id, week
)

SELECT
  w.source,
  w.practitioner_id,
  w.organization_id,
  w.week,
  CASE
    WHEN pr.practitioner_id IS NOT NULL
      THEN TRIM(COALESCE(pr.given_name, '') || ' ' || COALESCE(pr.family_name, ''), ' ')
  END AS practitioner_name,
  og.name AS organization_name,
  w.sessions,
  w.planned_minutes,
  w.appointments,
  w.attended,
  w.no_shows,
  w.cancellations,
  w.booked_minutes,
  w.attended_minutes,
  w.no_show_minutes,
  w.idle_minutes,
  w.overbooked_minutes,
  CAST(CAST(w.booked_minutes AS DOUBLE) / NULLIF(w.planned_minutes, 0) AS DECIMAL(9, 4)) AS booked_rate,
  CAST(CAST(w.attended_minutes AS DOUBLE) / NULLIF(w.planned_minutes, 0) AS DECIMAL(9, 4)) AS utilisation_rate,
  CAST(CAST(w.no_shows AS DOUBLE) / NULLIF(w.appointments, 0) AS DECIMAL(9, 4)) AS no_show_rate
FROM weeks AS w
LEFT JOIN silver.practitioner AS pr
  ON pr.source = w.source AND pr.practitioner_id = w.practitioner_id AND NOT pr.deleted
LEFT JOIN silver.organization AS og
  ON og.source = w.source AND og.organization_id = w.organization_id AND NOT og.deleted

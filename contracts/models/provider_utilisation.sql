-- One row a practitioner and month: how the practitioner's time was booked and used.
WITH visits AS (
  SELECT
    source,
    practitioner_id,
    CAST(DATE_TRUNC('month', start_date) AS DATE) AS month,
    COUNT(*) AS encounters,
    COUNT(DISTINCT patient_key) AS patients,
    CAST(
      SUM(
        EXTRACT(DAY FROM end_at - start_at) * 1440
        + EXTRACT(HOUR FROM end_at - start_at) * 60
        + EXTRACT(MINUTE FROM end_at - start_at)
      ) AS BIGINT
    ) AS visit_minutes
  FROM silver.encounter
  WHERE NOT deleted
    AND status NOT IN ('planned', 'cancelled', 'entered-in-error')
    AND practitioner_id IS NOT NULL
    AND start_date IS NOT NULL
  GROUP BY source, practitioner_id, CAST(DATE_TRUNC('month', start_date) AS DATE)
),

bookings AS (
  SELECT
    source,
    practitioner_id,
    CAST(DATE_TRUNC('month', start_date) AS DATE) AS month,
    COUNT(*) AS appointments,
    COUNT(CASE WHEN status = 'fulfilled' THEN 1 END) AS fulfilled,
    COUNT(CASE WHEN status = 'noshow' THEN 1 END) AS no_shows,
    COUNT(CASE WHEN status = 'cancelled' THEN 1 END) AS cancelled,
    CAST(SUM(minutes_duration) AS BIGINT) AS booked_minutes
  FROM silver.appointment
  WHERE NOT deleted
    AND status <> 'entered-in-error'
    AND practitioner_id IS NOT NULL
    AND start_date IS NOT NULL
  GROUP BY source, practitioner_id, CAST(DATE_TRUNC('month', start_date) AS DATE)
),

acts AS (
  SELECT
    source,
    practitioner_id,
    CAST(DATE_TRUNC('month', performed_date) AS DATE) AS month,
    COUNT(*) AS procedures,
    COUNT(CASE WHEN category_code IN ('toxin', 'filler', 'laser', 'peel', 'lift') THEN 1 END)
      AS treatments,
    CAST(SUM(CASE WHEN category_code = 'toxin' AND unit = 'U' THEN units END) AS DECIMAL(18, 3))
      AS toxin_units,
    CAST(SUM(CASE WHEN category_code = 'filler' AND unit = 'mL' THEN units END) AS DECIMAL(18, 3))
      AS filler_ml
  FROM silver.procedure
  WHERE NOT deleted AND status = 'completed' AND practitioner_id IS NOT NULL AND performed_date IS NOT NULL
  GROUP BY source, practitioner_id, CAST(DATE_TRUNC('month', performed_date) AS DATE)
),

months AS (
  SELECT source, practitioner_id, month FROM visits
  UNION
  SELECT source, practitioner_id, month FROM bookings
  UNION
  SELECT source, practitioner_id, month FROM acts
)

SELECT
  m.source,
  m.practitioner_id,
  m.month,
  CASE
    WHEN pr.practitioner_id IS NOT NULL
      THEN TRIM(COALESCE(pr.given_name, '') || ' ' || COALESCE(pr.family_name, ''), ' ')
  END AS practitioner_name,
  pr.qualification_code_display AS qualification,
  COALESCE(visits.encounters, 0) AS encounters,
  COALESCE(visits.patients, 0) AS patients,
  COALESCE(visits.visit_minutes, 0) AS visit_minutes,
  COALESCE(bookings.appointments, 0) AS appointments,
  COALESCE(bookings.fulfilled, 0) AS appointments_fulfilled,
  COALESCE(bookings.no_shows, 0) AS no_shows,
  COALESCE(bookings.cancelled, 0) AS cancellations,
  COALESCE(bookings.booked_minutes, 0) AS booked_minutes,
  CAST(CAST(bookings.fulfilled AS DOUBLE) / NULLIF(bookings.appointments, 0) AS DECIMAL(9, 4))
    AS fulfilled_rate,
  CAST(CAST(bookings.no_shows AS DOUBLE) / NULLIF(bookings.appointments, 0) AS DECIMAL(9, 4))
    AS no_show_rate,
  CAST(CAST(bookings.cancelled AS DOUBLE) / NULLIF(bookings.appointments, 0) AS DECIMAL(9, 4))
    AS cancellation_rate,
  COALESCE(acts.procedures, 0) AS procedures,
  COALESCE(acts.treatments, 0) AS treatments,
  COALESCE(acts.toxin_units, CAST(0 AS DECIMAL(18, 3))) AS toxin_units,
  COALESCE(acts.filler_ml, CAST(0 AS DECIMAL(18, 3))) AS filler_ml
FROM months AS m
LEFT JOIN silver.practitioner AS pr
  ON pr.source = m.source AND pr.practitioner_id = m.practitioner_id AND NOT pr.deleted
LEFT JOIN visits
  ON visits.source = m.source AND visits.practitioner_id = m.practitioner_id AND visits.month = m.month
LEFT JOIN bookings
  ON bookings.source = m.source AND bookings.practitioner_id = m.practitioner_id AND bookings.month = m.month
LEFT JOIN acts
  ON acts.source = m.source AND acts.practitioner_id = m.practitioner_id AND acts.month = m.month

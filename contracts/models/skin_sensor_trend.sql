-- One row a patient, site, metric, unit and week (from Monday, by the local dates of the sensor). The slope is that
-- of the least-squares line through the week's readings, a day: x counts the days from Monday, readings of one day
-- share theirs. It is empty where all readings are of one day. Sums are of decimals, so no order changes them.
WITH readings AS (
  SELECT
    source,
    patient_key,
    COALESCE(site_code, 'unknown') AS site_code,
    metric,
    COALESCE(unit, 'unknown') AS unit,
    CAST(DATE_TRUNC('week', measured_date) AS DATE) AS week,
    measured_date,
    CAST(
      EXTRACT(
        DAY FROM CAST(measured_date AS TIMESTAMP) - CAST(CAST(DATE_TRUNC('week', measured_date) AS DATE) AS TIMESTAMP)
      ) AS INT
    ) AS x,
    value AS y
  FROM silver.sensor_reading
  WHERE NOT deleted AND patient_key IS NOT NULL AND measured_date IS NOT NULL AND value IS NOT NULL
),

weeks AS (
  SELECT
    patient_key,
    site_code,
    metric,
    unit,
    week,
    MIN(source) AS source,
    COUNT(*) AS readings,
    COUNT(DISTINCT measured_date) AS days,
    MAX(measured_date) AS last_date,
    MIN(y) AS lowest,
    MAX(y) AS highest,
    CAST(COUNT(*) AS DOUBLE) AS n,
    CAST(SUM(x) AS DOUBLE) AS sx,
    CAST(SUM(x * x) AS DOUBLE) AS sxx,
    CAST(SUM(y) AS DOUBLE) AS sy,
    CAST(SUM(x * y) AS DOUBLE) AS sxy
  FROM readings
  GROUP BY patient_key, site_code, metric, unit, week
),

treated AS (
  SELECT DISTINCT patient_key, performed_date
  FROM silver.procedure
  WHERE NOT deleted
    AND status = 'completed'
    AND performed_date IS NOT NULL
    AND category_code IN ('toxin', 'filler', 'laser', 'peel', 'lift')
),

last_treatments AS (
  SELECT w.patient_key, w.site_code, w.metric, w.unit, w.week, MAX(t.performed_date) AS performed_date
  FROM weeks AS w
  INNER JOIN treated AS t ON t.patient_key = w.patient_key AND t.performed_date <= w.last_date
  GROUP BY w.patient_key, w.site_code, w.metric, w.unit, w.week
)

SELECT
  w.patient_key,
  w.site_code,
  w.metric,
  w.unit,
  w.week,
  w.source,
  w.readings,
  w.days,
  CAST(w.sy / NULLIF(w.n, 0) AS DECIMAL(18, 4)) AS mean_value,
  w.lowest AS lowest_value,
  w.highest AS highest_value,
  CAST((w.n * w.sxy - w.sx * w.sy) / NULLIF(w.n * w.sxx - w.sx * w.sx, 0) AS DECIMAL(18, 4)) AS slope_per_day,
  w.last_date AS last_reading_date,
  t.performed_date AS last_treatment_date,
  CAST(
    EXTRACT(DAY FROM CAST(w.last_date AS TIMESTAMP) - CAST(t.performed_date AS TIMESTAMP)) AS INT
  ) AS days_since_treatment
FROM weeks AS w
LEFT JOIN last_treatments AS t
  ON t.patient_key = w.patient_key
  AND t.site_code = w.site_code
  AND t.metric = w.metric
  AND t.unit = w.unit
  AND t.week = w.week

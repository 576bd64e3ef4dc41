-- One row a completed procedure, with how it was judged before and after, and the harm that followed.
-- An observation counts for the procedure it names; one that names none counts for every procedure of the
-- patient in whose window it lies. Windows: 30 days before (a baseline), 7 to 180 days after (a follow-up).
WITH procedures AS (
  SELECT
    source,
    procedure_id,
    patient_key,
    encounter_id,
    practitioner_id,
    location_id,
    device_id,
    code,
    code_display,
    category_code,
    body_site_code,
    body_site_code_display,
    body_sites,
    product_code,
    product_code_display,
    lot_number,
    units,
    unit,
    session_number,
    outcome_code_display,
    performed_at,
    performed_date
  FROM silver.procedure
  WHERE NOT deleted AND status = 'completed'
),

scores AS (
  SELECT
    patient_key,
    observation_id,
    procedure_id,
    code,
    value_quantity,
    effective_at,
    effective_date
  FROM silver.observation
  WHERE NOT deleted
    AND status IN ('final', 'amended', 'corrected')
    AND value_quantity IS NOT NULL
    AND effective_at IS NOT NULL
    AND code IN ('wrinkle-severity', 'gais-score')
    AND code_system = 'https://aesthetics360.example/CodeSystem/observation'
),

-- Named and nameless observations are joined apart: an OR would have each of a patient's events meet all others.
pairs AS (
  SELECT
    p.source,
    p.procedure_id,
    p.performed_at,
    p.performed_date,
    s.observation_id,
    s.code,
    s.value_quantity,
    s.effective_at,
    s.effective_date
  FROM procedures AS p
  INNER JOIN scores AS s ON s.patient_key = p.patient_key AND s.procedure_id = p.procedure_id
  UNION ALL
  SELECT
    p.source,
    p.procedure_id,
    p.performed_at,
    p.performed_date,
    s.observation_id,
    s.code,
    s.value_quantity,
    s.effective_at,
    s.effective_date
  FROM procedures AS p
  INNER JOIN scores AS s ON s.patient_key = p.patient_key
  WHERE s.procedure_id IS NULL
),

judged AS (
  SELECT
    source,
    procedure_id,
    observation_id,
    code,
    value_quantity,
    effective_at,
    effective_date,
    effective_at <= performed_at AS is_before
  FROM pairs
  WHERE
    effective_date >= CAST(performed_date - INTERVAL '30' DAY AS DATE)
    AND effective_date <= CAST(performed_date + INTERVAL '180' DAY AS DATE)
    AND (
      effective_at <= performed_at
      OR effective_date >= CAST(performed_date + INTERVAL '7' DAY AS DATE)
    )
),

baselines AS (
  SELECT source, procedure_id, value_quantity AS severity
  FROM (
    SELECT
      source,
      procedure_id,
      value_quantity,
      ROW_NUMBER() OVER (
        PARTITION BY source, procedure_id ORDER BY effective_at DESC NULLS LAST, observation_id DESC NULLS LAST
      ) AS place
    FROM judged
    WHERE is_before AND code = 'wrinkle-severity'
  ) AS ranked
  WHERE place = 1
),

follow_ups AS (
  SELECT source, procedure_id, code, value_quantity, effective_date
  FROM (
    SELECT
      source,
      procedure_id,
      code,
      value_quantity,
      effective_date,
      ROW_NUMBER() OVER (
        PARTITION BY source, procedure_id, code ORDER BY effective_at NULLS LAST, observation_id NULLS LAST
      ) AS place
    FROM judged
    WHERE NOT is_before
  ) AS ranked
  WHERE place = 1
),

harms AS (
  SELECT
    p.source,
    p.procedure_id,
    COUNT(*) AS adverse_events,
    COUNT(CASE WHEN a.seriousness_code = 'serious' THEN 1 END) AS serious_adverse_events,
    MIN(a.occurred_date) AS first_adverse_event_date
  FROM procedures AS p
  INNER JOIN silver.adverse_event AS a
    ON a.patient_key = p.patient_key
    AND NOT a.deleted
    AND a.actuality = 'actual'
    AND (a.suspect_procedure_id = p.procedure_id OR a.suspect_procedure_id IS NULL)
    AND a.occurred_date >= p.performed_date
    AND a.occurred_date <= CAST(p.performed_date + INTERVAL '30' DAY AS DATE)
  GROUP BY p.source, p.procedure_id
)

SELECT
  p.source,
  p.procedure_id,
  p.patient_key,
  p.encounter_id,
  p.practitioner_id,
  p.location_id,
  p.device_id,
  p.performed_date,
  p.code AS treatment_code,
  p.code_display AS treatment_display,
  p.category_code AS treatment_category,
  p.body_site_code,
  p.body_site_code_display,
  p.body_sites,
  p.product_code,
  p.product_code_display,
  p.lot_number,
  p.units,
  p.unit,
  p.session_number,
  p.outcome_code_display AS outcome,
  CAST(b.severity AS DECIMAL(18, 2)) AS baseline_severity,
  CAST(s.value_quantity AS DECIMAL(18, 2)) AS follow_up_severity,
  CAST(s.value_quantity - b.severity AS DECIMAL(18, 2)) AS severity_change,
  s.effective_date AS follow_up_severity_date,
  CAST(g.value_quantity AS DECIMAL(18, 2)) AS gais_score,
  g.effective_date AS gais_date,
  CAST(EXTRACT(DAY FROM CAST(g.effective_date AS TIMESTAMP) - CAST(p.performed_date AS TIMESTAMP)) AS INT)
    AS days_to_gais,
  g.value_quantity <= 3 AS is_improved,
  COALESCE(h.adverse_events, 0) > 0 AS adverse_event_within_30_days,
  COALESCE(h.adverse_events, 0) AS adverse_events,
  COALESCE(h.serious_adverse_events, 0) AS serious_adverse_events,
  h.first_adverse_event_date
FROM procedures AS p
LEFT JOIN baselines AS b ON b.source = p.source AND b.procedure_id = p.procedure_id
LEFT JOIN follow_ups AS s
  ON s.source = p.source AND s.procedure_id = p.procedure_id AND s.code = 'wrinkle-severity'
LEFT JOIN follow_ups AS g ON g.source = p.source AND g.procedure_id = p.procedure_id AND g.code = 'gais-score'
LEFT JOIN harms AS h ON h.source = p.source AND h.procedure_id = p.procedure_id

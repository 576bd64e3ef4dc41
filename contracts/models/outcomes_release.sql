-- One row a completed procedure, with what Safe Harbor lets leave of it and of the patient. What the release
-- masks (the date, the age) stands here as it is: how it leaves is said in the contract.
WITH patients AS (
  SELECT patient_key, gender, birth_date, state
  FROM silver.patient
  WHERE is_current AND NOT deleted AND replaced_by IS NULL
)

SELECT
  t.source,
  t.procedure_id,
  t.patient_key,
  p.gender,
  CAST(
    EXTRACT(YEAR FROM t.performed_date) - EXTRACT(YEAR FROM p.birth_date)
    - CASE
        WHEN EXTRACT(MONTH FROM t.performed_date) * 100 + EXTRACT(DAY FROM t.performed_date)
          < EXTRACT(MONTH FROM p.birth_date) * 100 + EXTRACT(DAY FROM p.birth_date)
          THEN 1
        ELSE 0
      END AS INT
  ) AS age,
  p.state,
  t.performed_date,
  t.treatment_code,
  t.treatment_display,
  t.treatment_category,
  t.body_site_code,
  t.product_code,
  t.units,
  t.unit,
  t.session_number,
  t.baseline_severity,
  t.follow_up_severity,
  t.severity_change,
  t.gais_score,
  t.days_to_gais,
  t.is_improved,
  t.adverse_event_within_30_days,
  t.serious_adverse_events
FROM gold.treatment_outcomes AS t
INNER JOIN patients AS p ON p.patient_key = t.patient_key

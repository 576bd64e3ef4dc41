-- One period a person: from the first to the last day on which anything is on record.
WITH days AS (
  SELECT person_id, start_date AS day FROM gold.omop_event
  UNION ALL SELECT person_id, end_date FROM gold.omop_event WHERE end_date IS NOT NULL
  UNION ALL SELECT person_id, visit_start_date FROM gold.visit_occurrence
  UNION ALL SELECT person_id, visit_end_date FROM gold.visit_occurrence
  UNION ALL SELECT person_id, note_date FROM gold.note
)
SELECT
  person_id AS observation_period_id,
  person_id,
  MIN(day) AS observation_period_start_date,
  MAX(day) AS observation_period_end_date,
  32817 AS period_type_concept_id
FROM days
GROUP BY person_id

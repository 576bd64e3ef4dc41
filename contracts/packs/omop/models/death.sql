SELECT
  person.person_id,
  patient.deceased_date AS death_date,
  patient.deceased_at AS death_datetime,
  32817 AS death_type_concept_id,
  0 AS cause_concept_id,
  CAST(NULL AS VARCHAR) AS cause_source_value,
  0 AS cause_source_concept_id
FROM silver.patient AS patient
JOIN gold.person AS person ON person.person_source_value = patient.patient_key
WHERE patient.is_current AND NOT patient.deleted AND patient.deceased_date IS NOT NULL

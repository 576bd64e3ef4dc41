-- The patients that live on after merges; CDM has no place for one without a year of birth.
SELECT
  STABLE_ID('person|' || patient.patient_key) AS person_id,
  CASE patient.gender WHEN 'male' THEN 8507 WHEN 'female' THEN 8532 ELSE 0 END AS gender_concept_id,
  CAST(EXTRACT(YEAR FROM patient.birth_date) AS INTEGER) AS year_of_birth,
  CAST(EXTRACT(MONTH FROM patient.birth_date) AS INTEGER) AS month_of_birth,
  CAST(EXTRACT(DAY FROM patient.birth_date) AS INTEGER) AS day_of_birth,
  CAST(NULL AS TIMESTAMPTZ) AS birth_datetime,
  CASE patient.race_code
    WHEN '1002-5' THEN 8657
    WHEN '2028-9' THEN 8515
    WHEN '2054-5' THEN 8516
    WHEN '2076-8' THEN 8557
    WHEN '2106-3' THEN 8527
    ELSE 0
  END AS race_concept_id,
  CASE patient.ethnicity_code WHEN '2135-2' THEN 38003563 WHEN '2186-5' THEN 38003564 ELSE 0
  END AS ethnicity_concept_id,
  CAST(NULL AS BIGINT) AS location_id,
  provider.provider_id,
  care_site.care_site_id,
  patient.patient_key AS person_source_value,
  patient.gender AS gender_source_value,
  0 AS gender_source_concept_id,
  SUBSTRING(COALESCE(patient.race_code, patient.race), 1, 50) AS race_source_value,
  0 AS race_source_concept_id,
  SUBSTRING(COALESCE(patient.ethnicity_code, patient.ethnicity), 1, 50) AS ethnicity_source_value,
  0 AS ethnicity_source_concept_id
FROM silver.patient AS patient
LEFT JOIN gold.provider AS provider
  ON provider.provider_id = STABLE_ID('provider|' || patient.source || '|' || patient.general_practitioner_id)
LEFT JOIN gold.care_site AS care_site
  ON care_site.care_site_id = STABLE_ID('care_site|' || patient.source || '|' || patient.managing_organization_id)
WHERE patient.is_current
  AND NOT patient.deleted
  AND patient.replaced_by IS NULL
  AND patient.birth_date IS NOT NULL

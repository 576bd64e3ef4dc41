SELECT
  STABLE_ID('provider|' || source || '|' || practitioner_id) AS provider_id,
  CAST(NULL AS VARCHAR) AS provider_name,
  SUBSTRING(npi, 1, 20) AS npi,
  CAST(NULL AS VARCHAR) AS dea,
  0 AS specialty_concept_id,
  CAST(NULL AS BIGINT) AS care_site_id,
  CAST(NULL AS INTEGER) AS year_of_birth,
  CASE gender WHEN 'male' THEN 8507 WHEN 'female' THEN 8532 ELSE 0 END AS gender_concept_id,
  SUBSTRING(source || '|' || practitioner_id, 1, 50) AS provider_source_value,
  SUBSTRING(COALESCE(qualification_code_display, qualification_code), 1, 50) AS specialty_source_value,
  0 AS specialty_source_concept_id,
  gender AS gender_source_value,
  0 AS gender_source_concept_id
FROM silver.practitioner
WHERE NOT deleted

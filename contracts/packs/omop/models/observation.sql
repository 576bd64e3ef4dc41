SELECT
  event_id AS observation_id,
  person_id,
  concept_id AS observation_concept_id,
  start_date AS observation_date,
  start_at AS observation_datetime,
  type_concept_id AS observation_type_concept_id,
  value_number AS value_as_number,
  CAST(NULL AS VARCHAR) AS value_as_string,
  value_concept_id AS value_as_concept_id,
  0 AS qualifier_concept_id,
  unit_concept_id,
  provider_id,
  visit_occurrence_id,
  CAST(NULL AS BIGINT) AS visit_detail_id,
  SUBSTRING(code, 1, 50) AS observation_source_value,
  source_concept_id AS observation_source_concept_id,
  SUBSTRING(unit, 1, 50) AS unit_source_value,
  CAST(NULL AS VARCHAR) AS qualifier_source_value,
  SUBSTRING(value_text, 1, 50) AS value_source_value,
  CAST(NULL AS BIGINT) AS observation_event_id,
  CAST(NULL AS INTEGER) AS obs_event_field_concept_id
FROM gold.omop_event
WHERE target = 'observation'

SELECT
  event_id AS condition_occurrence_id,
  person_id,
  concept_id AS condition_concept_id,
  start_date AS condition_start_date,
  start_at AS condition_start_datetime,
  end_date AS condition_end_date,
  end_at AS condition_end_datetime,
  type_concept_id AS condition_type_concept_id,
  0 AS condition_status_concept_id,
  CAST(NULL AS VARCHAR) AS stop_reason,
  provider_id,
  visit_occurrence_id,
  CAST(NULL AS BIGINT) AS visit_detail_id,
  SUBSTRING(code, 1, 50) AS condition_source_value,
  source_concept_id AS condition_source_concept_id,
  SUBSTRING(status, 1, 50) AS condition_status_source_value
FROM gold.omop_event
WHERE target = 'condition_occurrence'

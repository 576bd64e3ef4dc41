SELECT
  event_id AS procedure_occurrence_id,
  person_id,
  concept_id AS procedure_concept_id,
  start_date AS procedure_date,
  start_at AS procedure_datetime,
  end_date AS procedure_end_date,
  end_at AS procedure_end_datetime,
  type_concept_id AS procedure_type_concept_id,
  0 AS modifier_concept_id,
  CAST(NULL AS INTEGER) AS quantity,
  provider_id,
  visit_occurrence_id,
  CAST(NULL AS BIGINT) AS visit_detail_id,
  SUBSTRING(code, 1, 50) AS procedure_source_value,
  source_concept_id AS procedure_source_concept_id,
  CAST(NULL AS VARCHAR) AS modifier_source_value
FROM gold.omop_event
WHERE target = 'procedure_occurrence'

SELECT
  event_id AS device_exposure_id,
  person_id,
  concept_id AS device_concept_id,
  start_date AS device_exposure_start_date,
  start_at AS device_exposure_start_datetime,
  end_date AS device_exposure_end_date,
  end_at AS device_exposure_end_datetime,
  type_concept_id AS device_type_concept_id,
  SUBSTRING(device_identifier, 1, 255) AS unique_device_id,
  SUBSTRING(lot_number, 1, 255) AS production_id,
  CASE WHEN ABS(quantity) <= 2147483647 THEN CAST(CEIL(quantity) AS INTEGER) END AS quantity,
  provider_id,
  visit_occurrence_id,
  CAST(NULL AS BIGINT) AS visit_detail_id,
  SUBSTRING(code, 1, 50) AS device_source_value,
  source_concept_id AS device_source_concept_id,
  unit_concept_id,
  SUBSTRING(unit, 1, 50) AS unit_source_value,
  unit_concept_id AS unit_source_concept_id
FROM gold.omop_event
WHERE target = 'device_exposure'

SELECT
  origin,
  COALESCE(code_system, '') AS code_system,
  COUNT(*) AS records,
  SUM(CASE WHEN left_out IS NULL THEN 0 ELSE 1 END) AS left_out,
  SUM(CASE WHEN left_out IS NULL AND is_mapped THEN 1 ELSE 0 END) AS mapped,
  SUM(CASE WHEN left_out IS NULL AND source_concept_id <> 0 THEN 1 ELSE 0 END) AS known,
  SUM(CASE WHEN left_out IS NULL AND code IS NULL THEN 1 ELSE 0 END) AS without_code
FROM (
  SELECT record.origin, record.code_system, record.left_out, record.code,
    COALESCE(event.is_mapped, FALSE) AS is_mapped, COALESCE(event.source_concept_id, 0) AS source_concept_id
  FROM gold.omop_record AS record
  LEFT JOIN gold.omop_event AS event
    ON event.origin = record.origin
    AND event.source = record.source
    AND event.origin_id = record.origin_id
    AND event.place = 1
) AS told
GROUP BY origin, COALESCE(code_system, '')

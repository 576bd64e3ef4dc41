-- Notes with what is known of them; their text stays sealed.
WITH notes AS (
  SELECT note.source, note.note_id, note.type_code, note.type_code_system, note.created_at, note.language,
    note.author_id, COALESCE(note.created_date, visit.visit_start_date) AS note_date,
    person.person_id, visit.visit_occurrence_id
  FROM silver.note AS note
  JOIN gold.person AS person ON person.person_source_value = note.patient_key
  LEFT JOIN gold.visit_occurrence AS visit
    ON visit.person_id = person.person_id
    AND visit.visit_occurrence_id = STABLE_ID('visit|' || note.source || '|' || note.encounter_id)
  WHERE NOT note.deleted AND note.status <> 'entered-in-error'
), classes AS (
  SELECT relation_from.concept_code, MIN(relation.concept_id_2) AS concept_id
  FROM gold.concept AS relation_from
  JOIN gold.concept_relationship AS relation ON relation.concept_id_1 = relation_from.concept_id
  WHERE relation_from.vocabulary_id = 'LOINC'
    AND relation.relationship_id = 'Maps to'
    AND relation.invalid_reason IS NULL
  GROUP BY relation_from.concept_code
)
SELECT
  STABLE_ID('note|' || notes.source || '|' || notes.note_id) AS note_id,
  notes.person_id,
  notes.note_date,
  notes.created_at AS note_datetime,
  32831 AS note_type_concept_id,
  COALESCE(classes.concept_id, 0) AS note_class_concept_id,
  CAST(NULL AS VARCHAR) AS note_title,
  '[sealed]' AS note_text,
  32678 AS encoding_concept_id,
  CASE WHEN ASCII_LOWER(SUBSTRING(notes.language, 1, 2)) = 'en' THEN 4180186 ELSE 0 END AS language_concept_id,
  provider.provider_id,
  notes.visit_occurrence_id,
  CAST(NULL AS BIGINT) AS visit_detail_id,
  SUBSTRING(notes.type_code, 1, 50) AS note_source_value,
  CAST(NULL AS BIGINT) AS note_event_id,
  CAST(NULL AS INTEGER) AS note_event_field_concept_id
FROM notes
LEFT JOIN classes ON classes.concept_code = notes.type_code AND notes.type_code_system = 'http://loinc.org'
LEFT JOIN gold.provider AS provider
  ON provider.provider_id = STABLE_ID('provider|' || notes.source || '|' || notes.author_id)
WHERE notes.note_date IS NOT NULL

-- Notes with what is known of them; their text stays sealed.
WITH notes AS (
  SELECT note.source, note.note_id, note.type_code, note.type_code_system, note.created_at, note.language,
    COALESCE(note.created_date, visit.visit_start_date) AS note_date,
    person.person_id, visit.visit_occurrence_id,
    MD5('note|' || note.source || '|' || note.note_id) AS digest,
    MD5('provider|' || note.source || '|' || note.author_id) AS provider_digest
  FROM (
    SELECT source, note_id, type_code, type_code_system, created_at, created_date, language, author_id,
      patient_key, encounter_id, status, deleted,
      MD5('visit|' || source || '|' || encounter_id) AS visit_digest
    FROM silver.note
  ) AS note
  JOIN gold.person AS person ON person.person_source_value = note.patient_key
  LEFT JOIN gold.visit_occurrence AS visit
    ON visit.person_id = person.person_id
    AND visit.visit_occurrence_id = CAST(STRPOS('0123456789abcdef', SUBSTRING(note.visit_digest, 1, 1)) - 1 AS BIGINT) * 281474976710656
      + CAST(STRPOS('0123456789abcdef', SUBSTRING(note.visit_digest, 2, 1)) - 1 AS BIGINT) * 17592186044416
      + CAST(STRPOS('0123456789abcdef', SUBSTRING(note.visit_digest, 3, 1)) - 1 AS BIGINT) * 1099511627776
      + CAST(STRPOS('0123456789abcdef', SUBSTRING(note.visit_digest, 4, 1)) - 1 AS BIGINT) * 68719476736
      + CAST(STRPOS('0123456789abcdef', SUBSTRING(note.visit_digest, 5, 1)) - 1 AS BIGINT) * 4294967296
      + CAST(STRPOS('0123456789abcdef', SUBSTRING(note.visit_digest, 6, 1)) - 1 AS BIGINT) * 268435456
      + CAST(STRPOS('0123456789abcdef', SUBSTRING(note.visit_digest, 7, 1)) - 1 AS BIGINT) * 16777216
      + CAST(STRPOS('0123456789abcdef', SUBSTRING(note.visit_digest, 8, 1)) - 1 AS BIGINT) * 1048576
      + CAST(STRPOS('0123456789abcdef', SUBSTRING(note.visit_digest, 9, 1)) - 1 AS BIGINT) * 65536
      + CAST(STRPOS('0123456789abcdef', SUBSTRING(note.visit_digest, 10, 1)) - 1 AS BIGINT) * 4096
      + CAST(STRPOS('0123456789abcdef', SUBSTRING(note.visit_digest, 11, 1)) - 1 AS BIGINT) * 256
      + CAST(STRPOS('0123456789abcdef', SUBSTRING(note.visit_digest, 12, 1)) - 1 AS BIGINT) * 16
      + CAST(STRPOS('0123456789abcdef', SUBSTRING(note.visit_digest, 13, 1)) - 1 AS BIGINT) * 1
  WHERE NOT note.deleted AND note.status <> 'entered-in-error'
), keyed AS (
  SELECT source, note_id, type_code, type_code_system, created_at, language, note_date, person_id,
    visit_occurrence_id,
    CAST(STRPOS('0123456789abcdef', SUBSTRING(digest, 1, 1)) - 1 AS BIGINT) * 281474976710656
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(digest, 2, 1)) - 1 AS BIGINT) * 17592186044416
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(digest, 3, 1)) - 1 AS BIGINT) * 1099511627776
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(digest, 4, 1)) - 1 AS BIGINT) * 68719476736
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(digest, 5, 1)) - 1 AS BIGINT) * 4294967296
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(digest, 6, 1)) - 1 AS BIGINT) * 268435456
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(digest, 7, 1)) - 1 AS BIGINT) * 16777216
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(digest, 8, 1)) - 1 AS BIGINT) * 1048576
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(digest, 9, 1)) - 1 AS BIGINT) * 65536
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(digest, 10, 1)) - 1 AS BIGINT) * 4096
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(digest, 11, 1)) - 1 AS BIGINT) * 256
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(digest, 12, 1)) - 1 AS BIGINT) * 16
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(digest, 13, 1)) - 1 AS BIGINT) * 1 AS note_key,
    CAST(STRPOS('0123456789abcdef', SUBSTRING(provider_digest, 1, 1)) - 1 AS BIGINT) * 281474976710656
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(provider_digest, 2, 1)) - 1 AS BIGINT) * 17592186044416
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(provider_digest, 3, 1)) - 1 AS BIGINT) * 1099511627776
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(provider_digest, 4, 1)) - 1 AS BIGINT) * 68719476736
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(provider_digest, 5, 1)) - 1 AS BIGINT) * 4294967296
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(provider_digest, 6, 1)) - 1 AS BIGINT) * 268435456
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(provider_digest, 7, 1)) - 1 AS BIGINT) * 16777216
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(provider_digest, 8, 1)) - 1 AS BIGINT) * 1048576
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(provider_digest, 9, 1)) - 1 AS BIGINT) * 65536
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(provider_digest, 10, 1)) - 1 AS BIGINT) * 4096
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(provider_digest, 11, 1)) - 1 AS BIGINT) * 256
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(provider_digest, 12, 1)) - 1 AS BIGINT) * 16
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(provider_digest, 13, 1)) - 1 AS BIGINT) * 1 AS provider_key
  FROM notes
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
  keyed.note_key AS note_id,
  keyed.person_id,
  keyed.note_date,
  keyed.created_at AS note_datetime,
  32831 AS note_type_concept_id,
  COALESCE(classes.concept_id, 0) AS note_class_concept_id,
  CAST(NULL AS VARCHAR) AS note_title,
  '[sealed]' AS note_text,
  32678 AS encoding_concept_id,
  CASE WHEN LOWER(SUBSTRING(keyed.language, 1, 2)) = 'en' THEN 4180186 ELSE 0 END AS language_concept_id,
  provider.provider_id,
  keyed.visit_occurrence_id,
  CAST(NULL AS BIGINT) AS visit_detail_id,
  SUBSTRING(keyed.type_code, 1, 50) AS note_source_value,
  CAST(NULL AS BIGINT) AS note_event_id,
  CAST(NULL AS INTEGER) AS note_event_field_concept_id
FROM keyed
LEFT JOIN classes ON classes.concept_code = keyed.type_code AND keyed.type_code_system = 'http://loinc.org'
LEFT JOIN gold.provider AS provider ON provider.provider_id = keyed.provider_key
WHERE keyed.note_date IS NOT NULL

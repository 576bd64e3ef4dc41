-- Encounters that took place; one without an end ends on the day it began.
WITH encounters AS (
  SELECT encounter.source, encounter.encounter_id, encounter.class_code, encounter.start_at,
    encounter.start_date, encounter.end_at,
    CASE WHEN encounter.end_date >= encounter.start_date THEN encounter.end_date ELSE encounter.start_date
    END AS end_date,
    encounter.discharge_disposition_code, person.person_id,
    MD5('visit|' || encounter.source || '|' || encounter.encounter_id) AS digest,
    MD5('provider|' || encounter.source || '|' || encounter.practitioner_id) AS provider_digest,
    MD5('care_site|' || encounter.source || '|' || encounter.organization_id) AS care_site_digest
  FROM silver.encounter AS encounter
  JOIN gold.person AS person ON person.person_source_value = encounter.patient_key
  WHERE NOT encounter.deleted
    AND encounter.start_date IS NOT NULL
    AND encounter.status NOT IN ('planned', 'cancelled', 'entered-in-error')
), keyed AS (
  SELECT source, encounter_id, class_code, start_at, start_date, end_at, end_date,
    discharge_disposition_code, person_id,
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
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(digest, 13, 1)) - 1 AS BIGINT) * 1 AS visit_key,
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
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(provider_digest, 13, 1)) - 1 AS BIGINT) * 1 AS provider_key,
    CAST(STRPOS('0123456789abcdef', SUBSTRING(care_site_digest, 1, 1)) - 1 AS BIGINT) * 281474976710656
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(care_site_digest, 2, 1)) - 1 AS BIGINT) * 17592186044416
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(care_site_digest, 3, 1)) - 1 AS BIGINT) * 1099511627776
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(care_site_digest, 4, 1)) - 1 AS BIGINT) * 68719476736
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(care_site_digest, 5, 1)) - 1 AS BIGINT) * 4294967296
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(care_site_digest, 6, 1)) - 1 AS BIGINT) * 268435456
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(care_site_digest, 7, 1)) - 1 AS BIGINT) * 16777216
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(care_site_digest, 8, 1)) - 1 AS BIGINT) * 1048576
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(care_site_digest, 9, 1)) - 1 AS BIGINT) * 65536
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(care_site_digest, 10, 1)) - 1 AS BIGINT) * 4096
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(care_site_digest, 11, 1)) - 1 AS BIGINT) * 256
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(care_site_digest, 12, 1)) - 1 AS BIGINT) * 16
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(care_site_digest, 13, 1)) - 1 AS BIGINT) * 1 AS care_site_key
  FROM encounters
)
SELECT
  keyed.visit_key AS visit_occurrence_id,
  keyed.person_id,
  CASE
    WHEN keyed.class_code IN ('AMB', 'OBSENC') THEN 9202
    WHEN keyed.class_code = 'EMER' THEN 9203
    WHEN keyed.class_code IN ('IMP', 'ACUTE', 'NONAC', 'SS') THEN 9201
    WHEN keyed.class_code = 'HH' THEN 581476
    WHEN keyed.class_code = 'VR' THEN 5083
    ELSE 0
  END AS visit_concept_id,
  keyed.start_date AS visit_start_date,
  keyed.start_at AS visit_start_datetime,
  keyed.end_date AS visit_end_date,
  keyed.end_at AS visit_end_datetime,
  32827 AS visit_type_concept_id,
  provider.provider_id,
  care_site.care_site_id,
  keyed.class_code AS visit_source_value,
  0 AS visit_source_concept_id,
  0 AS admitted_from_concept_id,
  CAST(NULL AS VARCHAR) AS admitted_from_source_value,
  0 AS discharged_to_concept_id,
  SUBSTRING(keyed.discharge_disposition_code, 1, 50) AS discharged_to_source_value,
  LAG(keyed.visit_key) OVER (
    PARTITION BY keyed.person_id ORDER BY keyed.start_date NULLS LAST, keyed.start_at NULLS LAST, keyed.visit_key NULLS LAST
  ) AS preceding_visit_occurrence_id
FROM keyed
LEFT JOIN gold.provider AS provider ON provider.provider_id = keyed.provider_key
LEFT JOIN gold.care_site AS care_site ON care_site.care_site_id = keyed.care_site_key

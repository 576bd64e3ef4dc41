-- The patients that live on after merges; CDM has no place for one without a year of birth.
WITH patients AS (
  SELECT patient_key, gender, birth_date, race_code, race, ethnicity_code, ethnicity, source,
    general_practitioner_id, managing_organization_id,
    MD5('person|' || patient_key) AS digest,
    MD5('provider|' || source || '|' || general_practitioner_id) AS provider_digest,
    MD5('care_site|' || source || '|' || managing_organization_id) AS care_site_digest
  FROM silver.patient
  WHERE is_current AND NOT deleted AND replaced_by IS NULL AND birth_date IS NOT NULL
), keyed AS (
  SELECT patient_key, gender, birth_date, race_code, race, ethnicity_code, ethnicity,
    -- 13 hexadecimal digits are 52 bits, which R and JavaScript hold exactly.
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
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(digest, 13, 1)) - 1 AS BIGINT) * 1 AS person_id,
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
  FROM patients
)
SELECT
  keyed.person_id,
  CASE keyed.gender WHEN 'male' THEN 8507 WHEN 'female' THEN 8532 ELSE 0 END AS gender_concept_id,
  CAST(EXTRACT(YEAR FROM keyed.birth_date) AS INTEGER) AS year_of_birth,
  CAST(EXTRACT(MONTH FROM keyed.birth_date) AS INTEGER) AS month_of_birth,
  CAST(EXTRACT(DAY FROM keyed.birth_date) AS INTEGER) AS day_of_birth,
  CAST(NULL AS TIMESTAMPTZ) AS birth_datetime,
  CASE keyed.race_code
    WHEN '1002-5' THEN 8657
    WHEN '2028-9' THEN 8515
    WHEN '2054-5' THEN 8516
    WHEN '2076-8' THEN 8557
    WHEN '2106-3' THEN 8527
    ELSE 0
  END AS race_concept_id,
  CASE keyed.ethnicity_code WHEN '2135-2' THEN 38003563 WHEN '2186-5' THEN 38003564 ELSE 0
  END AS ethnicity_concept_id,
  CAST(NULL AS BIGINT) AS location_id,
  provider.provider_id,
  care_site.care_site_id,
  keyed.patient_key AS person_source_value,
  keyed.gender AS gender_source_value,
  0 AS gender_source_concept_id,
  SUBSTRING(COALESCE(keyed.race_code, keyed.race), 1, 50) AS race_source_value,
  0 AS race_source_concept_id,
  SUBSTRING(COALESCE(keyed.ethnicity_code, keyed.ethnicity), 1, 50) AS ethnicity_source_value,
  0 AS ethnicity_source_concept_id
FROM keyed
LEFT JOIN gold.provider AS provider ON provider.provider_id = keyed.provider_key
LEFT JOIN gold.care_site AS care_site ON care_site.care_site_id = keyed.care_site_key

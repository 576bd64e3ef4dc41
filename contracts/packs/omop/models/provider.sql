WITH practitioners AS (
  SELECT source, practitioner_id, npi, gender, qualification_code, qualification_code_display,
    MD5('provider|' || source || '|' || practitioner_id) AS digest
  FROM silver.practitioner
  WHERE NOT deleted
)
SELECT
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
  + CAST(STRPOS('0123456789abcdef', SUBSTRING(digest, 13, 1)) - 1 AS BIGINT) * 1 AS provider_id,
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
FROM practitioners

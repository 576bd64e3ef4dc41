WITH organizations AS (
  SELECT source, organization_id, address_line, city, state, postal_code, country,
    MD5('location|' || source || '|' || organization_id) AS digest
  FROM silver.organization
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
  + CAST(STRPOS('0123456789abcdef', SUBSTRING(digest, 13, 1)) - 1 AS BIGINT) * 1 AS location_id,
  SUBSTRING(address_line, 1, 50) AS address_1,
  CAST(NULL AS VARCHAR) AS address_2,
  SUBSTRING(city, 1, 50) AS city,
  CASE WHEN LENGTH(state) = 2 THEN state END AS state,
  SUBSTRING(REPLACE(postal_code, '-', ''), 1, 9) AS zip,
  CAST(NULL AS VARCHAR) AS county,
  SUBSTRING(source || '|' || organization_id, 1, 50) AS location_source_value,
  0 AS country_concept_id,
  SUBSTRING(country, 1, 80) AS country_source_value,
  CAST(NULL AS DOUBLE) AS latitude,
  CAST(NULL AS DOUBLE) AS longitude
FROM organizations

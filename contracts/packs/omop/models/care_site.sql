WITH organizations AS (
  SELECT source, organization_id, name, type_code,
    MD5('care_site|' || source || '|' || organization_id) AS digest,
    MD5('location|' || source || '|' || organization_id) AS location_digest
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
  + CAST(STRPOS('0123456789abcdef', SUBSTRING(digest, 13, 1)) - 1 AS BIGINT) * 1 AS care_site_id,
  SUBSTRING(name, 1, 255) AS care_site_name,
  0 AS place_of_service_concept_id,
  CAST(STRPOS('0123456789abcdef', SUBSTRING(location_digest, 1, 1)) - 1 AS BIGINT) * 281474976710656
  + CAST(STRPOS('0123456789abcdef', SUBSTRING(location_digest, 2, 1)) - 1 AS BIGINT) * 17592186044416
  + CAST(STRPOS('0123456789abcdef', SUBSTRING(location_digest, 3, 1)) - 1 AS BIGINT) * 1099511627776
  + CAST(STRPOS('0123456789abcdef', SUBSTRING(location_digest, 4, 1)) - 1 AS BIGINT) * 68719476736
  + CAST(STRPOS('0123456789abcdef', SUBSTRING(location_digest, 5, 1)) - 1 AS BIGINT) * 4294967296
  + CAST(STRPOS('0123456789abcdef', SUBSTRING(location_digest, 6, 1)) - 1 AS BIGINT) * 268435456
  + CAST(STRPOS('0123456789abcdef', SUBSTRING(location_digest, 7, 1)) - 1 AS BIGINT) * 16777216
  + CAST(STRPOS('0123456789abcdef', SUBSTRING(location_digest, 8, 1)) - 1 AS BIGINT) * 1048576
  + CAST(STRPOS('0123456789abcdef', SUBSTRING(location_digest, 9, 1)) - 1 AS BIGINT) * 65536
  + CAST(STRPOS('0123456789abcdef', SUBSTRING(location_digest, 10, 1)) - 1 AS BIGINT) * 4096
  + CAST(STRPOS('0123456789abcdef', SUBSTRING(location_digest, 11, 1)) - 1 AS BIGINT) * 256
  + CAST(STRPOS('0123456789abcdef', SUBSTRING(location_digest, 12, 1)) - 1 AS BIGINT) * 16
  + CAST(STRPOS('0123456789abcdef', SUBSTRING(location_digest, 13, 1)) - 1 AS BIGINT) * 1 AS location_id,
  SUBSTRING(source || '|' || organization_id, 1, 50) AS care_site_source_value,
  SUBSTRING(type_code, 1, 50) AS place_of_service_source_value
FROM organizations

SELECT
  STABLE_ID('location|' || source || '|' || organization_id) AS location_id,
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
FROM silver.organization
WHERE NOT deleted

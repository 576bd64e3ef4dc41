SELECT
  STABLE_ID('care_site|' || source || '|' || organization_id) AS care_site_id,
  SUBSTRING(name, 1, 255) AS care_site_name,
  0 AS place_of_service_concept_id,
  STABLE_ID('location|' || source || '|' || organization_id) AS location_id,
  SUBSTRING(source || '|' || organization_id, 1, 50) AS care_site_source_value,
  SUBSTRING(type_code, 1, 50) AS place_of_service_source_value
FROM silver.organization
WHERE NOT deleted

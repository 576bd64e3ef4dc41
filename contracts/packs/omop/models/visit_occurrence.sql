-- Encounters that took place; one without an end ends on the day it began.
WITH visits AS (
  SELECT encounter.class_code, encounter.start_at, encounter.start_date, encounter.end_at,
    CASE WHEN encounter.end_date >= encounter.start_date THEN encounter.end_date ELSE encounter.start_date
    END AS end_date,
    encounter.discharge_disposition_code, person.person_id,
    STABLE_ID('visit|' || encounter.source || '|' || encounter.encounter_id) AS visit_key,
    STABLE_ID('provider|' || encounter.source || '|' || encounter.practitioner_id) AS provider_key,
    STABLE_ID('care_site|' || encounter.source || '|' || encounter.organization_id) AS care_site_key
  FROM silver.encounter AS encounter
  JOIN gold.person AS person ON person.person_source_value = encounter.patient_key
  WHERE NOT encounter.deleted
    AND encounter.start_date IS NOT NULL
    AND encounter.status NOT IN ('planned', 'cancelled', 'entered-in-error')
)
SELECT
  visits.visit_key AS visit_occurrence_id,
  visits.person_id,
  CASE
    -- CDM's inpatient visit lasts more than a day, which a short stay does not.
    WHEN visits.class_code IN ('AMB', 'OBSENC', 'SS') THEN 9202
    WHEN visits.class_code = 'EMER' THEN 9203
    WHEN visits.class_code IN ('IMP', 'ACUTE', 'NONAC') THEN 9201
    WHEN visits.class_code = 'HH' THEN 581476
    WHEN visits.class_code = 'VR' THEN 5083
    ELSE 0
  END AS visit_concept_id,
  visits.start_date AS visit_start_date,
  visits.start_at AS visit_start_datetime,
  visits.end_date AS visit_end_date,
  visits.end_at AS visit_end_datetime,
  32827 AS visit_type_concept_id,
  provider.provider_id,
  care_site.care_site_id,
  visits.class_code AS visit_source_value,
  0 AS visit_source_concept_id,
  0 AS admitted_from_concept_id,
  CAST(NULL AS VARCHAR) AS admitted_from_source_value,
  0 AS discharged_to_concept_id,
  SUBSTRING(visits.discharge_disposition_code, 1, 50) AS discharged_to_source_value,
  LAG(visits.visit_key) OVER (
    PARTITION BY visits.person_id ORDER BY visits.start_date NULLS LAST, visits.start_at NULLS LAST, visits.visit_key NULLS LAST
  ) AS preceding_visit_occurrence_id
FROM visits
LEFT JOIN gold.provider AS provider ON provider.provider_id = visits.provider_key
LEFT JOIN gold.care_site AS care_site ON care_site.care_site_id = visits.care_site_key

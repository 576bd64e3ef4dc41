-- Every coded record of silver in one form, with the reason why CDM has no place for it, where there is one.
WITH written AS (
  SELECT
    'condition' AS origin,
    source AS source,
    condition_id AS origin_id,
    patient_key AS patient_key,
    encounter_id AS encounter_id,
    practitioner_id AS practitioner_id,
    'Condition' AS home_domain,
    COALESCE(verification_status, 'confirmed') NOT IN ('refuted', 'entered-in-error') AS counts,
    code AS code,
    code_system AS code_system,
    code_display AS code_display,
    COALESCE(onset_at, recorded_at) AS start_at,
    COALESCE(onset_date, recorded_date) AS start_date,
    abatement_at AS end_at,
    abatement_date AS end_date,
    32817 AS type_concept_id,
    CAST(NULL AS DOUBLE) AS value_number,
    CAST(NULL AS VARCHAR) AS value_comparator,
    CAST(NULL AS VARCHAR) AS value_code,
    CAST(NULL AS VARCHAR) AS value_code_system,
    CAST(NULL AS VARCHAR) AS unit,
    CAST(NULL AS VARCHAR) AS unit_code,
    CAST(NULL AS DOUBLE) AS quantity,
    CAST(NULL AS VARCHAR) AS lot_number,
    CAST(NULL AS INTEGER) AS refills,
    CAST(NULL AS VARCHAR) AS route,
    COALESCE(verification_status, clinical_status) AS status,
    CAST(NULL AS VARCHAR) AS device_identifier
  FROM silver.condition
  WHERE NOT deleted
  UNION ALL
  SELECT
    'adverse_event' AS origin,
    source AS source,
    adverse_event_id AS origin_id,
    patient_key AS patient_key,
    encounter_id AS encounter_id,
    practitioner_id AS practitioner_id,
    'Condition' AS home_domain,
    COALESCE(actuality, 'actual') = 'actual' AS counts,
    event_code AS code,
    event_code_system AS code_system,
    event_code_display AS code_display,
    occurred_at AS start_at,
    occurred_date AS start_date,
    CAST(NULL AS TIMESTAMPTZ) AS end_at,
    CAST(NULL AS DATE) AS end_date,
    32817 AS type_concept_id,
    CAST(NULL AS DOUBLE) AS value_number,
    CAST(NULL AS VARCHAR) AS value_comparator,
    CAST(NULL AS VARCHAR) AS value_code,
    CAST(NULL AS VARCHAR) AS value_code_system,
    CAST(NULL AS VARCHAR) AS unit,
    CAST(NULL AS VARCHAR) AS unit_code,
    CAST(NULL AS DOUBLE) AS quantity,
    CAST(NULL AS VARCHAR) AS lot_number,
    CAST(NULL AS INTEGER) AS refills,
    CAST(NULL AS VARCHAR) AS route,
    outcome_code AS status,
    CAST(NULL AS VARCHAR) AS device_identifier
  FROM silver.adverse_event
  WHERE NOT deleted
  UNION ALL
  SELECT
    'allergy_intolerance' AS origin,
    source AS source,
    allergy_intolerance_id AS origin_id,
    patient_key AS patient_key,
    encounter_id AS encounter_id,
    practitioner_id AS practitioner_id,
    'Observation' AS home_domain,
    COALESCE(verification_status, 'confirmed') NOT IN ('refuted', 'entered-in-error') AS counts,
    code AS code,
    code_system AS code_system,
    code_display AS code_display,
    COALESCE(onset_at, recorded_at) AS start_at,
    COALESCE(onset_date, recorded_date) AS start_date,
    CAST(NULL AS TIMESTAMPTZ) AS end_at,
    CAST(NULL AS DATE) AS end_date,
    32817 AS type_concept_id,
    CAST(NULL AS DOUBLE) AS value_number,
    CAST(NULL AS VARCHAR) AS value_comparator,
    CAST(NULL AS VARCHAR) AS value_code,
    CAST(NULL AS VARCHAR) AS value_code_system,
    CAST(NULL AS VARCHAR) AS unit,
    CAST(NULL AS VARCHAR) AS unit_code,
    CAST(NULL AS DOUBLE) AS quantity,
    CAST(NULL AS VARCHAR) AS lot_number,
    CAST(NULL AS INTEGER) AS refills,
    CAST(NULL AS VARCHAR) AS route,
    clinical_status AS status,
    CAST(NULL AS VARCHAR) AS device_identifier
  FROM silver.allergy_intolerance
  WHERE NOT deleted
  UNION ALL
  SELECT
    'procedure' AS origin,
    source AS source,
    procedure_id AS origin_id,
    patient_key AS patient_key,
    encounter_id AS encounter_id,
    practitioner_id AS practitioner_id,
    'Procedure' AS home_domain,
    status NOT IN ('preparation', 'not-done', 'entered-in-error') AS counts,
    code AS code,
    code_system AS code_system,
    code_display AS code_display,
    performed_at AS start_at,
    performed_date AS start_date,
    performed_end_at AS end_at,
    CAST(NULL AS DATE) AS end_date,
    32817 AS type_concept_id,
    CAST(NULL AS DOUBLE) AS value_number,
    CAST(NULL AS VARCHAR) AS value_comparator,
    CAST(NULL AS VARCHAR) AS value_code,
    CAST(NULL AS VARCHAR) AS value_code_system,
    CAST(NULL AS VARCHAR) AS unit,
    CAST(NULL AS VARCHAR) AS unit_code,
    CAST(NULL AS DOUBLE) AS quantity,
    CAST(NULL AS VARCHAR) AS lot_number,
    CAST(NULL AS INTEGER) AS refills,
    CAST(NULL AS VARCHAR) AS route,
    status AS status,
    CAST(NULL AS VARCHAR) AS device_identifier
  FROM silver.procedure
  WHERE NOT deleted
  UNION ALL
  SELECT
    'product' AS origin,
    source AS source,
    procedure_id AS origin_id,
    patient_key AS patient_key,
    encounter_id AS encounter_id,
    practitioner_id AS practitioner_id,
    CASE WHEN category_code = 'toxin' THEN 'Drug' ELSE 'Device' END AS home_domain,
    status NOT IN ('preparation', 'not-done', 'entered-in-error') AS counts,
    product_code AS code,
    product_code_system AS code_system,
    product_code_display AS code_display,
    performed_at AS start_at,
    performed_date AS start_date,
    CAST(NULL AS TIMESTAMPTZ) AS end_at,
    CAST(NULL AS DATE) AS end_date,
    32817 AS type_concept_id,
    CAST(NULL AS DOUBLE) AS value_number,
    CAST(NULL AS VARCHAR) AS value_comparator,
    CAST(NULL AS VARCHAR) AS value_code,
    CAST(NULL AS VARCHAR) AS value_code_system,
    unit AS unit,
    unit_code AS unit_code,
    CAST(units AS DOUBLE) AS quantity,
    lot_number AS lot_number,
    CAST(NULL AS INTEGER) AS refills,
    CAST(NULL AS VARCHAR) AS route,
    status AS status,
    CAST(NULL AS VARCHAR) AS device_identifier
  FROM silver.procedure
  WHERE NOT deleted
    AND product_code IS NOT NULL
    -- What is on record as given in its own right is not counted twice.
    AND NOT EXISTS (
      SELECT 1 FROM silver.medication_administration AS given
      WHERE NOT given.deleted AND given.source = silver.procedure.source
        AND given.procedure_id = silver.procedure.procedure_id
    )
    AND NOT EXISTS (
      SELECT 1 FROM silver.medication_administration AS given
      LEFT JOIN silver.medication AS medication
        ON medication.source = given.source AND medication.medication_id = given.medication_id
        AND NOT medication.deleted
      WHERE NOT given.deleted AND given.source = silver.procedure.source
        AND given.encounter_id = silver.procedure.encounter_id
        AND COALESCE(given.medication_code, medication.code) = silver.procedure.product_code
    )
  UNION ALL
  SELECT
    'medication_request' AS origin,
    told.source AS source,
    medication_request_id AS origin_id,
    patient_key AS patient_key,
    encounter_id AS encounter_id,
    practitioner_id AS practitioner_id,
    'Drug' AS home_domain,
    told.status NOT IN ('cancelled', 'entered-in-error', 'draft') AND NOT COALESCE(do_not_perform, FALSE) AS counts,
    COALESCE(told.medication_code, medication.code) AS code,
    CASE WHEN told.medication_code IS NULL THEN medication.code_system ELSE told.medication_code_system
    END AS code_system,
    CASE WHEN told.medication_code IS NULL THEN medication.code_display ELSE told.medication_code_display
    END AS code_display,
    authored_at AS start_at,
    authored_date AS start_date,
    CAST(NULL AS TIMESTAMPTZ) AS end_at,
    CAST(NULL AS DATE) AS end_date,
    32838 AS type_concept_id,
    CAST(NULL AS DOUBLE) AS value_number,
    CAST(NULL AS VARCHAR) AS value_comparator,
    CAST(NULL AS VARCHAR) AS value_code,
    CAST(NULL AS VARCHAR) AS value_code_system,
    COALESCE(dispense_unit, dose_unit) AS unit,
    CAST(NULL AS VARCHAR) AS unit_code,
    CAST(COALESCE(dispense_quantity, dose_quantity) AS DOUBLE) AS quantity,
    CAST(NULL AS VARCHAR) AS lot_number,
    refills AS refills,
    route_code AS route,
    told.status AS status,
    CAST(NULL AS VARCHAR) AS device_identifier
  FROM silver.medication_request AS told
  LEFT JOIN silver.medication AS medication
    ON medication.source = told.source AND medication.medication_id = told.medication_id
    AND NOT medication.deleted
  WHERE NOT told.deleted
  UNION ALL
  SELECT
    'medication_administration' AS origin,
    told.source AS source,
    medication_administration_id AS origin_id,
    patient_key AS patient_key,
    encounter_id AS encounter_id,
    practitioner_id AS practitioner_id,
    'Drug' AS home_domain,
    told.status NOT IN ('not-done', 'entered-in-error') AS counts,
    COALESCE(told.medication_code, medication.code) AS code,
    CASE WHEN told.medication_code IS NULL THEN medication.code_system ELSE told.medication_code_system
    END AS code_system,
    CASE WHEN told.medication_code IS NULL THEN medication.code_display ELSE told.medication_code_display
    END AS code_display,
    effective_at AS start_at,
    effective_date AS start_date,
    effective_end_at AS end_at,
    CAST(NULL AS DATE) AS end_date,
    32818 AS type_concept_id,
    CAST(NULL AS DOUBLE) AS value_number,
    CAST(NULL AS VARCHAR) AS value_comparator,
    CAST(NULL AS VARCHAR) AS value_code,
    CAST(NULL AS VARCHAR) AS value_code_system,
    dose_unit AS unit,
    dose_unit_code AS unit_code,
    CAST(dose_quantity AS DOUBLE) AS quantity,
    COALESCE(told.lot_number, medication.lot_number) AS lot_number,
    CAST(NULL AS INTEGER) AS refills,
    route_code AS route,
    told.status AS status,
    CAST(NULL AS VARCHAR) AS device_identifier
  FROM silver.medication_administration AS told
  LEFT JOIN silver.medication AS medication
    ON medication.source = told.source AND medication.medication_id = told.medication_id
    AND NOT medication.deleted
  WHERE NOT told.deleted
  UNION ALL
  SELECT
    'immunization' AS origin,
    source AS source,
    immunization_id AS origin_id,
    patient_key AS patient_key,
    encounter_id AS encounter_id,
    practitioner_id AS practitioner_id,
    'Drug' AS home_domain,
    status = 'completed' AS counts,
    vaccine_code AS code,
    vaccine_code_system AS code_system,
    vaccine_code_display AS code_display,
    occurrence_at AS start_at,
    occurrence_date AS start_date,
    CAST(NULL AS TIMESTAMPTZ) AS end_at,
    CAST(NULL AS DATE) AS end_date,
    CASE WHEN primary_source = FALSE THEN 32865 ELSE 32818 END AS type_concept_id,
    CAST(NULL AS DOUBLE) AS value_number,
    CAST(NULL AS VARCHAR) AS value_comparator,
    CAST(NULL AS VARCHAR) AS value_code,
    CAST(NULL AS VARCHAR) AS value_code_system,
    dose_unit AS unit,
    CAST(NULL AS VARCHAR) AS unit_code,
    CAST(dose_quantity AS DOUBLE) AS quantity,
    lot_number AS lot_number,
    CAST(NULL AS INTEGER) AS refills,
    route_code AS route,
    status AS status,
    CAST(NULL AS VARCHAR) AS device_identifier
  FROM silver.immunization
  WHERE NOT deleted
  UNION ALL
  SELECT
    'observation' AS origin,
    source AS source,
    observation_id AS origin_id,
    patient_key AS patient_key,
    encounter_id AS encounter_id,
    practitioner_id AS practitioner_id,
    CASE
      WHEN category_code IN ('laboratory', 'vital-signs') OR value_quantity IS NOT NULL THEN 'Measurement'
      ELSE 'Observation'
    END AS home_domain,
    status NOT IN ('registered', 'cancelled', 'entered-in-error') AS counts,
    code AS code,
    code_system AS code_system,
    code_display AS code_display,
    effective_at AS start_at,
    effective_date AS start_date,
    CAST(NULL AS TIMESTAMPTZ) AS end_at,
    CAST(NULL AS DATE) AS end_date,
    CASE WHEN category_code = 'laboratory' THEN 32856 ELSE 32817 END AS type_concept_id,
    COALESCE(CAST(value_quantity AS DOUBLE), CAST(value_integer AS DOUBLE)) AS value_number,
    value_comparator AS value_comparator,
    value_code AS value_code,
    value_code_system AS value_code_system,
    value_unit AS unit,
    value_unit_code AS unit_code,
    CAST(NULL AS DOUBLE) AS quantity,
    CAST(NULL AS VARCHAR) AS lot_number,
    CAST(NULL AS INTEGER) AS refills,
    CAST(NULL AS VARCHAR) AS route,
    status AS status,
    CAST(NULL AS VARCHAR) AS device_identifier
  FROM silver.observation
  WHERE NOT deleted
  UNION ALL
  SELECT
    'observation_component' AS origin,
    source AS source,
    observation_id || '#' || CAST(component_index AS VARCHAR) AS origin_id,
    patient_key AS patient_key,
    CAST(NULL AS VARCHAR) AS encounter_id,
    CAST(NULL AS VARCHAR) AS practitioner_id,
    CASE WHEN value_quantity IS NOT NULL THEN 'Measurement' ELSE 'Observation' END AS home_domain,
    TRUE AS counts,
    code AS code,
    code_system AS code_system,
    code_display AS code_display,
    effective_at AS start_at,
    effective_date AS start_date,
    CAST(NULL AS TIMESTAMPTZ) AS end_at,
    CAST(NULL AS DATE) AS end_date,
    32817 AS type_concept_id,
    COALESCE(CAST(value_quantity AS DOUBLE), CAST(value_integer AS DOUBLE)) AS value_number,
    value_comparator AS value_comparator,
    value_code AS value_code,
    value_code_system AS value_code_system,
    value_unit AS unit,
    value_unit_code AS unit_code,
    CAST(NULL AS DOUBLE) AS quantity,
    CAST(NULL AS VARCHAR) AS lot_number,
    CAST(NULL AS INTEGER) AS refills,
    CAST(NULL AS VARCHAR) AS route,
    CAST(NULL AS VARCHAR) AS status,
    CAST(NULL AS VARCHAR) AS device_identifier
  FROM silver.observation_component
  WHERE NOT deleted
), digested AS (
  SELECT
    origin, source, origin_id, patient_key, encounter_id, practitioner_id, home_domain, counts, code, code_system, code_display, start_at,
    start_date, end_at, end_date, type_concept_id, value_number, value_comparator, value_code, value_code_system, unit, unit_code,
    quantity, lot_number, refills, route, status, device_identifier,
    MD5('visit|' || source || '|' || encounter_id) AS visit_digest,
    MD5('provider|' || source || '|' || practitioner_id) AS provider_digest
  FROM written
), keyed AS (
  SELECT
    origin, source, origin_id, patient_key, encounter_id, practitioner_id, home_domain, counts, code, code_system, code_display, start_at,
    start_date, end_at, end_date, type_concept_id, value_number, value_comparator, value_code, value_code_system, unit, unit_code,
    quantity, lot_number, refills, route, status, device_identifier,
    CAST(STRPOS('0123456789abcdef', SUBSTRING(visit_digest, 1, 1)) - 1 AS BIGINT) * 281474976710656
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(visit_digest, 2, 1)) - 1 AS BIGINT) * 17592186044416
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(visit_digest, 3, 1)) - 1 AS BIGINT) * 1099511627776
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(visit_digest, 4, 1)) - 1 AS BIGINT) * 68719476736
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(visit_digest, 5, 1)) - 1 AS BIGINT) * 4294967296
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(visit_digest, 6, 1)) - 1 AS BIGINT) * 268435456
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(visit_digest, 7, 1)) - 1 AS BIGINT) * 16777216
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(visit_digest, 8, 1)) - 1 AS BIGINT) * 1048576
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(visit_digest, 9, 1)) - 1 AS BIGINT) * 65536
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(visit_digest, 10, 1)) - 1 AS BIGINT) * 4096
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(visit_digest, 11, 1)) - 1 AS BIGINT) * 256
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(visit_digest, 12, 1)) - 1 AS BIGINT) * 16
    + CAST(STRPOS('0123456789abcdef', SUBSTRING(visit_digest, 13, 1)) - 1 AS BIGINT) * 1 AS visit_key,
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
  FROM digested
)
SELECT
  keyed.origin,
  keyed.source,
  keyed.origin_id,
  person.person_id,
  visit.visit_occurrence_id,
  provider.provider_id,
  keyed.home_domain,
  CASE
    WHEN person.person_id IS NULL THEN 'no person'
    WHEN NOT keyed.counts THEN 'status'
    WHEN COALESCE(keyed.start_date, visit.visit_start_date) IS NULL THEN 'no date'
  END AS left_out,
  keyed.code,
  keyed.code_system,
  keyed.code_display,
  CASE WHEN keyed.start_date IS NULL THEN visit.visit_start_datetime ELSE keyed.start_at END AS start_at,
  COALESCE(keyed.start_date, visit.visit_start_date) AS start_date,
  CASE WHEN keyed.end_at >= keyed.start_at THEN keyed.end_at END AS end_at,
  CASE WHEN keyed.end_date >= keyed.start_date THEN keyed.end_date END AS end_date,
  keyed.type_concept_id,
  keyed.value_number,
  keyed.value_comparator,
  keyed.value_code,
  keyed.value_code_system,
  keyed.unit,
  keyed.unit_code,
  keyed.quantity,
  keyed.lot_number,
  keyed.refills,
  keyed.route,
  keyed.status,
  keyed.device_identifier
FROM keyed
LEFT JOIN gold.person AS person ON person.person_source_value = keyed.patient_key
LEFT JOIN gold.visit_occurrence AS visit
  ON visit.visit_occurrence_id = keyed.visit_key AND visit.person_id = person.person_id
LEFT JOIN gold.provider AS provider ON provider.provider_id = keyed.provider_key

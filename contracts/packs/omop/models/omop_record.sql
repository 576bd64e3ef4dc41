-- Every coded record of silver in one form, with the reason why CDM has no place for it, where there is one.
WITH written AS (
  SELECT
    'condition' AS origin,
    source,
    condition_id AS origin_id,
    patient_key,
    encounter_id,
    practitioner_id,
    'Condition' AS home_domain,
    COALESCE(verification_status, 'confirmed') NOT IN ('refuted', 'entered-in-error') AS counts,
    code,
    code_system,
    code_display,
    COALESCE(onset_at, recorded_at) AS start_at,
    COALESCE(onset_date, recorded_date) AS start_date,
    abatement_at AS end_at,
    abatement_date AS end_date,
    32817 AS type_concept_id,
    CAST(NULL AS DOUBLE) AS value_number,
    CAST(NULL AS VARCHAR) AS value_text,
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
    source,
    adverse_event_id AS origin_id,
    patient_key,
    encounter_id,
    practitioner_id,
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
    CAST(NULL AS VARCHAR) AS value_text,
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
    source,
    allergy_intolerance_id AS origin_id,
    patient_key,
    encounter_id,
    practitioner_id,
    'Observation' AS home_domain,
    COALESCE(verification_status, 'confirmed') NOT IN ('refuted', 'entered-in-error') AS counts,
    code,
    code_system,
    code_display,
    COALESCE(onset_at, recorded_at) AS start_at,
    COALESCE(onset_date, recorded_date) AS start_date,
    CAST(NULL AS TIMESTAMPTZ) AS end_at,
    CAST(NULL AS DATE) AS end_date,
    32817 AS type_concept_id,
    CAST(NULL AS DOUBLE) AS value_number,
    CAST(NULL AS VARCHAR) AS value_text,
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
    source,
    procedure_id AS origin_id,
    patient_key,
    encounter_id,
    practitioner_id,
    'Procedure' AS home_domain,
    status NOT IN ('preparation', 'not-done', 'entered-in-error') AS counts,
    code,
    code_system,
    code_display,
    performed_at AS start_at,
    performed_date AS start_date,
    performed_end_at AS end_at,
    CAST(NULL AS DATE) AS end_date,
    32817 AS type_concept_id,
    CAST(NULL AS DOUBLE) AS value_number,
    CAST(NULL AS VARCHAR) AS value_text,
    CAST(NULL AS VARCHAR) AS value_comparator,
    CAST(NULL AS VARCHAR) AS value_code,
    CAST(NULL AS VARCHAR) AS value_code_system,
    CAST(NULL AS VARCHAR) AS unit,
    CAST(NULL AS VARCHAR) AS unit_code,
    CAST(NULL AS DOUBLE) AS quantity,
    CAST(NULL AS VARCHAR) AS lot_number,
    CAST(NULL AS INTEGER) AS refills,
    CAST(NULL AS VARCHAR) AS route,
    status,
    CAST(NULL AS VARCHAR) AS device_identifier
  FROM silver.procedure
  WHERE NOT deleted
  UNION ALL
  SELECT
    'product' AS origin,
    source,
    procedure_id AS origin_id,
    patient_key,
    encounter_id,
    practitioner_id,
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
    CAST(NULL AS VARCHAR) AS value_text,
    CAST(NULL AS VARCHAR) AS value_comparator,
    CAST(NULL AS VARCHAR) AS value_code,
    CAST(NULL AS VARCHAR) AS value_code_system,
    unit,
    unit_code,
    CAST(units AS DOUBLE) AS quantity,
    lot_number,
    CAST(NULL AS INTEGER) AS refills,
    CAST(NULL AS VARCHAR) AS route,
    status,
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
    patient_key,
    encounter_id,
    practitioner_id,
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
    CAST(NULL AS VARCHAR) AS value_text,
    CAST(NULL AS VARCHAR) AS value_comparator,
    CAST(NULL AS VARCHAR) AS value_code,
    CAST(NULL AS VARCHAR) AS value_code_system,
    COALESCE(dispense_unit, dose_unit) AS unit,
    CAST(NULL AS VARCHAR) AS unit_code,
    CAST(COALESCE(dispense_quantity, dose_quantity) AS DOUBLE) AS quantity,
    CAST(NULL AS VARCHAR) AS lot_number,
    refills,
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
    patient_key,
    encounter_id,
    practitioner_id,
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
    CAST(NULL AS VARCHAR) AS value_text,
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
    source,
    immunization_id AS origin_id,
    patient_key,
    encounter_id,
    practitioner_id,
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
    CAST(NULL AS VARCHAR) AS value_text,
    CAST(NULL AS VARCHAR) AS value_comparator,
    CAST(NULL AS VARCHAR) AS value_code,
    CAST(NULL AS VARCHAR) AS value_code_system,
    dose_unit AS unit,
    CAST(NULL AS VARCHAR) AS unit_code,
    CAST(dose_quantity AS DOUBLE) AS quantity,
    lot_number,
    CAST(NULL AS INTEGER) AS refills,
    route_code AS route,
    status,
    CAST(NULL AS VARCHAR) AS device_identifier
  FROM silver.immunization
  WHERE NOT deleted
  UNION ALL
  SELECT
    'observation' AS origin,
    source,
    observation_id AS origin_id,
    patient_key,
    encounter_id,
    practitioner_id,
    CASE
      WHEN category_code IN ('laboratory', 'vital-signs') OR value_quantity IS NOT NULL THEN 'Measurement'
      ELSE 'Observation'
    END AS home_domain,
    status NOT IN ('registered', 'cancelled', 'entered-in-error') AS counts,
    code,
    code_system,
    code_display,
    effective_at AS start_at,
    effective_date AS start_date,
    CAST(NULL AS TIMESTAMPTZ) AS end_at,
    CAST(NULL AS DATE) AS end_date,
    CASE WHEN category_code = 'laboratory' THEN 32856 ELSE 32817 END AS type_concept_id,
    COALESCE(CAST(value_quantity AS DOUBLE), CAST(value_integer AS DOUBLE)) AS value_number,
    COALESCE(
      value_code,
      RTRIM(RTRIM(CAST(COALESCE(value_quantity, CAST(value_integer AS DECIMAL(18, 6))) AS VARCHAR), '0'), '.')
    ) AS value_text,
    value_comparator,
    value_code,
    value_code_system,
    value_unit AS unit,
    value_unit_code AS unit_code,
    CAST(NULL AS DOUBLE) AS quantity,
    CAST(NULL AS VARCHAR) AS lot_number,
    CAST(NULL AS INTEGER) AS refills,
    CAST(NULL AS VARCHAR) AS route,
    status,
    CAST(NULL AS VARCHAR) AS device_identifier
  FROM silver.observation
  WHERE NOT deleted
  UNION ALL
  SELECT
    'observation_component' AS origin,
    source,
    observation_id || '#' || CAST(component_index AS VARCHAR) AS origin_id,
    patient_key,
    CAST(NULL AS VARCHAR) AS encounter_id,
    CAST(NULL AS VARCHAR) AS practitioner_id,
    CASE WHEN value_quantity IS NOT NULL THEN 'Measurement' ELSE 'Observation' END AS home_domain,
    TRUE AS counts,
    code,
    code_system,
    code_display,
    effective_at AS start_at,
    effective_date AS start_date,
    CAST(NULL AS TIMESTAMPTZ) AS end_at,
    CAST(NULL AS DATE) AS end_date,
    32817 AS type_concept_id,
    COALESCE(CAST(value_quantity AS DOUBLE), CAST(value_integer AS DOUBLE)) AS value_number,
    COALESCE(
      value_code,
      RTRIM(RTRIM(CAST(COALESCE(value_quantity, CAST(value_integer AS DECIMAL(18, 6))) AS VARCHAR), '0'), '.')
    ) AS value_text,
    value_comparator,
    value_code,
    value_code_system,
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
)
SELECT
  written.origin,
  written.source,
  written.origin_id,
  person.person_id,
  visit.visit_occurrence_id,
  provider.provider_id,
  written.home_domain,
  CASE
    WHEN person.person_id IS NULL THEN 'no person'
    WHEN NOT written.counts THEN 'status'
    WHEN COALESCE(written.start_date, visit.visit_start_date) IS NULL THEN 'no date'
  END AS left_out,
  written.code,
  written.code_system,
  written.code_display,
  CASE WHEN written.start_date IS NULL THEN visit.visit_start_datetime ELSE written.start_at END AS start_at,
  COALESCE(written.start_date, visit.visit_start_date) AS start_date,
  CASE WHEN written.end_at >= written.start_at THEN written.end_at END AS end_at,
  CASE WHEN written.end_date >= written.start_date THEN written.end_date END AS end_date,
  written.type_concept_id,
  written.value_number,
  written.value_text,
  written.value_comparator,
  written.value_code,
  written.value_code_system,
  written.unit,
  written.unit_code,
  written.quantity,
  written.lot_number,
  written.refills,
  written.route,
  written.status,
  written.device_identifier
FROM written
LEFT JOIN gold.person AS person ON person.person_source_value = written.patient_key
LEFT JOIN gold.visit_occurrence AS visit
  ON visit.person_id = person.person_id
  AND visit.visit_occurrence_id = STABLE_ID('visit|' || written.source || '|' || written.encounter_id)
LEFT JOIN gold.provider AS provider
  ON provider.provider_id = STABLE_ID('provider|' || written.source || '|' || written.practitioner_id)

-- One row a live encounter, with the names of who, where and for whom it was, and counts of what was done.
WITH encounters AS (
  SELECT
    source,
    encounter_id,
    patient_key,
    practitioner_id,
    location_id,
    organization_id,
    appointment_id,
    status,
    class_code,
    type_code,
    type_code_display,
    visit_kind,
    reason_code,
    reason_code_display,
    start_at,
    end_at,
    start_date,
    CAST(
      EXTRACT(DAY FROM end_at - start_at) * 1440
      + EXTRACT(HOUR FROM end_at - start_at) * 60
      + EXTRACT(MINUTE FROM end_at - start_at) AS BIGINT
    ) AS duration_minutes,
    CASE
      WHEN patient_key IS NOT NULL AND status NOT IN ('planned', 'cancelled', 'entered-in-error')
        THEN CAST(
          ROW_NUMBER() OVER (
            PARTITION BY patient_key, status IN ('planned', 'cancelled', 'entered-in-error')
            ORDER BY start_at NULLS LAST, encounter_id NULLS LAST
          ) AS INT
        )
    END AS visit_number
  FROM silver.encounter
  WHERE NOT deleted
),

done AS (
  SELECT
    source,
    encounter_id,
    COUNT(*) AS procedures,
    COUNT(CASE WHEN category_code IN ('toxin', 'filler', 'laser', 'peel', 'lift') THEN 1 END)
      AS treatments,
    COUNT(DISTINCT product_code) AS products,
    CAST(SUM(CASE WHEN category_code = 'toxin' AND unit = 'U' THEN units END) AS DECIMAL(18, 3))
      AS toxin_units,
    CAST(SUM(CASE WHEN category_code = 'filler' AND unit = 'mL' THEN units END) AS DECIMAL(18, 3))
      AS filler_ml
  FROM silver.procedure
  WHERE NOT deleted AND status = 'completed'
  GROUP BY source, encounter_id
),

main_treatments AS (
  SELECT source, encounter_id, code, code_display, category_code, product_code, product_code_display
  FROM (
    SELECT
      source,
      encounter_id,
      code,
      code_display,
      category_code,
      product_code,
      product_code_display,
      ROW_NUMBER() OVER (
        PARTITION BY source, encounter_id ORDER BY performed_at NULLS LAST, procedure_id NULLS LAST
      ) AS place
    FROM silver.procedure
    WHERE NOT deleted AND status = 'completed'
  ) AS ranked
  WHERE place = 1
),

diagnosed AS (
  SELECT source, encounter_id, COUNT(*) AS diagnoses
  FROM silver.condition
  WHERE NOT deleted
    AND (verification_status IS NULL OR verification_status NOT IN ('refuted', 'entered-in-error'))
  GROUP BY source, encounter_id
),

measured AS (
  SELECT source, encounter_id, COUNT(*) AS observations
  FROM silver.observation
  WHERE NOT deleted AND status NOT IN ('cancelled', 'entered-in-error')
  GROUP BY source, encounter_id
),

prescribed AS (
  SELECT source, encounter_id, COUNT(*) AS medication_requests
  FROM silver.medication_request
  WHERE NOT deleted AND status NOT IN ('draft', 'cancelled', 'entered-in-error')
  GROUP BY source, encounter_id
),

given AS (
  SELECT source, encounter_id, COUNT(*) AS medication_administrations
  FROM silver.medication_administration
  WHERE NOT deleted AND status NOT IN ('not-done', 'entered-in-error')
  GROUP BY source, encounter_id
),

vaccinated AS (
  SELECT source, encounter_id, COUNT(*) AS immunizations
  FROM silver.immunization
  WHERE NOT deleted AND status = 'completed'
  GROUP BY source, encounter_id
),

written AS (
  SELECT source, encounter_id, COUNT(*) AS documents
  FROM silver.document_reference
  WHERE NOT deleted AND status = 'current'
  GROUP BY source, encounter_id
),

harmed AS (
  SELECT source, encounter_id, COUNT(*) AS adverse_events
  FROM silver.adverse_event
  WHERE NOT deleted AND actuality = 'actual'
  GROUP BY source, encounter_id
)

SELECT
  e.source,
  e.encounter_id,
  e.patient_key,
  e.practitioner_id,
  CASE
    WHEN pr.practitioner_id IS NOT NULL
      THEN TRIM(COALESCE(pr.given_name, '') || ' ' || COALESCE(pr.family_name, ''), ' ')
  END AS practitioner_name,
  e.location_id,
  lo.name AS location_name,
  e.organization_id,
  og.name AS organization_name,
  e.appointment_id,
  ap.status AS appointment_status,
  e.status,
  e.class_code,
  e.type_code,
  e.type_code_display,
  e.visit_kind,
  e.reason_code,
  e.reason_code_display,
  e.start_at,
  e.end_at,
  e.start_date,
  CAST(DATE_TRUNC('month', e.start_date) AS DATE) AS start_month,
  e.duration_minutes,
  e.visit_number,
  pa.gender AS patient_gender,
  CAST(
    EXTRACT(YEAR FROM e.start_date) - EXTRACT(YEAR FROM pa.birth_date)
    - CASE
        WHEN EXTRACT(MONTH FROM e.start_date) * 100 + EXTRACT(DAY FROM e.start_date)
          < EXTRACT(MONTH FROM pa.birth_date) * 100 + EXTRACT(DAY FROM pa.birth_date)
          THEN 1
        ELSE 0
      END AS INT
  ) AS patient_age,
  COALESCE(diagnosed.diagnoses, 0) AS diagnoses,
  COALESCE(done.procedures, 0) AS procedures,
  COALESCE(done.treatments, 0) AS treatments,
  mt.code AS first_procedure_code,
  mt.code_display AS first_procedure_display,
  mt.category_code AS first_procedure_category,
  mt.product_code AS first_product_code,
  mt.product_code_display AS first_product_display,
  COALESCE(done.products, 0) AS products,
  COALESCE(done.toxin_units, CAST(0 AS DECIMAL(18, 3))) AS toxin_units,
  COALESCE(done.filler_ml, CAST(0 AS DECIMAL(18, 3))) AS filler_ml,
  COALESCE(measured.observations, 0) AS observations,
  COALESCE(prescribed.medication_requests, 0) AS medication_requests,
  COALESCE(given.medication_administrations, 0) AS medication_administrations,
  COALESCE(vaccinated.immunizations, 0) AS immunizations,
  COALESCE(written.documents, 0) AS documents,
  COALESCE(harmed.adverse_events, 0) AS adverse_events
FROM encounters AS e
LEFT JOIN silver.patient AS pa ON pa.patient_key = e.patient_key AND pa.is_current AND NOT pa.deleted
LEFT JOIN silver.practitioner AS pr
  ON pr.source = e.source AND pr.practitioner_id = e.practitioner_id AND NOT pr.deleted
LEFT JOIN silver.location AS lo ON lo.source = e.source AND lo.location_id = e.location_id AND NOT lo.deleted
LEFT JOIN silver.organization AS og
  ON og.source = e.source AND og.organization_id = e.organization_id AND NOT og.deleted
LEFT JOIN silver.appointment AS ap
  ON ap.source = e.source AND ap.appointment_id = e.appointment_id AND NOT ap.deleted
LEFT JOIN done ON done.source = e.source AND done.encounter_id = e.encounter_id
LEFT JOIN main_treatments AS mt ON mt.source = e.source AND mt.encounter_id = e.encounter_id
LEFT JOIN diagnosed ON diagnosed.source = e.source AND diagnosed.encounter_id = e.encounter_id
LEFT JOIN measured ON measured.source = e.source AND measured.encounter_id = e.encounter_id
LEFT JOIN prescribed ON prescribed.source = e.source AND prescribed.encounter_id = e.encounter_id
LEFT JOIN given ON given.source = e.source AND given.encounter_id = e.encounter_id
LEFT JOIN vaccinated ON vaccinated.source = e.source AND vaccinated.encounter_id = e.encounter_id
LEFT JOIN written ON written.source = e.source AND written.encounter_id = e.encounter_id
LEFT JOIN harmed ON harmed.source = e.source AND harmed.encounter_id = e.encounter_id

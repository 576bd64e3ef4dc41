-- One row a live patient; of merged records, the one that stays. Everything is a fact of the patient's own
-- rows, so that the patients whose rows changed can be computed alone; nothing depends on the day it is computed.
WITH patients AS (
  SELECT
    source,
    patient_key,
    replaced_by,
    gender,
    birth_date,
    race,
    ethnicity,
    marital_status,
    language,
    state,
    postal_code3,
    country,
    deceased,
    is_test,
    general_practitioner_id
  FROM silver.patient
  WHERE is_current AND NOT deleted
),

visit_rows AS (
  SELECT
    patient_key,
    encounter_id,
    practitioner_id,
    location_id,
    organization_id,
    start_at,
    start_date,
    CAST(
      EXTRACT(DAY FROM end_at - start_at) * 1440
      + EXTRACT(HOUR FROM end_at - start_at) * 60
      + EXTRACT(MINUTE FROM end_at - start_at) AS BIGINT
    ) AS minutes
  FROM silver.encounter
  WHERE NOT deleted AND status NOT IN ('planned', 'cancelled', 'entered-in-error')
),

visits AS (
  SELECT
    patient_key,
    COUNT(*) AS visits,
    MIN(start_date) AS first_visit_date,
    MAX(start_date) AS last_visit_date,
    CAST(SUM(minutes) AS BIGINT) AS visit_minutes
  FROM visit_rows
  GROUP BY patient_key
),

last_visits AS (
  SELECT patient_key, practitioner_id, location_id, organization_id
  FROM (
    SELECT
      patient_key,
      practitioner_id,
      location_id,
      organization_id,
      ROW_NUMBER() OVER (
        PARTITION BY patient_key ORDER BY start_at DESC NULLS LAST, encounter_id DESC NULLS LAST
      ) AS place
    FROM visit_rows
    WHERE start_at IS NOT NULL
  ) AS ranked
  WHERE place = 1
),

bookings AS (
  SELECT
    patient_key,
    COUNT(*) AS appointments,
    COUNT(CASE WHEN status = 'fulfilled' THEN 1 END) AS appointments_fulfilled,
    COUNT(CASE WHEN status = 'noshow' THEN 1 END) AS no_shows,
    COUNT(CASE WHEN status = 'cancelled' THEN 1 END) AS cancellations,
    MAX(CASE WHEN status = 'fulfilled' THEN start_date END) AS last_kept_date
  FROM silver.appointment
  WHERE NOT deleted AND status <> 'entered-in-error'
  GROUP BY patient_key
),

treatments AS (
  SELECT
    patient_key,
    COUNT(*) AS procedures,
    COUNT(CASE WHEN category_code IN ('toxin', 'filler', 'laser', 'peel', 'lift') THEN 1 END)
      AS treatments,
    COUNT(CASE WHEN category_code = 'toxin' THEN 1 END) AS toxin_treatments,
    COUNT(CASE WHEN category_code = 'filler' THEN 1 END) AS filler_treatments,
    COUNT(CASE WHEN category_code = 'laser' THEN 1 END) AS laser_treatments,
    COUNT(CASE WHEN category_code = 'peel' THEN 1 END) AS peel_treatments,
    COUNT(CASE WHEN category_code = 'lift' THEN 1 END) AS lift_treatments,
    CAST(SUM(CASE WHEN category_code = 'toxin' AND unit = 'U' THEN units END) AS DECIMAL(18, 3))
      AS toxin_units,
    CAST(SUM(CASE WHEN category_code = 'filler' AND unit = 'mL' THEN units END) AS DECIMAL(18, 3))
      AS filler_ml,
    COUNT(DISTINCT product_code) AS products,
    MIN(CASE WHEN category_code IN ('toxin', 'filler', 'laser', 'peel', 'lift') THEN performed_date END)
      AS first_treatment_date,
    MAX(CASE WHEN category_code IN ('toxin', 'filler', 'laser', 'peel', 'lift') THEN performed_date END)
      AS last_treatment_date,
    MAX(performed_date) AS last_procedure_date
  FROM silver.procedure
  WHERE NOT deleted AND status = 'completed'
  GROUP BY patient_key
),

last_treatments AS (
  SELECT patient_key, code, code_display
  FROM (
    SELECT
      patient_key,
      code,
      code_display,
      ROW_NUMBER() OVER (
        PARTITION BY patient_key ORDER BY performed_at DESC NULLS LAST, procedure_id DESC NULLS LAST
      ) AS place
    FROM silver.procedure
    WHERE NOT deleted
      AND status = 'completed'
      AND performed_at IS NOT NULL
      AND category_code IN ('toxin', 'filler', 'laser', 'peel', 'lift')
  ) AS ranked
  WHERE place = 1
),

last_scores AS (
  SELECT patient_key, value_quantity, effective_date
  FROM (
    SELECT
      patient_key,
      value_quantity,
      effective_date,
      ROW_NUMBER() OVER (
        PARTITION BY patient_key ORDER BY effective_at DESC NULLS LAST, observation_id DESC NULLS LAST
      ) AS place
    FROM silver.observation
    WHERE NOT deleted
      AND status IN ('final', 'amended', 'corrected')
      AND effective_at IS NOT NULL
      AND value_quantity IS NOT NULL
      AND code = 'gais-score'
      AND code_system = 'https://aesthetics360.example/CodeSystem/observation'
  ) AS ranked
  WHERE place = 1
),

measures AS (
  SELECT patient_key, COUNT(*) AS observations, MAX(effective_date) AS last_observation_date
  FROM silver.observation
  WHERE NOT deleted AND status NOT IN ('cancelled', 'entered-in-error')
  GROUP BY patient_key
),

problems AS (
  SELECT
    patient_key,
    COUNT(*) AS conditions,
    COUNT(CASE WHEN clinical_status IN ('active', 'recurrence', 'relapse') THEN 1 END) AS active_conditions
  FROM silver.condition
  WHERE NOT deleted
    AND (verification_status IS NULL OR verification_status NOT IN ('refuted', 'entered-in-error'))
  GROUP BY patient_key
),

intolerances AS (
  SELECT
    patient_key,
    COUNT(CASE WHEN NOT is_negated THEN 1 END) AS allergies,
    COUNT(CASE WHEN NOT is_negated AND criticality = 'high' THEN 1 END) AS critical_allergies,
    COUNT(CASE WHEN is_negated THEN 1 END) AS negations
  FROM (
    SELECT
      patient_key,
      criticality,
      COALESCE(code_system = 'http://snomed.info/sct' AND code IN ('716186003', '409137002'), FALSE)
        AS is_negated
    FROM silver.allergy_intolerance
    WHERE NOT deleted
      AND (clinical_status IS NULL OR clinical_status = 'active')
      AND (verification_status IS NULL OR verification_status NOT IN ('refuted', 'entered-in-error'))
  ) AS stated
  GROUP BY patient_key
),

prescriptions AS (
  SELECT
    patient_key,
    COUNT(*) AS medication_requests,
    COUNT(CASE WHEN status = 'active' THEN 1 END) AS active_medications
  FROM silver.medication_request
  WHERE NOT deleted AND status NOT IN ('draft', 'cancelled', 'entered-in-error')
  GROUP BY patient_key
),

vaccines AS (
  SELECT patient_key, COUNT(*) AS immunizations
  FROM silver.immunization
  WHERE NOT deleted AND status = 'completed'
  GROUP BY patient_key
),

permissions AS (
  SELECT
    patient_key,
    COUNT(CASE WHEN consent_kind = 'treatment' THEN 1 END) > 0 AS consents_to_treatment,
    COUNT(CASE WHEN consent_kind = 'photography' THEN 1 END) > 0 AS consents_to_photography,
    COUNT(CASE WHEN consent_kind = 'marketing' THEN 1 END) > 0 AS consents_to_marketing,
    COUNT(CASE WHEN consent_kind = 'research' THEN 1 END) > 0 AS consents_to_research
  FROM silver.consent
  WHERE NOT deleted AND status = 'active' AND provision_type = 'permit'
  GROUP BY patient_key
),

harms AS (
  SELECT
    patient_key,
    COUNT(*) AS adverse_events,
    COUNT(CASE WHEN seriousness_code = 'serious' THEN 1 END) AS serious_adverse_events,
    MAX(occurred_date) AS last_adverse_event_date
  FROM silver.adverse_event
  WHERE NOT deleted AND actuality = 'actual'
  GROUP BY patient_key
),

papers AS (
  SELECT patient_key, COUNT(*) AS documents
  FROM silver.document_reference
  WHERE NOT deleted AND status = 'current'
  GROUP BY patient_key
),

activity AS (
  SELECT patient_key, MAX(seen) AS last_activity_date
  FROM (
    SELECT patient_key, last_visit_date AS seen FROM visits
    UNION ALL
    SELECT patient_key, last_kept_date AS seen FROM bookings
    UNION ALL
    SELECT patient_key, last_procedure_date AS seen FROM treatments
    UNION ALL
    SELECT patient_key, last_observation_date AS seen FROM measures
  ) AS seen_on
  GROUP BY patient_key
),

aged AS (
  SELECT
    patients.patient_key,
    CAST(EXTRACT(YEAR FROM patients.birth_date) AS INT) AS birth_year,
    CAST(
      EXTRACT(YEAR FROM activity.last_activity_date) - EXTRACT(YEAR FROM patients.birth_date)
      - CASE
          WHEN EXTRACT(MONTH FROM activity.last_activity_date) * 100
            + EXTRACT(DAY FROM activity.last_activity_date)
            < EXTRACT(MONTH FROM patients.birth_date) * 100 + EXTRACT(DAY FROM patients.birth_date)
            THEN 1
          ELSE 0
        END AS INT
    ) AS age,
    activity.last_activity_date
  FROM patients
  LEFT JOIN activity ON activity.patient_key = patients.patient_key
)

SELECT
  patients.source,
  patients.patient_key,
  patients.gender,
  aged.birth_year,
  aged.age AS age_at_last_activity,
  CASE
    WHEN aged.age IS NULL THEN 'unknown'
    WHEN aged.age < 18 THEN 'under 18'
    WHEN aged.age < 25 THEN '18-24'
    WHEN aged.age < 35 THEN '25-34'
    WHEN aged.age < 45 THEN '35-44'
    WHEN aged.age < 55 THEN '45-54'
    WHEN aged.age < 65 THEN '55-64'
    WHEN aged.age < 75 THEN '65-74'
    ELSE '75 and over'
  END AS age_band,
  patients.race,
  patients.ethnicity,
  patients.marital_status,
  patients.language,
  patients.state,
  patients.postal_code3,
  patients.country,
  patients.deceased,
  patients.is_test,
  COALESCE(visits.visits, 0) AS visits,
  visits.first_visit_date,
  visits.last_visit_date,
  CAST(
    EXTRACT(DAY FROM CAST(visits.last_visit_date AS TIMESTAMP) - CAST(visits.first_visit_date AS TIMESTAMP))
    AS INT
  ) AS days_as_patient,
  COALESCE(visits.visit_minutes, 0) AS visit_minutes,
  last_visits.practitioner_id AS last_practitioner_id,
  last_visits.location_id AS last_location_id,
  last_visits.organization_id AS last_organization_id,
  patients.general_practitioner_id,
  COALESCE(bookings.appointments, 0) AS appointments,
  COALESCE(bookings.appointments_fulfilled, 0) AS appointments_fulfilled,
  COALESCE(bookings.no_shows, 0) AS no_shows,
  COALESCE(bookings.cancellations, 0) AS cancellations,
  CAST(
    CAST(bookings.no_shows AS DOUBLE) / NULLIF(bookings.no_shows + bookings.appointments_fulfilled, 0)
    AS DECIMAL(9, 4)
  ) AS no_show_rate,
  COALESCE(treatments.procedures, 0) AS procedures,
  COALESCE(treatments.treatments, 0) AS treatments,
  COALESCE(treatments.toxin_treatments, 0) AS toxin_treatments,
  COALESCE(treatments.filler_treatments, 0) AS filler_treatments,
  COALESCE(treatments.laser_treatments, 0) AS laser_treatments,
  COALESCE(treatments.peel_treatments, 0) AS peel_treatments,
  COALESCE(treatments.lift_treatments, 0) AS lift_treatments,
  COALESCE(treatments.toxin_units, CAST(0 AS DECIMAL(18, 3))) AS toxin_units,
  COALESCE(treatments.filler_ml, CAST(0 AS DECIMAL(18, 3))) AS filler_ml,
  COALESCE(treatments.products, 0) AS products,
  treatments.first_treatment_date,
  treatments.last_treatment_date,
  last_treatments.code AS last_treatment_code,
  last_treatments.code_display AS last_treatment_display,
  CAST(last_scores.value_quantity AS DECIMAL(18, 2)) AS last_gais_score,
  last_scores.effective_date AS last_gais_date,
  COALESCE(harms.adverse_events, 0) AS adverse_events,
  COALESCE(harms.serious_adverse_events, 0) AS serious_adverse_events,
  harms.last_adverse_event_date,
  COALESCE(problems.conditions, 0) AS conditions,
  COALESCE(problems.active_conditions, 0) AS active_conditions,
  COALESCE(intolerances.allergies, 0) AS allergies,
  COALESCE(intolerances.critical_allergies, 0) AS critical_allergies,
  COALESCE(intolerances.negations, 0) > 0 AND COALESCE(intolerances.allergies, 0) = 0 AS no_known_allergies,
  COALESCE(prescriptions.medication_requests, 0) AS medication_requests,
  COALESCE(prescriptions.active_medications, 0) AS active_medications,
  COALESCE(vaccines.immunizations, 0) AS immunizations,
  COALESCE(measures.observations, 0) AS observations,
  COALESCE(papers.documents, 0) AS documents,
  COALESCE(permissions.consents_to_treatment, FALSE) AS consents_to_treatment,
  COALESCE(permissions.consents_to_photography, FALSE) AS consents_to_photography,
  COALESCE(permissions.consents_to_marketing, FALSE) AS consents_to_marketing,
  COALESCE(permissions.consents_to_research, FALSE) AS consents_to_research,
  aged.last_activity_date
FROM patients
LEFT JOIN aged ON aged.patient_key = patients.patient_key
LEFT JOIN visits ON visits.patient_key = patients.patient_key
LEFT JOIN last_visits ON last_visits.patient_key = patients.patient_key
LEFT JOIN bookings ON bookings.patient_key = patients.patient_key
LEFT JOIN treatments ON treatments.patient_key = patients.patient_key
LEFT JOIN last_treatments ON last_treatments.patient_key = patients.patient_key
LEFT JOIN last_scores ON last_scores.patient_key = patients.patient_key
LEFT JOIN measures ON measures.patient_key = patients.patient_key
LEFT JOIN problems ON problems.patient_key = patients.patient_key
LEFT JOIN intolerances ON intolerances.patient_key = patients.patient_key
LEFT JOIN prescriptions ON prescriptions.patient_key = patients.patient_key
LEFT JOIN vaccines ON vaccines.patient_key = patients.patient_key
LEFT JOIN permissions ON permissions.patient_key = patients.patient_key
LEFT JOIN harms ON harms.patient_key = patients.patient_key
LEFT JOIN papers ON papers.patient_key = patients.patient_key
WHERE patients.replaced_by IS NULL

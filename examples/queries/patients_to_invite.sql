-- Who had toxin, has not been back for four months, and allows to be written to? Patients are tokens here:
-- turning one into an address is the business of whoever holds the vault.
WITH latest AS (
    SELECT max(last_activity_date) AS today FROM gold.patient_360
)

SELECT
    patient_key,
    last_treatment_date,
    last_treatment_display,
    last_gais_score,
    no_show_rate
FROM gold.patient_360
CROSS JOIN latest
WHERE
    toxin_treatments > 0
    AND last_visit_date < today - INTERVAL 4 MONTH
    AND consents_to_marketing
    AND NOT deceased
ORDER BY last_visit_date, patient_key
LIMIT 20

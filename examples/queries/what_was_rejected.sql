-- What did not make it into the lake, and why?
SELECT
    'fhir_resource' AS dataset,
    rule,
    reason,
    count(*) AS rejected
FROM quarantine.fhir_resource
GROUP BY ALL
UNION ALL
SELECT
    'appointment' AS dataset,
    rule,
    reason,
    count(*) AS rejected
FROM quarantine.appointment
GROUP BY ALL
ORDER BY rejected DESC, dataset, rule

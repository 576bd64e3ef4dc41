-- Which products leave patients improved, and how often does harm follow?
SELECT
    treatment_category,
    product_code_display AS product,
    count(*) AS treatments,
    count(gais_score) AS scored,
    round(avg(CASE WHEN is_improved THEN 100.0 WHEN NOT is_improved THEN 0.0 END), 1) AS percent_improved,
    sum(adverse_events) AS adverse_events
FROM gold.treatment_outcomes
WHERE product_code_display IS NOT NULL
GROUP BY ALL
ORDER BY treatments DESC
LIMIT 15

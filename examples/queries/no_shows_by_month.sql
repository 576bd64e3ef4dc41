-- How many appointments were missed, month by month?
SELECT
    month,
    sum(appointments) AS appointments,
    sum(no_shows) AS no_shows,
    round(100.0 * sum(no_shows) / nullif(sum(appointments), 0), 1) AS percent
FROM gold.provider_utilisation
GROUP BY month
ORDER BY month DESC
LIMIT 12

-- A cohort: who was seen in the last half year of the data, by age band and sex, and how often.
-- Groups of fewer than three patients are left out, so that nobody is singled out.
WITH seen AS (
  SELECT patient_key, count(*) AS visits, max(start_date) AS last_visit
  FROM silver.encounter
  WHERE NOT deleted AND status = 'finished' AND patient_key IS NOT NULL
  GROUP BY patient_key
), of_late AS (
  SELECT * FROM seen WHERE last_visit >= (SELECT max(last_visit) FROM seen) - INTERVAL 6 MONTH
)
SELECT p.age_band, p.gender, count(*) AS patients, sum(v.visits)::BIGINT AS visits,
  round(avg(v.visits), 1) AS visits_each
FROM of_late AS v JOIN gold.patient_360 AS p USING (patient_key)
GROUP BY p.age_band, p.gender
HAVING count(*) >= 3
ORDER BY p.age_band, p.gender

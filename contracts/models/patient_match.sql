-- Pairs of live records that may be one patient's, each once: records that share an identifier, or the names and
-- the birth date. Values that more than ten records share tell nobody apart, and are left out.
WITH people AS (
  SELECT
    patient_key,
    gender,
    birth_date,
    family_name_token,
    given_name_token
  FROM silver.patient
  WHERE is_current AND NOT deleted AND replaced_by IS NULL
),

identified AS (
  SELECT DISTINCT
    p.patient_key,
    i.value_token
  FROM silver.identifier AS i
  INNER JOIN people AS p ON i.resource_id = p.patient_key
  WHERE i.resource_type = 'Patient' AND i.value_token IS NOT NULL
),

telling_identifiers AS (
  SELECT value_token
  FROM identified
  GROUP BY value_token
  HAVING COUNT(*) BETWEEN 2 AND 10
),

named AS (
  SELECT
    patient_key,
    family_name_token,
    given_name_token,
    birth_date
  FROM people
  WHERE family_name_token IS NOT NULL AND given_name_token IS NOT NULL AND birth_date IS NOT NULL
),

telling_names AS (
  SELECT
    family_name_token,
    given_name_token,
    birth_date
  FROM named
  GROUP BY family_name_token, given_name_token, birth_date
  HAVING COUNT(*) BETWEEN 2 AND 10
),

pairs AS (
  SELECT
    a.patient_key,
    b.patient_key AS other_key,
    1 AS identifiers,
    0 AS names
  FROM telling_identifiers AS t
  INNER JOIN identified AS a ON t.value_token = a.value_token
  INNER JOIN identified AS b ON t.value_token = b.value_token AND a.patient_key < b.patient_key
  UNION ALL
  SELECT
    a.patient_key,
    b.patient_key AS other_key,
    0 AS identifiers,
    1 AS names
  FROM telling_names AS t
  INNER JOIN named AS a
    ON t.family_name_token = a.family_name_token
    AND t.given_name_token = a.given_name_token
    AND t.birth_date = a.birth_date
  INNER JOIN named AS b
    ON a.family_name_token = b.family_name_token
    AND a.given_name_token = b.given_name_token
    AND a.birth_date = b.birth_date
    AND a.patient_key < b.patient_key
)

SELECT
  m.patient_key,
  m.other_key,
  CAST(SUM(m.identifiers) AS BIGINT) AS shared_identifiers,
  SUM(m.names) > 0 AS same_name_and_birth_date,
  MIN(a.birth_date) = MIN(b.birth_date) AS same_birth_date,
  MIN(a.gender) = MIN(b.gender) AS same_gender
FROM pairs AS m
INNER JOIN people AS a ON m.patient_key = a.patient_key
INNER JOIN people AS b ON m.other_key = b.patient_key
GROUP BY m.patient_key, m.other_key

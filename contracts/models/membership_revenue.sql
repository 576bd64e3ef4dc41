-- One row a month, plan, clinic and currency: members, and the money of memberships on a cash basis. Money counts
-- in the month in which it was paid or paid back, by local dates; nothing is spread over the months it is paid
-- for. Members are counted in the currency of their fee, payments in their own.
WITH members AS (
  SELECT
    source,
    membership_id,
    COALESCE(plan_code, 'unknown') AS plan_code,
    COALESCE(organization_id, 'unknown') AS organization_id,
    COALESCE(currency, 'unknown') AS currency,
    CAST(DATE_TRUNC('month', start_date) AS DATE) AS start_month,
    CAST(DATE_TRUNC('month', end_date) AS DATE) AS end_month
  FROM silver.membership
  WHERE NOT deleted AND start_date IS NOT NULL
),

money AS (
  SELECT
    p.source,
    p.payment_id,
    COALESCE(m.plan_code, 'unknown') AS plan_code,
    COALESCE(p.organization_id, m.organization_id, 'unknown') AS organization_id,
    COALESCE(p.currency, 'unknown') AS currency,
    CAST(DATE_TRUNC('month', p.paid_date) AS DATE) AS month,
    p.kind,
    p.status,
    p.amount
  FROM silver.payment AS p
  LEFT JOIN members AS m ON m.source = p.source AND m.membership_id = p.membership_id
  WHERE NOT p.deleted
    AND p.paid_date IS NOT NULL
    AND (p.kind = 'membership' OR (p.kind = 'refund' AND p.membership_id IS NOT NULL))
),

paid AS (
  SELECT
    source,
    plan_code,
    organization_id,
    currency,
    month,
    COUNT(CASE WHEN kind = 'membership' AND status = 'completed' THEN 1 END) AS payments,
    COUNT(CASE WHEN kind = 'membership' AND status = 'failed' THEN 1 END) AS failed_payments,
    COUNT(CASE WHEN kind = 'refund' AND status = 'completed' THEN 1 END) AS refunds,
    SUM(CASE WHEN kind = 'membership' AND status <> 'voided' THEN amount END) AS billed,
    SUM(CASE WHEN kind = 'membership' AND status = 'completed' THEN amount END) AS collected,
    SUM(CASE WHEN kind = 'refund' AND status = 'completed' THEN amount END) AS refunded
  FROM money
  GROUP BY source, plan_code, organization_id, currency, month
),

last_months AS (
  SELECT source, MAX(month) AS last_month
  FROM (
    SELECT source, month FROM money
    UNION
    SELECT source, start_month AS month FROM members
  ) AS told
  GROUP BY source
),

-- The months in which anything happened: a membership began or ended, or anybody paid or came.
months AS (
  SELECT told.source, told.month
  FROM (
    SELECT source, start_month AS month FROM members
    UNION
    SELECT source, end_month AS month FROM members WHERE end_month IS NOT NULL
    UNION
    SELECT source, CAST(DATE_TRUNC('month', paid_date) AS DATE) AS month
    FROM silver.payment
    WHERE NOT deleted AND paid_date IS NOT NULL
    UNION
    SELECT source, CAST(DATE_TRUNC('month', start_date) AS DATE) AS month
    FROM silver.encounter
    WHERE NOT deleted AND start_date IS NOT NULL
  ) AS told
  INNER JOIN last_months ON last_months.source = told.source AND told.month <= last_months.last_month
),

counted AS (
  SELECT
    m.source,
    m.plan_code,
    m.organization_id,
    m.currency,
    months.month,
    COUNT(CASE WHEN m.start_month < months.month THEN 1 END) AS members_at_start,
    COUNT(CASE WHEN m.start_month = months.month THEN 1 END) AS members_new,
    COUNT(CASE WHEN m.end_month = months.month THEN 1 END) AS members_cancelled
  FROM members AS m
  INNER JOIN months
    ON months.source = m.source
    AND months.month >= m.start_month
    AND (m.end_month IS NULL OR months.month <= m.end_month)
  GROUP BY m.source, m.plan_code, m.organization_id, m.currency, months.month
),

cells AS (
  SELECT source, plan_code, organization_id, currency, month FROM counted
  UNION
  SELECT source, plan_code, organization_id, currency, month FROM paid
)

SELECT
  cells.source,
  cells.month,
  cells.plan_code,
  cells.organization_id,
  cells.currency,
  og.name AS organization_name,
  COALESCE(counted.members_at_start, 0) AS members_at_start,
  COALESCE(counted.members_new, 0) AS members_new,
  COALESCE(counted.members_cancelled, 0) AS members_cancelled,
  COALESCE(counted.members_at_start, 0) + COALESCE(counted.members_new, 0)
    - COALESCE(counted.members_cancelled, 0) AS members_at_end,
  CAST(CAST(counted.members_cancelled AS DOUBLE) / NULLIF(counted.members_at_start, 0) AS DECIMAL(9, 4))
    AS churn_rate,
  COALESCE(paid.payments, 0) AS payments,
  COALESCE(paid.failed_payments, 0) AS failed_payments,
  COALESCE(paid.refunds, 0) AS refunds,
  CAST(COALESCE(paid.billed, 0) AS DECIMAL(18, 2)) AS billed,
  CAST(COALESCE(paid.collected, 0) AS DECIMAL(18, 2)) AS collected,
  CAST(COALESCE(paid.refunded, 0) AS DECIMAL(18, 2)) AS refunded,
  CAST(COALESCE(paid.collected, 0) - COALESCE(paid.refunded, 0) AS DECIMAL(18, 2)) AS net_revenue
FROM cells
LEFT JOIN counted
  ON counted.source = cells.source
  AND counted.plan_code = cells.plan_code
  AND counted.organization_id = cells.organization_id
  AND counted.currency = cells.currency
  AND counted.month = cells.month
LEFT JOIN paid
  ON paid.source = cells.source
  AND paid.plan_code = cells.plan_code
  AND paid.organization_id = cells.organization_id
  AND paid.currency = cells.currency
  AND paid.month = cells.month
LEFT JOIN silver.organization AS og
  ON og.source = cells.source AND og.organization_id = cells.organization_id AND NOT og.deleted

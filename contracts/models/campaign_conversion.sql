-- One row a campaign and channel: its leads, and how far they came. Attribution: a lead is a patient's by record
-- number, else by an e-mail address, else by a telephone number that one patient alone has. It is credited with
-- what the patient books from its day on, for 90 days or until the day before the patient's next lead (last
-- touch), and with the visits, treatments and money of these bookings. Each booking has one lead at most.
WITH known AS (
  SELECT source, patient_key, email_token, phone_token
  FROM silver.patient
  WHERE is_current AND NOT deleted AND replaced_by IS NULL
),

by_email AS (
  SELECT source, email_token, MIN(patient_key) AS patient_key
  FROM known
  WHERE email_token IS NOT NULL
  GROUP BY source, email_token
  HAVING COUNT(*) = 1
),

by_phone AS (
  SELECT source, phone_token, MIN(patient_key) AS patient_key
  FROM known
  WHERE phone_token IS NOT NULL
  GROUP BY source, phone_token
  HAVING COUNT(*) = 1
),

leads AS (
  SELECT
    l.source,
    l.lead_id,
    COALESCE(l.campaign_id, 'none') AS campaign_id,
    COALESCE(c.channel, l.channel, 'unknown') AS channel,
    l.created_at,
    l.created_date,
    COALESCE(l.patient_key, e.patient_key, p.patient_key) AS patient_key
  FROM silver.lead AS l
  LEFT JOIN silver.campaign AS c
    ON c.source = l.source AND c.campaign_id = l.campaign_id AND NOT c.deleted
  LEFT JOIN by_email AS e ON e.source = l.source AND e.email_token = l.email_token
  LEFT JOIN by_phone AS p ON p.source = l.source AND p.phone_token = l.phone_token
  WHERE NOT l.deleted
),

windows AS (
  SELECT
    source,
    lead_id,
    patient_key,
    created_date AS first_date,
    CAST(created_date + INTERVAL '90' DAY AS DATE) AS last_date,
    LEAD(created_date) OVER (
      PARTITION BY source, patient_key ORDER BY created_at NULLS LAST, lead_id NULLS LAST
    ) AS next_date
  FROM leads
  WHERE patient_key IS NOT NULL AND created_date IS NOT NULL
),

bookings AS (
  SELECT w.source, w.lead_id, a.appointment_id, a.status
  FROM windows AS w
  INNER JOIN silver.appointment AS a
    ON a.source = w.source
    AND a.patient_key = w.patient_key
    AND a.created_date >= w.first_date
    AND a.created_date <= w.last_date
    AND (w.next_date IS NULL OR a.created_date < w.next_date)
    AND NOT a.deleted
    AND a.status <> 'entered-in-error'
),

visits AS (
  SELECT b.source, b.lead_id, e.encounter_id
  FROM bookings AS b
  INNER JOIN silver.encounter AS e
    ON e.source = b.source
    AND e.appointment_id = b.appointment_id
    AND NOT e.deleted
    AND e.status NOT IN ('planned', 'cancelled', 'entered-in-error')
),

acts AS (
  SELECT v.source, v.lead_id, COUNT(*) AS treatments
  FROM visits AS v
  INNER JOIN silver.procedure AS p
    ON p.source = v.source
    AND p.encounter_id = v.encounter_id
    AND NOT p.deleted
    AND p.status = 'completed'
    AND p.category_code IN ('toxin', 'filler', 'laser', 'peel', 'lift')
  GROUP BY v.source, v.lead_id
),

booked AS (
  SELECT
    source,
    lead_id,
    COUNT(*) AS bookings,
    COUNT(CASE WHEN status = 'fulfilled' THEN 1 END) AS kept
  FROM bookings
  GROUP BY source, lead_id
),

-- Amounts of a source are added up in the currency that most of its payments are in.
currencies AS (
  SELECT source, currency
  FROM (
    SELECT
      source,
      currency,
      ROW_NUMBER() OVER (PARTITION BY source ORDER BY payments DESC NULLS LAST, currency NULLS LAST) AS place
    FROM (
      SELECT source, currency, COUNT(*) AS payments
      FROM silver.payment
      WHERE NOT deleted AND currency IS NOT NULL
      GROUP BY source, currency
    ) AS counted
  ) AS ranked
  WHERE place = 1
),

money AS (
  SELECT
    v.source,
    v.lead_id,
    SUM(
      CASE
        WHEN m.currency <> c.currency THEN CAST(0 AS DECIMAL(12, 2))
        WHEN m.kind = 'refund' THEN -m.amount
        ELSE m.amount
      END
    ) AS revenue,
    COUNT(CASE WHEN m.currency <> c.currency THEN 1 END) AS payments_left_out
  FROM visits AS v
  INNER JOIN silver.payment AS m
    ON m.source = v.source
    AND m.encounter_id = v.encounter_id
    AND NOT m.deleted
    AND m.status = 'completed'
  INNER JOIN currencies AS c ON c.source = m.source
  GROUP BY v.source, v.lead_id
),

reached AS (
  SELECT
    l.source,
    l.campaign_id,
    l.channel,
    COUNT(*) AS leads,
    COUNT(l.patient_key) AS leads_matched,
    COUNT(CASE WHEN booked.bookings > 0 THEN 1 END) AS leads_booked,
    COUNT(CASE WHEN booked.kept > 0 THEN 1 END) AS leads_attended,
    COUNT(CASE WHEN acts.treatments > 0 THEN 1 END) AS leads_treated,
    SUM(booked.bookings) AS bookings,
    SUM(money.revenue) AS revenue,
    SUM(money.payments_left_out) AS payments_left_out
  FROM leads AS l
  LEFT JOIN booked ON booked.source = l.source AND booked.lead_id = l.lead_id
  LEFT JOIN acts ON acts.source = l.source AND acts.lead_id = l.lead_id
  LEFT JOIN money ON money.source = l.source AND money.lead_id = l.lead_id
  GROUP BY l.source, l.campaign_id, l.channel
),

cells AS (
  SELECT source, campaign_id, channel FROM reached
  UNION
  SELECT source, campaign_id, COALESCE(channel, 'unknown') AS channel FROM silver.campaign WHERE NOT deleted
)

SELECT
  cells.source,
  cells.campaign_id,
  cells.channel,
  ca.name AS campaign_name,
  ca.start_date,
  ca.end_date,
  COALESCE(r.leads, 0) AS leads,
  COALESCE(r.leads_matched, 0) AS leads_matched,
  COALESCE(r.leads_booked, 0) AS leads_booked,
  COALESCE(r.leads_attended, 0) AS leads_attended,
  COALESCE(r.leads_treated, 0) AS leads_treated,
  CAST(COALESCE(r.bookings, 0) AS BIGINT) AS bookings,
  CAST(CAST(r.leads_attended AS DOUBLE) / NULLIF(r.leads, 0) AS DECIMAL(9, 4)) AS conversion_rate,
  CAST(COALESCE(r.revenue, 0) AS DECIMAL(18, 2)) AS revenue,
  c.currency AS revenue_currency,
  CAST(COALESCE(r.payments_left_out, 0) AS BIGINT) AS payments_left_out,
  CAST(ca.spend AS DECIMAL(18, 2)) AS spend,
  ca.currency AS spend_currency,
  CAST(CAST(ca.spend AS DOUBLE) / NULLIF(r.leads, 0) AS DECIMAL(18, 2)) AS cost_per_lead,
  CAST(CAST(ca.spend AS DOUBLE) / NULLIF(r.leads_attended, 0) AS DECIMAL(18, 2)) AS cost_per_conversion
FROM cells
LEFT JOIN reached AS r
  ON r.source = cells.source AND r.campaign_id = cells.campaign_id AND r.channel = cells.channel
LEFT JOIN silver.campaign AS ca
  ON ca.source = cells.source AND ca.campaign_id = cells.campaign_id AND NOT ca.deleted
LEFT JOIN currencies AS c ON c.source = cells.source

-- One row a patient and month with an event, by the local dates of the telephone.
SELECT
  patient_key,
  CAST(DATE_TRUNC('month', occurred_date) AS DATE) AS month,
  MIN(source) AS source,
  COUNT(*) AS events,
  COUNT(DISTINCT session_id) AS sessions,
  COUNT(DISTINCT occurred_date) AS active_days,
  COUNT(CASE WHEN event_type = 'screen_view' THEN 1 END) AS screen_views,
  COUNT(DISTINCT screen) AS screens,
  COUNT(CASE WHEN event_type IN ('message_sent', 'message_read') THEN 1 END) AS messages,
  COUNT(CASE WHEN event_type IN ('booking_started', 'booking_made') THEN 1 END) AS booking_events,
  MIN(occurred_at) AS first_seen_at,
  MAX(occurred_at) AS last_seen_at,
  MAX(occurred_date) AS last_seen_date
FROM silver.app_event
WHERE NOT deleted AND patient_key IS NOT NULL AND occurred_date IS NOT NULL
GROUP BY patient_key, CAST(DATE_TRUNC('month', occurred_date) AS DATE)

-- One row a use of a lot, and one a lot on a shelf, for each recall that reaches it ('none' where none does): who
-- received which lot, and what is still there to be taken off the shelf. Lots are compared in capitals without
-- blanks; products where both sides tell one. What a patient received counts whatever became of the procedure,
-- unless it never took place.
WITH given AS (
  SELECT
    source,
    'procedure' AS record_type,
    procedure_id AS record_id,
    patient_key,
    encounter_id,
    practitioner_id,
    lot_number,
    product_code,
    product_code_display AS product_name,
    performed_date AS given_date
  FROM silver.procedure
  WHERE NOT deleted
    AND lot_number IS NOT NULL
    AND status NOT IN ('preparation', 'not-done', 'entered-in-error')
  UNION ALL
  SELECT
    a.source,
    'medication_administration' AS record_type,
    a.medication_administration_id AS record_id,
    a.patient_key,
    a.encounter_id,
    a.practitioner_id,
    COALESCE(a.lot_number, m.lot_number) AS lot_number,
    COALESCE(a.medication_code, m.code) AS product_code,
    CASE WHEN a.medication_code IS NULL THEN m.code_display ELSE a.medication_code_display END AS product_name,
    a.effective_date AS given_date
  FROM silver.medication_administration AS a
  LEFT JOIN silver.medication AS m
    ON m.source = a.source AND m.medication_id = a.medication_id AND NOT m.deleted
  WHERE NOT a.deleted
    AND COALESCE(a.lot_number, m.lot_number) IS NOT NULL
    AND a.status NOT IN ('not-done', 'entered-in-error')
  UNION ALL
  SELECT
    source,
    'implant' AS record_type,
    device_id AS record_id,
    patient_key,
    CAST(NULL AS TEXT) AS encounter_id,
    CAST(NULL AS TEXT) AS practitioner_id,
    lot_number,
    CAST(NULL AS TEXT) AS product_code,
    device_name AS product_name,
    CAST(NULL AS DATE) AS given_date
  FROM silver.device
  WHERE NOT deleted AND lot_number IS NOT NULL AND patient_key IS NOT NULL
  UNION ALL
  SELECT
    p.source,
    'device_use' AS record_type,
    p.procedure_id AS record_id,
    p.patient_key,
    p.encounter_id,
    p.practitioner_id,
    d.lot_number,
    CAST(NULL AS TEXT) AS product_code,
    d.device_name AS product_name,
    p.performed_date AS given_date
  FROM silver.procedure AS p
  INNER JOIN silver.device AS d
    ON d.source = p.source AND d.device_id = p.device_id AND NOT d.deleted AND d.lot_number IS NOT NULL
  WHERE NOT p.deleted AND p.status NOT IN ('preparation', 'not-done', 'entered-in-error')
),

shelves AS (
  SELECT
    source,
    inventory_lot_id,
    organization_id,
    product_code,
    product_name,
    lot_number,
    ASCII_UPPER(REPLACE(lot_number, ' ', '')) AS lot,
    expiration_date,
    quantity_on_hand
  FROM silver.inventory_lot
  WHERE NOT deleted AND lot_number IS NOT NULL
),

listed AS (
  SELECT source, lot, product_code, MIN(expiration_date) AS expiration_date
  FROM shelves
  GROUP BY source, lot, product_code
),

-- Devices tell no product: for them the lot number decides alone.
listed_lots AS (
  SELECT source, lot, MIN(expiration_date) AS expiration_date
  FROM shelves
  GROUP BY source, lot
),

traced AS (
  SELECT
    g.source,
    g.record_type,
    g.record_id,
    g.patient_key,
    g.encounter_id,
    g.practitioner_id,
    e.organization_id,
    ASCII_UPPER(REPLACE(g.lot_number, ' ', '')) AS lot_number,
    g.product_code,
    g.product_name,
    COALESCE(g.given_date, e.start_date) AS given_date,
    CASE WHEN g.product_code IS NULL THEN a.lot IS NOT NULL ELSE l.lot IS NOT NULL END AS in_inventory,
    CASE WHEN g.product_code IS NULL THEN a.expiration_date ELSE l.expiration_date END AS expiration_date,
    CAST(NULL AS DECIMAL(12, 3)) AS quantity_on_hand
  FROM given AS g
  LEFT JOIN silver.encounter AS e
    ON e.source = g.source AND e.encounter_id = g.encounter_id AND NOT e.deleted
  LEFT JOIN listed AS l
    ON l.source = g.source
    AND l.lot = ASCII_UPPER(REPLACE(g.lot_number, ' ', ''))
    AND l.product_code = g.product_code
  LEFT JOIN listed_lots AS a ON a.source = g.source AND a.lot = ASCII_UPPER(REPLACE(g.lot_number, ' ', ''))
  UNION ALL
  SELECT
    source,
    'stock' AS record_type,
    inventory_lot_id AS record_id,
    CAST(NULL AS TEXT) AS patient_key,
    CAST(NULL AS TEXT) AS encounter_id,
    CAST(NULL AS TEXT) AS practitioner_id,
    organization_id,
    lot AS lot_number,
    product_code,
    product_name,
    CAST(NULL AS DATE) AS given_date,
    TRUE AS in_inventory,
    expiration_date,
    quantity_on_hand
  FROM shelves
)

SELECT
  t.source,
  t.record_type,
  t.record_id,
  COALESCE(r.lot_recall_id, 'none') AS lot_recall_id,
  t.lot_number,
  t.product_code,
  t.product_name,
  t.patient_key,
  t.encounter_id,
  t.practitioner_id,
  t.organization_id,
  t.given_date,
  t.in_inventory,
  t.expiration_date,
  t.given_date > t.expiration_date AS given_after_expiry,
  t.quantity_on_hand,
  r.lot_recall_id IS NOT NULL AS is_recalled,
  r.recall_class,
  r.status AS recall_status,
  r.announced_date AS recalled_date,
  t.given_date >= r.announced_date AS given_after_recall
FROM traced AS t
LEFT JOIN silver.lot_recall AS r
  ON r.source = t.source
  AND ASCII_UPPER(REPLACE(r.lot_number, ' ', '')) = t.lot_number
  AND (r.product_code IS NULL OR t.product_code IS NULL OR r.product_code = t.product_code)
  AND NOT r.deleted

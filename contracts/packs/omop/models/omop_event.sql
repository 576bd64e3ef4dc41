-- Records with the standard concepts that their codes map to: one row a concept, or one with concept 0.
WITH vocabularies AS (
  SELECT 'http://hl7.org/fhir/sid/icd-10-cm' AS system, 'ICD10CM' AS vocabulary_id
  UNION ALL SELECT 'http://hl7.org/fhir/sid/icd-9-cm' AS system, 'ICD9CM' AS vocabulary_id
  UNION ALL SELECT 'http://www.cms.gov/Medicare/Coding/ICD10' AS system, 'ICD10PCS' AS vocabulary_id
  UNION ALL SELECT 'http://snomed.info/sct' AS system, 'SNOMED' AS vocabulary_id
  UNION ALL SELECT 'http://loinc.org' AS system, 'LOINC' AS vocabulary_id
  UNION ALL SELECT 'http://www.nlm.nih.gov/research/umls/rxnorm' AS system, 'RxNorm' AS vocabulary_id
  UNION ALL SELECT 'http://hl7.org/fhir/sid/ndc' AS system, 'NDC' AS vocabulary_id
  UNION ALL SELECT 'http://hl7.org/fhir/sid/cvx' AS system, 'CVX' AS vocabulary_id
  UNION ALL SELECT 'http://www.ama-assn.org/go/cpt' AS system, 'CPT4' AS vocabulary_id
  UNION ALL SELECT 'http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets' AS system, 'HCPCS' AS vocabulary_id
  UNION ALL SELECT 'https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets' AS system, 'HCPCS' AS vocabulary_id
  UNION ALL SELECT 'https://aesthetics360.example/CodeSystem/procedure' AS system, 'A360 Procedure' AS vocabulary_id
  UNION ALL SELECT 'https://aesthetics360.example/CodeSystem/product' AS system, 'A360 Product' AS vocabulary_id
  UNION ALL SELECT 'https://aesthetics360.example/CodeSystem/observation' AS system, 'A360 Observation' AS vocabulary_id
), records AS (
  SELECT
    record.origin, record.source, record.origin_id, record.person_id, record.visit_occurrence_id,
    record.provider_id, record.home_domain, record.code, record.code_system, record.start_at,
    record.start_date, record.end_at, record.end_date, record.type_concept_id, record.value_number,
    record.value_text,
    record.value_comparator, record.value_code, record.value_code_system, record.unit, record.unit_code,
    record.quantity, record.lot_number, record.refills, record.route, record.status,
    record.device_identifier,
    vocabularies.vocabulary_id,
    CASE WHEN vocabularies.vocabulary_id = 'ICD10CM' THEN REPLACE(record.code, '.', '') ELSE record.code
    END AS match_code,
    value_vocabularies.vocabulary_id AS value_vocabulary_id,
    CASE WHEN value_vocabularies.vocabulary_id = 'ICD10CM' THEN REPLACE(record.value_code, '.', '')
      ELSE record.value_code
    END AS value_match_code
  FROM gold.omop_record AS record
  LEFT JOIN vocabularies ON vocabularies.system = record.code_system
  LEFT JOIN vocabularies AS value_vocabularies ON value_vocabularies.system = record.value_code_system
  WHERE record.left_out IS NULL
), wanted AS (
  SELECT vocabulary_id, match_code FROM records WHERE vocabulary_id IS NOT NULL
  UNION SELECT value_vocabulary_id, value_match_code FROM records WHERE value_vocabulary_id IS NOT NULL
  UNION SELECT 'UCUM', unit_code FROM records WHERE unit_code IS NOT NULL
), spelled AS (
  SELECT concept_id, vocabulary_id, domain_id, invalid_reason,
    -- Sources write ICD-10-CM with its point or without.
    CASE WHEN vocabulary_id = 'ICD10CM' THEN REPLACE(concept_code, '.', '') ELSE concept_code
    END AS match_code
  FROM gold.concept
), candidates AS (
  SELECT wanted.vocabulary_id, wanted.match_code, spelled.concept_id, spelled.domain_id,
    ROW_NUMBER() OVER (
      PARTITION BY wanted.vocabulary_id, wanted.match_code
      ORDER BY CASE WHEN spelled.invalid_reason IS NULL THEN 0 ELSE 1 END NULLS LAST, spelled.concept_id NULLS LAST
    ) AS place
  FROM wanted
  JOIN spelled ON spelled.vocabulary_id = wanted.vocabulary_id AND spelled.match_code = wanted.match_code
), source_concepts AS (
  SELECT vocabulary_id, match_code, concept_id, domain_id FROM candidates WHERE place = 1
), standard AS (
  SELECT DISTINCT relation.concept_id_1 AS source_concept_id, relation.relationship_id, target.concept_id,
    target.domain_id
  FROM gold.concept_relationship AS relation
  JOIN gold.concept AS target ON target.concept_id = relation.concept_id_2
  WHERE relation.invalid_reason IS NULL
    AND (relation.relationship_id = 'Maps to value'
      OR (relation.relationship_id = 'Maps to' AND target.standard_concept = 'S'))
), value_concepts AS (
  SELECT source_concepts.vocabulary_id, source_concepts.match_code, MIN(standard.concept_id) AS concept_id
  FROM source_concepts
  JOIN standard ON standard.source_concept_id = source_concepts.concept_id
  WHERE standard.relationship_id = 'Maps to'
  GROUP BY source_concepts.vocabulary_id, source_concepts.match_code
), told_values AS (
  SELECT source_concept_id, MIN(concept_id) AS concept_id
  FROM standard
  WHERE relationship_id = 'Maps to value'
  GROUP BY source_concept_id
), mapped AS (
  SELECT
    records.origin, records.source, records.origin_id, records.person_id, records.visit_occurrence_id,
    records.provider_id, records.home_domain, records.code, records.code_system, records.start_at,
    records.start_date, records.end_at, records.end_date, records.type_concept_id, records.value_number,
    records.value_text,
    records.value_comparator, records.value_code, records.value_code_system, records.unit,
    records.unit_code, records.quantity, records.lot_number, records.refills, records.route,
    records.status, records.device_identifier,
    COALESCE(source_concepts.concept_id, 0) AS source_concept_id,
    -- An allergy to a drug is no exposure to it: it is an observation whose value is the drug.
    records.origin = 'allergy_intolerance' AND COALESCE(standard.domain_id, '') IN ('Drug', 'Device')
      AS is_allergen,
    standard.concept_id AS standard_concept_id,
    COALESCE(standard.domain_id, source_concepts.domain_id, records.home_domain) AS domain_id,
    COALESCE(value_concepts.concept_id, told_values.concept_id) AS value_concept_id,
    units.concept_id AS unit_concept_id
  FROM records
  LEFT JOIN source_concepts
    ON source_concepts.vocabulary_id = records.vocabulary_id
    AND source_concepts.match_code = records.match_code
  LEFT JOIN standard
    ON standard.source_concept_id = source_concepts.concept_id AND standard.relationship_id = 'Maps to'
  LEFT JOIN value_concepts
    ON value_concepts.vocabulary_id = records.value_vocabulary_id
    AND value_concepts.match_code = records.value_match_code
  LEFT JOIN told_values ON told_values.source_concept_id = source_concepts.concept_id
  LEFT JOIN source_concepts AS units
    ON units.vocabulary_id = 'UCUM' AND units.match_code = records.unit_code
), routed AS (
  SELECT
    origin, source, origin_id, person_id, visit_occurrence_id, provider_id, home_domain, code,
    code_system, start_at, start_date, end_at, end_date, type_concept_id, value_number, value_text, value_comparator,
    value_code, value_code_system, unit, unit_code, quantity, lot_number, refills, route, status,
    device_identifier,
    source_concept_id, unit_concept_id, domain_id, standard_concept_id,
    standard_concept_id IS NOT NULL AS is_mapped,
    CASE WHEN is_allergen THEN 439224 ELSE COALESCE(standard_concept_id, 0) END AS concept_id,
    CASE WHEN is_allergen THEN standard_concept_id ELSE value_concept_id END AS value_concept_id,
    CASE
      WHEN is_allergen OR (origin = 'allergy_intolerance' AND standard_concept_id IS NULL) THEN 'observation'
      WHEN domain_id = 'Condition' THEN 'condition_occurrence'
      WHEN domain_id = 'Procedure' THEN 'procedure_occurrence'
      WHEN domain_id = 'Drug' THEN 'drug_exposure'
      WHEN domain_id = 'Device' THEN 'device_exposure'
      WHEN domain_id = 'Measurement' THEN 'measurement'
      ELSE 'observation'
    END AS target,
    ROW_NUMBER() OVER (
      PARTITION BY origin, source, origin_id ORDER BY standard_concept_id NULLS LAST
    ) AS place
  FROM mapped
)
SELECT
  -- 60 bits: among a hundred million records two meet once in two hundred lakes.
  STABLE_ID(
    origin || '|' || source || '|' || origin_id || '|' || CAST(COALESCE(standard_concept_id, 0) AS VARCHAR), 60
  ) AS event_id,
  origin,
  source,
  origin_id,
  CAST(place AS INTEGER) AS place,
  person_id,
  visit_occurrence_id,
  provider_id,
  target,
  domain_id,
  is_mapped,
  concept_id,
  source_concept_id,
  code,
  code_system,
  start_at,
  start_date,
  end_at,
  end_date,
  type_concept_id,
  value_number,
  value_text,
  CASE value_comparator WHEN '<' THEN 4171756 WHEN '<=' THEN 4171754 WHEN '>=' THEN 4171755 WHEN '>' THEN 4172704
  END AS operator_concept_id,
  value_concept_id,
  value_code,
  CASE WHEN unit IS NULL AND unit_code IS NULL THEN NULL ELSE COALESCE(unit_concept_id, 0)
  END AS unit_concept_id,
  COALESCE(unit, unit_code) AS unit,
  quantity,
  lot_number,
  refills,
  route,
  status,
  device_identifier
FROM routed

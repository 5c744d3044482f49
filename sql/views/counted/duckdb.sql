-- The row that counts of each variant: its succeeded attempt with the lowest number, else its failed
-- one with the highest. A stale worker can add attempts but never change what is read here. Without
-- the nested results, nearly all of a row's bytes: those are in counted_details.
WITH
-- Only narrow columns are ranked; the others are read for the chosen attempts alone.
ranked AS (
  SELECT
    simulation_id,
    variant_id,
    attempt,
    ROW_NUMBER() OVER (
      PARTITION BY simulation_id, variant_id
      ORDER BY
        CASE WHEN status = 'succeeded' THEN 0 ELSE 1 END,
        CASE WHEN status = 'succeeded' THEN attempt ELSE -attempt END
    ) AS choice
  FROM variant_results
),

counting AS (
  SELECT simulation_id, variant_id, attempt
  FROM ranked
  WHERE choice = 1
)

SELECT
  variant_results.* EXCLUDE (campaigns, groups, breakdowns),
  -- The UTC day of submission, whatever the session's time zone; BigQuery's partition.
  CAST(MAKE_TIMESTAMP(EPOCH_US(variant_results.submitted_at)) AS DATE) AS submitted_date,
  -- The variant without its replicate: v0001 of v0001.r7.
  REGEXP_REPLACE(variant_results.variant_id, '[.]r[0-9]+$', '') AS point,
  -- What the variant set, as one JSON object in the configuration's order: a number as it was written
  -- (its text is canonical), everything else as a string.
  '{' || ARRAY_TO_STRING(
    LIST_TRANSFORM(
      variant_results.parameters,
      LAMBDA p: CAST(TO_JSON(p.name) AS VARCHAR) || ':'
      || CASE WHEN p.number IS NULL THEN CAST(TO_JSON(p.text) AS VARCHAR) ELSE p.text END
    ),
    ','
  ) || '}' AS parameters_json
FROM variant_results
INNER JOIN counting USING (simulation_id, variant_id, attempt)

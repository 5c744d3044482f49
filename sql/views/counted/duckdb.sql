-- The row that counts of each variant: its succeeded attempt with the lowest number, else its failed
-- one with the highest. A stale worker can add attempts but never change what is read here. Without
-- the nested results, nearly all of a row's bytes: those are in counted_details.
SELECT
  * EXCLUDE (campaigns, groups, breakdowns),
  -- The UTC day of submission, whatever the session's time zone; BigQuery's partition.
  CAST(MAKE_TIMESTAMP(EPOCH_US(submitted_at)) AS DATE) AS submitted_date,
  -- The variant without its replicate: v0001 of v0001.r7.
  REGEXP_REPLACE(variant_id, '[.]r[0-9]+$', '') AS point,
  -- What the variant set, as one JSON object in the configuration's order: a number as it was written
  -- (its text is canonical), everything else as a string; nothing set is {} (an empty list as text is null).
  '{' || COALESCE(ARRAY_TO_STRING(
    LIST_TRANSFORM(
      parameters,
      LAMBDA p: CAST(TO_JSON(p.name) AS VARCHAR) || ':'
      || CASE WHEN p.number IS NULL THEN CAST(TO_JSON(p.text) AS VARCHAR) ELSE p.text END
    ),
    ','
  ), '') || '}' AS parameters_json,
  -- What view failures tells of all attempts; the row that counts knows only of itself.
  COUNT(DISTINCT CASE WHEN status = 'failed' THEN attempt END) OVER same_variant AS failed_attempts,
  MIN(CASE WHEN status = 'failed' THEN finished_at END) OVER same_variant AS first_failed_at,
  MAX(CASE WHEN status = 'failed' THEN finished_at END) OVER same_variant AS last_failed_at
FROM variant_results
WINDOW same_variant AS (PARTITION BY simulation_id, variant_id)
QUALIFY
  ROW_NUMBER() OVER (
    PARTITION BY simulation_id, variant_id
    ORDER BY
      CASE WHEN status = 'succeeded' THEN 0 ELSE 1 END,
      CASE WHEN status = 'succeeded' THEN attempt ELSE -attempt END
  ) = 1

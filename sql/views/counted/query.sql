-- The row that counts of each variant: its succeeded attempt with the lowest number, else its failed
-- one with the highest. A stale worker can add attempts but never change what is read here. Without
-- the nested results, nearly all of a row's bytes: those are in counted_details.
WITH
-- All rows of a simulation were submitted at one time, so the day takes no window apart. It stands in
-- every PARTITION BY because a filter on it then reaches BigQuery's table, which is partitioned by it.
attempts AS (
  SELECT
    * {{except}} (campaigns, {{name "groups"}}, breakdowns),
    -- The UTC day of submission, whatever the session's time zone.
    {{day "submitted_at"}} AS submitted_date,
    -- The variant without its replicate: v0001 of v0001.r7.
    REGEXP_REPLACE(variant_id, '[.]r[0-9]+$', '') AS point
  FROM {{view "variant_results"}}
)

SELECT
  *,
  -- What the variant set, as one JSON object in the configuration's order: a number as it was written
  -- (its text is canonical), everything else as a string; nothing set is {}.
  {{include "parameters"}} AS parameters_json,
  -- What view failures tells of all attempts; the row that counts knows only of itself.
  COUNT(DISTINCT CASE WHEN status = 'failed' THEN attempt END) OVER (
    PARTITION BY simulation_id, submitted_date, variant_id
  ) AS failed_attempts,
  MIN(CASE WHEN status = 'failed' THEN finished_at END) OVER (
    PARTITION BY simulation_id, submitted_date, variant_id
  ) AS first_failed_at,
  MAX(CASE WHEN status = 'failed' THEN finished_at END) OVER (
    PARTITION BY simulation_id, submitted_date, variant_id
  ) AS last_failed_at
FROM attempts
QUALIFY
  ROW_NUMBER() OVER (
    PARTITION BY simulation_id, submitted_date, variant_id
    ORDER BY
      CASE WHEN status = 'succeeded' THEN 0 ELSE 1 END,
      CASE WHEN status = 'succeeded' THEN attempt ELSE -attempt END
  ) = 1

-- The nested results of the rows that count and succeeded, found as counted finds them. A query pays for
-- the columns that it names: one that needs no nested results reads counted, and none reads both.
WITH
attempts AS (
  SELECT
    simulation_id,
    {{day "submitted_at"}} AS submitted_date,
    variant_id,
    replicate,
    attempt,
    status,
    REGEXP_REPLACE(variant_id, '[.]r[0-9]+$', '') AS point,
    campaigns,
    {{name "groups"}},
    breakdowns
  FROM {{view "variant_results"}}
),

-- Of the succeeded attempts that with the lowest number; a variant that has none isn't here at all.
first_success AS (
  SELECT *
  FROM attempts
  WHERE status = 'succeeded'
  QUALIFY ROW_NUMBER() OVER (PARTITION BY simulation_id, submitted_date, variant_id ORDER BY attempt) = 1
)

SELECT
  simulation_id,
  submitted_date,
  variant_id,
  replicate,
  point,
  campaigns,
  {{name "groups"}},
  breakdowns
FROM first_success

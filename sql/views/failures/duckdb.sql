-- Variants that count as failed, why their last attempt failed, and how often and when they were tried.
WITH
-- Over all attempts: the row that counts knows only of itself.
tries AS (
  SELECT
    simulation_id,
    variant_id,
    COUNT(DISTINCT attempt) AS attempts,
    MIN(finished_at) AS first_failed_at,
    MAX(finished_at) AS last_failed_at
  FROM variant_results
  WHERE status = 'failed'
  GROUP BY simulation_id, variant_id
)

SELECT
  counted.simulation_id,
  counted.submitted_date,
  counted.variant_id,
  counted.replicate,
  counted.error.reason AS reason,
  counted.error.message AS message,
  counted.error.retryable AS retryable,
  tries.attempts,
  tries.first_failed_at,
  tries.last_failed_at
FROM counted
INNER JOIN tries
  ON counted.simulation_id = tries.simulation_id
  AND counted.variant_id = tries.variant_id
WHERE counted.status = 'failed'

-- Variants that count as failed, why their last attempt failed, and how often and when they were tried.
SELECT
  simulation_id,
  submitted_date,
  variant_id,
  replicate,
  error.reason AS reason,
  error.message AS message,
  error.retryable AS retryable,
  failed_attempts AS attempts,
  first_failed_at,
  last_failed_at
FROM {{view "counted"}}
WHERE status = 'failed'

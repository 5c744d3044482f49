-- One row for each succeeded variant and figure, with its difference from the baseline and, where the
-- study has replicates, the difference's standard error and interval.
WITH
items AS (
  SELECT
    simulation_id,
    submitted_date,
    variant_id,
    replicate,
    point,
    {{unnest "metrics" "item"}}
  FROM {{view "figures"}}{{from "metrics" "item"}}
),

-- Beside each figure that of the baseline of the same replicate. Windows instead of joins, here and
-- below, so that the rows are read once.
beside AS (
  SELECT
    simulation_id,
    submitted_date,
    variant_id,
    replicate,
    point,
    item.metric,
    item.value,
    MAX(CASE WHEN point = 'baseline' THEN item.value END) OVER (
      PARTITION BY simulation_id, submitted_date, replicate, item.metric
    ) AS baseline_value
  FROM items
),

-- Replicate r of a variant and of the baseline saw the same resampled users: their difference is
-- paired, and only such pairs say how far the difference would vary.
differences AS (
  SELECT
    simulation_id,
    submitted_date,
    variant_id,
    replicate,
    metric,
    value,
    baseline_value,
    value - baseline_value AS delta,
    COUNT(CASE WHEN replicate > 0 THEN value - baseline_value END) OVER same_point AS replicates,
    STDDEV_SAMP(CASE WHEN replicate > 0 THEN value - baseline_value END) OVER same_point AS std_error
  FROM beside
  -- All rows of a point, in an order, so that equal rows give equal deviations to the last bit.
  WINDOW same_point AS (
    PARTITION BY simulation_id, submitted_date, point, metric
    ORDER BY replicate
    ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
  )
)

SELECT
  simulation_id,
  submitted_date,
  variant_id,
  replicate,
  metric,
  value,
  baseline_value,
  delta,
  delta / NULLIF(baseline_value, 0) AS relative_delta,
  replicates,
  std_error,
  -- 1.96 standard errors either way cover 95 % of a normal distribution; fewer than 20 pairs say too
  -- little about its width.
  CASE WHEN replicates >= 20 THEN delta - 1.96 * std_error END AS ci_low,
  CASE WHEN replicates >= 20 THEN delta + 1.96 * std_error END AS ci_high
FROM differences
WHERE replicate = 0

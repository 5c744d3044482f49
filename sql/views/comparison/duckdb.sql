-- Each succeeded variant beside its baseline, one row a variant: the table a study is read by.
-- Counts and money are scaled back as in variant_metrics: where slots.sample kept a share of the users,
-- they are divided by it, so that variants on samples stand beside the whole. Ratios, and goals_met, a
-- number of campaigns, are as they are.
WITH
variant AS (
  SELECT
    * REPLACE (
      filled / NULLIF(sampled_share, 0) AS filled,
      reach / NULLIF(sampled_share, 0) AS reach,
      revenue / NULLIF(sampled_share, 0) AS revenue
    )
  FROM counted
  WHERE status = 'succeeded' AND replicate = 0
),

baseline AS (
  SELECT *
  FROM variant
  WHERE point = 'baseline'
)

SELECT
  variant.simulation_id,
  variant.submitted_date,
  variant.variant_id,
  variant.replicate,
  variant.parameters_json AS parameters,
  variant.fill_rate,
  variant.fill_rate - baseline.fill_rate AS fill_rate_delta,
  (variant.fill_rate - baseline.fill_rate) / CAST(NULLIF(baseline.fill_rate, 0) AS DOUBLE) AS fill_rate_relative_delta,
  variant.filled,
  variant.filled - baseline.filled AS filled_delta,
  (variant.filled - baseline.filled) / NULLIF(baseline.filled, 0) AS filled_relative_delta,
  variant.reach,
  variant.reach - baseline.reach AS reach_delta,
  (variant.reach - baseline.reach) / NULLIF(baseline.reach, 0) AS reach_relative_delta,
  variant.average_frequency,
  variant.average_frequency - baseline.average_frequency AS average_frequency_delta,
  (variant.average_frequency - baseline.average_frequency) / CAST(NULLIF(baseline.average_frequency, 0) AS DOUBLE) AS average_frequency_relative_delta,
  variant.revenue,
  variant.revenue - baseline.revenue AS revenue_delta,
  (variant.revenue - baseline.revenue) / NULLIF(baseline.revenue, 0) AS revenue_relative_delta,
  variant.ecpm,
  variant.ecpm - baseline.ecpm AS ecpm_delta,
  (variant.ecpm - baseline.ecpm) / CAST(NULLIF(baseline.ecpm, 0) AS DOUBLE) AS ecpm_relative_delta,
  variant.goals_met,
  variant.goals_met - baseline.goals_met AS goals_met_delta,
  (variant.goals_met - baseline.goals_met) / CAST(NULLIF(baseline.goals_met, 0) AS DOUBLE) AS goals_met_relative_delta,
  -- Null without a baseline: there is nothing to differ from.
  variant.snapshot_sha256 = baseline.snapshot_sha256
  AND variant.campaigns_sha256 = baseline.campaigns_sha256
  AND variant.engine_version = baseline.engine_version
  AND variant.seed = baseline.seed
  AND variant.currency = baseline.currency AS comparable,
  variant.sampled_share
FROM variant
-- A left join: a baseline that failed takes no variant out of the table.
LEFT JOIN baseline
  ON variant.simulation_id = baseline.simulation_id

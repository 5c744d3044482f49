-- One row for each succeeded variant and figure, with its difference from the baseline and, where the
-- study has replicates, the difference's standard error and interval.
WITH
-- Counts and money were taken on a sample of the users where slots.sample was set; over this share
-- they estimate the whole. Ratios, and numbers of campaigns (goals, goals_met), are as they are;
-- grp counts impressions over a universe that was not sampled, so it is scaled too.
shares AS (
  SELECT *, NULLIF(sampled_share, 0) AS share
  FROM counted
  WHERE status = 'succeeded'
),

-- From one column a figure to one row a figure.
figures AS (
  SELECT simulation_id, submitted_date, variant_id, replicate, point, 'slots' AS metric, slots / share AS value
  FROM shares
  UNION ALL
  SELECT simulation_id, submitted_date, variant_id, replicate, point, 'filled' AS metric, filled / share AS value
  FROM shares
  UNION ALL
  SELECT simulation_id, submitted_date, variant_id, replicate, point, 'fill_rate' AS metric, CAST(fill_rate AS DOUBLE) AS value
  FROM shares
  UNION ALL
  SELECT simulation_id, submitted_date, variant_id, replicate, point, 'unfilled_no_campaign_targeted' AS metric, unfilled_no_campaign_targeted / share AS value
  FROM shares
  UNION ALL
  SELECT simulation_id, submitted_date, variant_id, replicate, point, 'unfilled_below_floor' AS metric, unfilled_below_floor / share AS value
  FROM shares
  UNION ALL
  SELECT simulation_id, submitted_date, variant_id, replicate, point, 'unfilled_unidentified' AS metric, unfilled_unidentified / share AS value
  FROM shares
  UNION ALL
  SELECT simulation_id, submitted_date, variant_id, replicate, point, 'unfilled_goal_reached' AS metric, unfilled_goal_reached / share AS value
  FROM shares
  UNION ALL
  SELECT simulation_id, submitted_date, variant_id, replicate, point, 'unfilled_budget_spent' AS metric, unfilled_budget_spent / share AS value
  FROM shares
  UNION ALL
  SELECT simulation_id, submitted_date, variant_id, replicate, point, 'unfilled_paced' AS metric, unfilled_paced / share AS value
  FROM shares
  UNION ALL
  SELECT simulation_id, submitted_date, variant_id, replicate, point, 'unfilled_frequency_capped' AS metric, unfilled_frequency_capped / share AS value
  FROM shares
  UNION ALL
  SELECT simulation_id, submitted_date, variant_id, replicate, point, 'unfilled_separated' AS metric, unfilled_separated / share AS value
  FROM shares
  UNION ALL
  SELECT simulation_id, submitted_date, variant_id, replicate, point, 'revenue' AS metric, revenue / share AS value
  FROM shares
  UNION ALL
  SELECT simulation_id, submitted_date, variant_id, replicate, point, 'ecpm' AS metric, CAST(ecpm AS DOUBLE) AS value
  FROM shares
  UNION ALL
  SELECT simulation_id, submitted_date, variant_id, replicate, point, 'rpm' AS metric, CAST(rpm AS DOUBLE) AS value
  FROM shares
  UNION ALL
  SELECT simulation_id, submitted_date, variant_id, replicate, point, 'users' AS metric, users / share AS value
  FROM shares
  UNION ALL
  SELECT simulation_id, submitted_date, variant_id, replicate, point, 'reach' AS metric, reach / share AS value
  FROM shares
  UNION ALL
  SELECT simulation_id, submitted_date, variant_id, replicate, point, 'reach_rate' AS metric, CAST(reach_rate AS DOUBLE) AS value
  FROM shares
  UNION ALL
  SELECT simulation_id, submitted_date, variant_id, replicate, point, 'identified_impressions' AS metric, identified_impressions / share AS value
  FROM shares
  UNION ALL
  SELECT simulation_id, submitted_date, variant_id, replicate, point, 'average_frequency' AS metric, CAST(average_frequency AS DOUBLE) AS value
  FROM shares
  UNION ALL
  SELECT simulation_id, submitted_date, variant_id, replicate, point, 'grp' AS metric, grp / share AS value
  FROM shares
  UNION ALL
  SELECT simulation_id, submitted_date, variant_id, replicate, point, 'goals' AS metric, CAST(goals AS DOUBLE) AS value
  FROM shares
  UNION ALL
  SELECT simulation_id, submitted_date, variant_id, replicate, point, 'goals_met' AS metric, CAST(goals_met AS DOUBLE) AS value
  FROM shares
  UNION ALL
  SELECT simulation_id, submitted_date, variant_id, replicate, point, 'goal_shortfall' AS metric, goal_shortfall / share AS value
  FROM shares
),

baselines AS (
  SELECT simulation_id, replicate, metric, value
  FROM figures
  WHERE point = 'baseline'
),

-- Replicate r of a variant and of the baseline saw the same resampled users: their difference is
-- paired, and only such pairs say how far the difference would vary.
spreads AS (
  SELECT
    figures.simulation_id,
    figures.point,
    figures.metric,
    COUNT(figures.value - baselines.value) AS replicates,
    STDDEV_SAMP(figures.value - baselines.value) AS std_error
  FROM figures
  INNER JOIN baselines
    ON figures.simulation_id = baselines.simulation_id
    AND figures.replicate = baselines.replicate
    AND figures.metric = baselines.metric
  WHERE figures.replicate > 0
  GROUP BY figures.simulation_id, figures.point, figures.metric
),

differences AS (
  SELECT
    figures.simulation_id,
    figures.submitted_date,
    figures.variant_id,
    figures.replicate,
    figures.metric,
    figures.value,
    baselines.value AS baseline_value,
    figures.value - baselines.value AS delta,
    COALESCE(spreads.replicates, 0) AS replicates,
    spreads.std_error
  FROM figures
  LEFT JOIN baselines
    ON figures.simulation_id = baselines.simulation_id
    AND figures.replicate = baselines.replicate
    AND figures.metric = baselines.metric
  LEFT JOIN spreads
    ON figures.simulation_id = spreads.simulation_id
    AND figures.point = spreads.point
    AND figures.metric = spreads.metric
  WHERE figures.replicate = 0
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

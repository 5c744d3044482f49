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
items AS (
  SELECT
    simulation_id,
    submitted_date,
    variant_id,
    replicate,
    point,
    UNNEST([
      {'metric': 'slots', 'value': slots / share},
      {'metric': 'filled', 'value': filled / share},
      {'metric': 'fill_rate', 'value': CAST(fill_rate AS DOUBLE)},
      {'metric': 'unfilled_no_campaign_targeted', 'value': unfilled_no_campaign_targeted / share},
      {'metric': 'unfilled_below_floor', 'value': unfilled_below_floor / share},
      {'metric': 'unfilled_unidentified', 'value': unfilled_unidentified / share},
      {'metric': 'unfilled_goal_reached', 'value': unfilled_goal_reached / share},
      {'metric': 'unfilled_budget_spent', 'value': unfilled_budget_spent / share},
      {'metric': 'unfilled_paced', 'value': unfilled_paced / share},
      {'metric': 'unfilled_frequency_capped', 'value': unfilled_frequency_capped / share},
      {'metric': 'unfilled_separated', 'value': unfilled_separated / share},
      {'metric': 'revenue', 'value': revenue / share},
      {'metric': 'ecpm', 'value': CAST(ecpm AS DOUBLE)},
      {'metric': 'rpm', 'value': CAST(rpm AS DOUBLE)},
      {'metric': 'users', 'value': users / share},
      {'metric': 'reach', 'value': reach / share},
      {'metric': 'reach_rate', 'value': CAST(reach_rate AS DOUBLE)},
      {'metric': 'identified_impressions', 'value': identified_impressions / share},
      {'metric': 'average_frequency', 'value': CAST(average_frequency AS DOUBLE)},
      {'metric': 'grp', 'value': grp / share},
      {'metric': 'goals', 'value': CAST(goals AS DOUBLE)},
      {'metric': 'goals_met', 'value': CAST(goals_met AS DOUBLE)},
      {'metric': 'goal_shortfall', 'value': goal_shortfall / share}
    ]) AS item
  FROM shares
),

-- Beside each figure that of the baseline of the same replicate. Windows instead of joins, here and
-- below, so that the rows are read once.
figures AS (
  SELECT
    simulation_id,
    submitted_date,
    variant_id,
    replicate,
    point,
    item.metric,
    item.value,
    MAX(CASE WHEN point = 'baseline' THEN item.value END) OVER (
      PARTITION BY simulation_id, replicate, item.metric
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
  FROM figures
  -- All rows of a point, in an order, so that equal rows give equal deviations to the last bit.
  WINDOW same_point AS (
    PARTITION BY simulation_id, point, metric
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

-- pareto(x, y): the variants of each simulation that no other beats on both metrics. x and y are names
-- of variant_metrics ('reach'), where more is better; with a minus ('-goal_shortfall') less is.
-- One variant beats another if it is at least as good on both and better on one.
WITH
figures AS (
  SELECT
    *,
    {{value "metrics" "value" "metric" "LTRIM(x, '-')"}} AS figure_x,
    {{value "metrics" "value" "metric" "LTRIM(y, '-')"}} AS figure_y
  FROM {{view "compared"}}
),

points AS (
  SELECT
    *,
    CASE WHEN STARTS_WITH(x, '-') THEN -figure_x ELSE figure_x END AS good_x,
    CASE WHEN STARTS_WITH(y, '-') THEN -figure_y ELSE figure_y END AS good_y
  FROM figures
  WHERE figure_x IS NOT NULL AND figure_y IS NOT NULL
),

-- From the best x down; equal ones share a step.
steps AS (
  SELECT
    *,
    DENSE_RANK() OVER (PARTITION BY simulation_id, submitted_date ORDER BY good_x DESC) AS step
  FROM points
),

front AS (
  SELECT
    *,
    MAX(good_y) OVER (PARTITION BY simulation_id, submitted_date, step) AS best_y,
    MAX(good_y) OVER (
      PARTITION BY simulation_id, submitted_date
      ORDER BY step
      RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS y_to_beat
  FROM steps
)

-- A variant is on the front if its y is the best of its step and better than that of every better x.
SELECT * {{except}} (metrics, figure_x, figure_y, good_x, good_y, step, best_y, y_to_beat)
FROM front
WHERE good_y = best_y AND (y_to_beat IS NULL OR best_y > y_to_beat)

-- pareto(x, y): the variants of each simulation that no other beats on both metrics. x and y are names
-- of variant_metrics ('reach'), where more is better; with a minus ('-goal_shortfall') less is.
-- One variant beats another if it is at least as good on both and better on one.
WITH
figures AS (
  SELECT
    simulation_id,
    variant_id,
    MAX(CASE WHEN metric = LTRIM(x, '-') THEN value END) AS figure_x,
    MAX(CASE WHEN metric = LTRIM(y, '-') THEN value END) AS figure_y
  FROM variant_metrics
  GROUP BY simulation_id, variant_id
),

points AS (
  SELECT
    simulation_id,
    variant_id,
    CASE WHEN STARTS_WITH(x, '-') THEN -figure_x ELSE figure_x END AS good_x,
    CASE WHEN STARTS_WITH(y, '-') THEN -figure_y ELSE figure_y END AS good_y
  FROM figures
  WHERE figure_x IS NOT NULL AND figure_y IS NOT NULL
),

-- The best y at each x, from the best x down.
steps AS (
  SELECT simulation_id, good_x, MAX(good_y) AS best_y
  FROM points
  GROUP BY simulation_id, good_x
),

-- A step is on the front if its y is better than that of every better x.
front AS (
  SELECT
    simulation_id,
    good_x,
    best_y,
    MAX(best_y) OVER (
      PARTITION BY simulation_id
      ORDER BY good_x DESC
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS y_to_beat
  FROM steps
)

SELECT comparison.*
FROM comparison
INNER JOIN points
  ON comparison.simulation_id = points.simulation_id
  AND comparison.variant_id = points.variant_id
INNER JOIN front
  ON points.simulation_id = front.simulation_id
  AND points.good_x = front.good_x
  AND points.good_y = front.best_y
WHERE front.y_to_beat IS NULL OR front.best_y > front.y_to_beat

-- pareto(x, y): the variants of each simulation that no other beats on both metrics. x and y are names
-- of variant_metrics ('reach'), where more is better; with a minus ('-goal_shortfall') less is.
-- One variant beats another if it is at least as good on both and better on one.
WITH
axis AS (
  SELECT simulation_id, variant_id, metric, value
  FROM variant_metrics
  WHERE value IS NOT NULL
),

points AS (
  SELECT
    ax.simulation_id,
    ax.variant_id,
    CASE WHEN STARTS_WITH(x, '-') THEN -ax.value ELSE ax.value END AS good_x,
    CASE WHEN STARTS_WITH(y, '-') THEN -ay.value ELSE ay.value END AS good_y
  FROM axis AS ax
  INNER JOIN axis AS ay
    ON ax.simulation_id = ay.simulation_id
    AND ax.variant_id = ay.variant_id
  WHERE ax.metric = LTRIM(x, '-') AND ay.metric = LTRIM(y, '-')
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

-- The response of each metric to each parameter: over all variants that share a value, whatever their
-- other parameters, how the metric came out. Variants that leave a parameter as written don't record
-- it and don't count here; the baseline counts where it sets one.
WITH
items AS (
  SELECT
    simulation_id,
    submitted_date,
    variant_id,
    UNNEST(parameters) AS item
  FROM counted
  WHERE status = 'succeeded' AND replicate = 0
),

settings AS (
  SELECT
    simulation_id,
    submitted_date,
    variant_id,
    item.name AS parameter,
    item.number,
    item.text
  FROM items
),

-- A parameter is continuous in a simulation if it has more than ten distinct numbers there. Its
-- values that are no numbers (none) stay values of their own.
kinds AS (
  SELECT simulation_id, parameter, COUNT(DISTINCT number) > 10 AS continuous
  FROM settings
  GROUP BY simulation_id, parameter
),

-- Ranked, not NTILE'd: equal values must share a bin. Bin b of n variants holds the ranks r = 0..n-1
-- with floor(10 r / n) = b - 1.
ranked AS (
  SELECT
    settings.*,
    kinds.continuous AND settings.number IS NOT NULL AS in_bins,
    RANK() OVER (
      PARTITION BY settings.simulation_id, settings.parameter, settings.number IS NULL
      ORDER BY settings.number
    ) - 1 AS place,
    COUNT(*) OVER (
      PARTITION BY settings.simulation_id, settings.parameter, settings.number IS NULL
    ) AS places
  FROM settings
  INNER JOIN kinds
    ON settings.simulation_id = kinds.simulation_id
    AND settings.parameter = kinds.parameter
),

binned AS (
  SELECT
    *,
    CASE WHEN in_bins THEN CAST(FLOOR(10 * place / CAST(places AS DOUBLE)) AS BIGINT) + 1 END AS bin
  FROM ranked
),

-- The label of a bin: its lowest and its highest value, as they were written.
ends AS (
  SELECT
    simulation_id,
    parameter,
    bin,
    MIN_BY(text, number) || ' .. ' || MAX_BY(text, number) AS label
  FROM binned
  WHERE bin IS NOT NULL
  GROUP BY simulation_id, parameter, bin
),

labelled AS (
  SELECT binned.*, COALESCE(ends.label, binned.text) AS value
  FROM binned
  LEFT JOIN ends
    ON binned.simulation_id = ends.simulation_id
    AND binned.parameter = ends.parameter
    AND binned.bin = ends.bin
)

SELECT
  labelled.simulation_id,
  labelled.submitted_date,
  -- An effect is of several variants and of none alone.
  CAST(NULL AS VARCHAR) AS variant_id,
  CAST(0 AS BIGINT) AS replicate,
  labelled.parameter,
  labelled.value,
  variant_metrics.metric,
  COUNT(*) AS variants,
  AVG(variant_metrics.value) AS mean,
  MIN(variant_metrics.value) AS minimum,
  MAX(variant_metrics.value) AS maximum,
  -- Where to draw it: the number, or the mean of the bin's numbers; null for what is no number.
  AVG(labelled.number) AS value_number,
  labelled.bin
FROM labelled
INNER JOIN variant_metrics
  ON labelled.simulation_id = variant_metrics.simulation_id
  AND labelled.variant_id = variant_metrics.variant_id
GROUP BY
  labelled.simulation_id,
  labelled.submitted_date,
  labelled.parameter,
  labelled.value,
  labelled.bin,
  variant_metrics.metric

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
-- Ranked, not NTILE'd: equal values must share a bin.
ranked AS (
  SELECT
    *,
    COUNT(DISTINCT number) OVER (PARTITION BY simulation_id, parameter) > 10 AS continuous,
    RANK() OVER (PARTITION BY simulation_id, parameter, number IS NULL ORDER BY number) - 1 AS place,
    COUNT(*) OVER (PARTITION BY simulation_id, parameter, number IS NULL) AS places
  FROM settings
),

-- Bin b of n values holds the places p = 0..n-1 with floor(10 p / n) = b - 1.
binned AS (
  SELECT
    *,
    CASE
      WHEN continuous AND number IS NOT NULL
        THEN CAST(FLOOR(10 * place / CAST(places AS DOUBLE)) AS BIGINT) + 1
    END AS bin
  FROM ranked
),

-- The label of a bin: its lowest and its highest value, as they were written.
labelled AS (
  SELECT
    *,
    CASE
      WHEN bin IS NULL THEN text
      ELSE
        FIRST_VALUE(text) OVER (PARTITION BY simulation_id, parameter, bin ORDER BY number)
        || ' .. '
        || FIRST_VALUE(text) OVER (PARTITION BY simulation_id, parameter, bin ORDER BY number DESC)
    END AS value
  FROM binned
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
  -- Added up in one order, whatever the threads: equal rows give equal means to the last bit.
  AVG(variant_metrics.value ORDER BY labelled.variant_id) AS mean,
  MIN(variant_metrics.value) AS minimum,
  MAX(variant_metrics.value) AS maximum,
  -- Where to draw it: the number, or the mean of the bin's numbers; null for what is no number.
  AVG(labelled.number ORDER BY labelled.variant_id) AS value_number,
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

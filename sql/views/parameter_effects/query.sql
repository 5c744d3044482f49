-- The response of each metric to each parameter: over all variants that share a value, whatever their
-- other parameters, how the metric came out. Variants that leave a parameter as written don't record
-- it and don't count here; the baseline counts where it sets one.
WITH
items AS (
  SELECT
    simulation_id,
    submitted_date,
    variant_id,
    metrics,
    {{unnest "parameters" "item"}}
  FROM {{view "figures"}}{{from "parameters" "item"}}
  WHERE replicate = 0
),

settings AS (
  SELECT
    simulation_id,
    submitted_date,
    variant_id,
    metrics,
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
    COUNT(DISTINCT number) OVER (PARTITION BY simulation_id, submitted_date, parameter) > 10 AS continuous,
    RANK() OVER (PARTITION BY simulation_id, submitted_date, parameter, number IS NULL ORDER BY number) - 1 AS place,
    COUNT(*) OVER (PARTITION BY simulation_id, submitted_date, parameter, number IS NULL) AS places
  FROM settings
),

-- Bin b of n values holds the places p = 0..n-1 with floor(10 p / n) = b - 1.
binned AS (
  SELECT
    *,
    CASE
      WHEN continuous AND number IS NOT NULL
        THEN CAST(FLOOR(10 * place / places) AS {{int}}) + 1
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
        FIRST_VALUE(text) OVER (PARTITION BY simulation_id, submitted_date, parameter, bin ORDER BY number)
        || ' .. '
        || FIRST_VALUE(text) OVER (PARTITION BY simulation_id, submitted_date, parameter, bin ORDER BY number DESC)
    END AS value
  FROM binned
),

-- The figures of a variant have come along, so that no join is needed to find them.
measured AS (
  SELECT
    simulation_id,
    submitted_date,
    variant_id,
    parameter,
    labelled.value,
    number,
    bin,
    {{unnest "metrics" "figure"}}
  FROM labelled{{from "metrics" "figure"}}
)

SELECT
  simulation_id,
  submitted_date,
  -- An effect is of several variants and of none alone.
  CAST(NULL AS {{text}}) AS variant_id,
  CAST(0 AS {{int}}) AS replicate,
  parameter,
  value,
  figure.metric,
  COUNT(*) AS variants,
  {{average "figure.value" "variant_id"}} AS mean,
  MIN(figure.value) AS minimum,
  MAX(figure.value) AS maximum,
  -- Where to draw it: the number, or the mean of the bin's numbers; null for what is no number.
  {{average "number" "variant_id"}} AS value_number,
  bin
FROM measured
GROUP BY
  simulation_id,
  submitted_date,
  parameter,
  value,
  figure.metric,
  bin

-- Slots by the value of a dimension (null: missing), and what changed against the baseline.
WITH
items AS (
  SELECT
    simulation_id,
    submitted_date,
    variant_id,
    replicate,
    point,
    UNNEST(breakdowns) AS item
  FROM counted_details
),

entry AS (
  SELECT
    simulation_id,
    submitted_date,
    variant_id,
    replicate,
    point,
    item.dimension,
    item.value,
    item.slots,
    item.filled,
    item.revenue_nanos,
    item.revenue,
    item.users,
    item.reach,
    item.identified_impressions
  FROM items
),

-- The baseline of the same replicate; without one, or without this entry in it, deltas are null. It
-- is read by itself: naming entry twice would keep every variant's entries in memory.
baseline_items AS (
  SELECT
    simulation_id,
    replicate,
    UNNEST(breakdowns) AS item
  FROM counted_details
  WHERE point = 'baseline'
),

baseline AS (
  SELECT
    simulation_id,
    replicate,
    item.dimension,
    item.value,
    item.slots,
    item.filled,
    item.revenue,
    item.users,
    item.reach,
    item.identified_impressions
  FROM baseline_items
)

SELECT
  entry.simulation_id,
  entry.submitted_date,
  entry.variant_id,
  entry.replicate,
  entry.dimension,
  entry.value,
  entry.slots,
  entry.filled,
  entry.revenue_nanos,
  entry.revenue,
  entry.users,
  entry.reach,
  entry.identified_impressions,
  entry.slots - baseline.slots AS slots_delta,
  entry.filled - baseline.filled AS filled_delta,
  entry.revenue - baseline.revenue AS revenue_delta,
  entry.users - baseline.users AS users_delta,
  entry.reach - baseline.reach AS reach_delta,
  entry.identified_impressions - baseline.identified_impressions AS identified_impressions_delta
FROM entry
LEFT JOIN baseline
  ON entry.simulation_id = baseline.simulation_id
  AND entry.replicate = baseline.replicate
  AND entry.dimension = baseline.dimension
  AND entry.value IS NOT DISTINCT FROM baseline.value

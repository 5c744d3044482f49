-- Campaigns added up by a report group (advertiser, category, ...); reach counts a user once.
WITH
items AS (
  SELECT
    simulation_id,
    submitted_date,
    variant_id,
    replicate,
    point,
    UNNEST(groups) AS item
  FROM counted_details
),

entry AS (
  SELECT
    simulation_id,
    submitted_date,
    variant_id,
    replicate,
    point,
    item."group",
    item.value,
    item.impressions,
    item.spend_nanos,
    item.spend,
    item.identified_impressions,
    item.reach,
    item.average_frequency,
    item.frequency_distribution
  FROM items
),

-- The baseline of the same replicate; without one, or without this entry in it, deltas are null. It
-- is read by itself: naming entry twice would keep every variant's entries in memory.
baseline_items AS (
  SELECT
    simulation_id,
    replicate,
    UNNEST(groups) AS item
  FROM counted_details
  WHERE point = 'baseline'
),

baseline AS (
  SELECT
    simulation_id,
    replicate,
    item."group",
    item.value,
    item.impressions,
    item.spend,
    item.identified_impressions,
    item.reach,
    item.average_frequency
  FROM baseline_items
)

SELECT
  entry.simulation_id,
  entry.submitted_date,
  entry.variant_id,
  entry.replicate,
  entry."group",
  entry.value,
  entry.impressions,
  entry.spend_nanos,
  entry.spend,
  entry.identified_impressions,
  entry.reach,
  entry.average_frequency,
  entry.frequency_distribution,
  entry.impressions - baseline.impressions AS impressions_delta,
  entry.spend - baseline.spend AS spend_delta,
  entry.identified_impressions - baseline.identified_impressions AS identified_impressions_delta,
  entry.reach - baseline.reach AS reach_delta,
  entry.average_frequency - baseline.average_frequency AS average_frequency_delta
FROM entry
LEFT JOIN baseline
  ON entry.simulation_id = baseline.simulation_id
  AND entry.replicate = baseline.replicate
  AND entry."group" = baseline."group"
  AND entry.value IS NOT DISTINCT FROM baseline.value

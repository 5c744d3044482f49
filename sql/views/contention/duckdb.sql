-- Who won the slots on which a campaign was outbid: at most ten winners a campaign are recorded. A
-- winner that the baseline doesn't list may stand below its tenth, so its delta is null, not its count.
WITH
campaigns AS (
  SELECT
    simulation_id,
    submitted_date,
    variant_id,
    replicate,
    point,
    UNNEST(campaigns) AS campaign
  FROM counted_details
),

items AS (
  SELECT
    simulation_id,
    submitted_date,
    variant_id,
    replicate,
    point,
    campaign.campaign_id,
    UNNEST(campaign.contention) AS item
  FROM campaigns
),

entry AS (
  SELECT
    simulation_id,
    submitted_date,
    variant_id,
    replicate,
    point,
    campaign_id,
    item.winner_id,
    item.slots
  FROM items
),

baseline AS (
  SELECT *
  FROM entry
  WHERE point = 'baseline'
)

SELECT
  entry.simulation_id,
  entry.submitted_date,
  entry.variant_id,
  entry.replicate,
  entry.campaign_id,
  entry.winner_id,
  entry.slots,
  entry.slots - baseline.slots AS slots_delta
FROM entry
LEFT JOIN baseline
  ON entry.simulation_id = baseline.simulation_id
  AND entry.replicate = baseline.replicate
  AND entry.campaign_id = baseline.campaign_id
  AND entry.winner_id = baseline.winner_id

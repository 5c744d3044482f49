-- What each enabled campaign got out of each variant, and what changed against the baseline.
WITH
items AS (
  SELECT
    simulation_id,
    submitted_date,
    variant_id,
    replicate,
    point,
    UNNEST(campaigns) AS campaign
  FROM counted_details
),

entry AS (
  SELECT
    simulation_id,
    submitted_date,
    variant_id,
    replicate,
    point,
    campaign.campaign_id,
    campaign.advertiser,
    campaign.priority,
    campaign.impressions,
    campaign.spend_nanos,
    campaign.spend,
    campaign.reach,
    campaign.identified_impressions,
    campaign.average_frequency,
    campaign.delivered,
    campaign.delivery_rate,
    campaign.expected,
    campaign.on_schedule,
    campaign.budget_utilisation,
    campaign.first_impression,
    campaign.last_impression,
    campaign.matched,
    campaign.matched_users,
    campaign.lost_floor,
    campaign.lost_identity,
    campaign.after_goal,
    campaign.lost_budget,
    campaign.lost_pacing,
    campaign.lost_frequency,
    campaign.lost_separation,
    campaign.outbid,
    campaign.win_rate,
    campaign.share_of_matched
  FROM items
),

-- The baseline of the same replicate; without one, or without this entry in it, deltas are null. It
-- is read by itself: naming entry twice would keep every variant's entries in memory.
baseline_items AS (
  SELECT
    simulation_id,
    replicate,
    UNNEST(campaigns) AS campaign
  FROM counted_details
  WHERE point = 'baseline'
),

baseline AS (
  SELECT
    simulation_id,
    replicate,
    campaign.campaign_id,
    campaign.impressions,
    campaign.reach,
    campaign.spend,
    campaign.delivery_rate
  FROM baseline_items
)

SELECT
  entry.simulation_id,
  entry.submitted_date,
  entry.variant_id,
  entry.replicate,
  entry.campaign_id,
  entry.advertiser,
  entry.priority,
  entry.impressions,
  entry.spend_nanos,
  entry.spend,
  entry.reach,
  entry.identified_impressions,
  entry.average_frequency,
  entry.delivered,
  entry.delivery_rate,
  entry.expected,
  entry.on_schedule,
  entry.budget_utilisation,
  entry.first_impression,
  entry.last_impression,
  entry.matched,
  entry.matched_users,
  entry.lost_floor,
  entry.lost_identity,
  entry.after_goal,
  entry.lost_budget,
  entry.lost_pacing,
  entry.lost_frequency,
  entry.lost_separation,
  entry.outbid,
  entry.win_rate,
  entry.share_of_matched,
  entry.impressions - baseline.impressions AS impressions_delta,
  entry.reach - baseline.reach AS reach_delta,
  entry.spend - baseline.spend AS spend_delta,
  entry.delivery_rate - baseline.delivery_rate AS delivery_rate_delta
FROM entry
LEFT JOIN baseline
  ON entry.simulation_id = baseline.simulation_id
  AND entry.replicate = baseline.replicate
  AND entry.campaign_id = baseline.campaign_id

-- One row for each enabled campaign of each variant.
WITH
items AS (
  SELECT
    simulation_id,
    submitted_date,
    variant_id,
    replicate,
    point,
    {{unnest "campaigns" "campaign"}}
  FROM {{view "counted_details"}}{{from "campaigns" "campaign"}}
)

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
  campaign.frequency_distribution,
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
  campaign.share_of_matched,
  campaign.contention
FROM items

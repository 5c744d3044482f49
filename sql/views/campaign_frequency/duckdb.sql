-- The frequency distribution of each campaign in each variant; see frequency.
WITH
campaigns AS (
  SELECT
    simulation_id,
    submitted_date,
    variant_id,
    replicate,
    UNNEST(campaigns) AS campaign
  FROM counted_details
),

items AS (
  SELECT
    simulation_id,
    submitted_date,
    variant_id,
    replicate,
    campaign.campaign_id,
    campaign.reach,
    UNNEST(campaign.frequency_distribution) AS item
  FROM campaigns
),

entry AS (
  SELECT
    simulation_id,
    submitted_date,
    variant_id,
    replicate,
    campaign_id,
    reach,
    item.frequency,
    item.users
  FROM items
)

SELECT
  entry.simulation_id,
  entry.submitted_date,
  entry.variant_id,
  entry.replicate,
  entry.campaign_id,
  entry.frequency,
  entry.users,
  CAST(
    SUM(entry.users) OVER (
      PARTITION BY entry.simulation_id, entry.variant_id, entry.campaign_id
      ORDER BY entry.frequency DESC
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS BIGINT
  ) AS k_plus_users,
  entry.users / CAST(NULLIF(entry.reach, 0) AS DOUBLE) AS share_of_reach
FROM entry

-- The frequency distribution of each campaign in each variant; see frequency.
WITH
items AS (
  SELECT
    simulation_id,
    submitted_date,
    variant_id,
    replicate,
    campaign_id,
    reach,
    {{unnest "frequency_distribution" "item"}}
  FROM {{view "campaign_entries"}}{{from "frequency_distribution" "item"}}
)

SELECT
  simulation_id,
  submitted_date,
  variant_id,
  replicate,
  campaign_id,
  item.frequency,
  item.users,
  CAST(
    SUM(item.users) OVER (
      PARTITION BY simulation_id, submitted_date, variant_id, campaign_id
      ORDER BY item.frequency DESC
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS {{int}}
  ) AS k_plus_users,
  item.users / NULLIF(reach, 0) AS share_of_reach
FROM items

-- How many users saw exactly so many impressions of a variant (20: twenty or more), and how many saw
-- at least so many. Frequencies that no user has are left out.
WITH
items AS (
  SELECT
    simulation_id,
    submitted_date,
    variant_id,
    replicate,
    reach,
    {{unnest "frequency_distribution" "item"}}
  FROM {{view "counted"}}{{from "frequency_distribution" "item"}}
  WHERE status = 'succeeded'
)

SELECT
  simulation_id,
  submitted_date,
  variant_id,
  replicate,
  item.frequency,
  item.users,
  -- From the highest frequency down: everybody who saw as many or more.
  CAST(
    SUM(item.users) OVER (
      PARTITION BY simulation_id, submitted_date, variant_id
      ORDER BY item.frequency DESC
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS {{int}}
  ) AS k_plus_users,
  item.users / NULLIF(reach, 0) AS share_of_reach
FROM items

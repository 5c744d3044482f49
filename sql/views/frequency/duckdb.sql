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
    UNNEST(frequency_distribution) AS item
  FROM counted
  WHERE status = 'succeeded'
),

entry AS (
  SELECT
    simulation_id,
    submitted_date,
    variant_id,
    replicate,
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
  entry.frequency,
  entry.users,
  -- From the highest frequency down: everybody who saw as many or more.
  CAST(
    SUM(entry.users) OVER (
      PARTITION BY entry.simulation_id, entry.variant_id
      ORDER BY entry.frequency DESC
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS BIGINT
  ) AS k_plus_users,
  entry.users / CAST(NULLIF(entry.reach, 0) AS DOUBLE) AS share_of_reach
FROM entry

-- One row for each winner over each campaign of each variant.
WITH
items AS (
  SELECT
    simulation_id,
    submitted_date,
    variant_id,
    replicate,
    point,
    campaign_id,
    {{unnest "contention" "item"}}
  FROM {{view "campaign_entries"}}{{from "contention" "item"}}
)

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

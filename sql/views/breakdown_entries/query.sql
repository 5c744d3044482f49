-- One row for each value of a reported dimension in each variant.
WITH
items AS (
  SELECT
    simulation_id,
    submitted_date,
    variant_id,
    replicate,
    point,
    {{unnest "breakdowns" "item"}}
  FROM {{view "counted_details"}}{{from "breakdowns" "item"}}
)

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

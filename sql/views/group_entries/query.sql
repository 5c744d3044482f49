-- One row for each value of a report group in each variant.
WITH
items AS (
  SELECT
    simulation_id,
    submitted_date,
    variant_id,
    replicate,
    point,
    {{unnest (name "groups") "item"}}
  FROM {{view "counted_details"}}{{from (name "groups") "item"}}
)

SELECT
  simulation_id,
  submitted_date,
  variant_id,
  replicate,
  point,
  item.{{name "group"}},
  item.value,
  item.impressions,
  item.spend_nanos,
  item.spend,
  item.identified_impressions,
  item.reach,
  item.average_frequency,
  item.frequency_distribution
FROM items

-- Each succeeded variant beside its baseline, with all its figures as a list.
-- Counts and money are scaled back as in variant_metrics: where slots.sample kept a share of the users,
-- they are divided by it, so that variants on samples stand beside the whole. Ratios, and goals_met, a
-- number of campaigns, are as they are.
WITH
variant AS (
  SELECT
    * REPLACE (
      filled / share AS filled,
      reach / share AS reach,
      revenue / share AS revenue
    )
  FROM {{view "figures"}}
  WHERE replicate = 0
),

-- A window, not a join: a baseline that failed takes no variant out of the table.
beside AS (
  SELECT
    *
{{- range list "fill_rate" "filled" "reach" "average_frequency" "revenue" "ecpm" "goals_met" "snapshot_sha256" "campaigns_sha256" "engine_version" "seed" "currency"}},
    MAX(CASE WHEN point = 'baseline' THEN {{.}} END) OVER same_simulation AS baseline_{{.}}
{{- end}}
  FROM variant
  WINDOW same_simulation AS (PARTITION BY simulation_id, submitted_date)
)

SELECT
  simulation_id,
  submitted_date,
  variant_id,
  replicate,
  parameters_json AS parameters,
{{- range list "fill_rate" "filled" "reach" "average_frequency" "revenue" "ecpm" "goals_met"}}
  {{.}},
  {{.}} - baseline_{{.}} AS {{.}}_delta,
  ({{.}} - baseline_{{.}}) / NULLIF(baseline_{{.}}, 0) AS {{.}}_relative_delta,
{{- end}}
  -- Null without a baseline: there is nothing to differ from.
  snapshot_sha256 = baseline_snapshot_sha256
  AND campaigns_sha256 = baseline_campaigns_sha256
  AND engine_version = baseline_engine_version
  AND seed = baseline_seed
  AND currency = baseline_currency AS comparable,
  sampled_share,
  metrics
FROM beside

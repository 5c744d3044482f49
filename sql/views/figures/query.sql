-- The rows that count and succeeded, with their figures as a list, one entry a figure.
WITH
-- Counts and money were taken on a sample of the users where slots.sample was set; over this share
-- they estimate the whole. Ratios, and numbers of campaigns (goals, goals_met), are as they are;
-- grp counts impressions over a universe that was not sampled, so it is scaled too.
shares AS (
  SELECT *, NULLIF(sampled_share, 0) AS share
  FROM {{view "counted"}}
  WHERE status = 'succeeded'
)

SELECT
  *,
  [
    {{figure "slots" "slots / share"}},
    {{figure "filled" "filled / share"}},
    {{figure "fill_rate" "fill_rate"}},
    {{figure "unfilled_no_campaign_targeted" "unfilled_no_campaign_targeted / share"}},
    {{figure "unfilled_below_floor" "unfilled_below_floor / share"}},
    {{figure "unfilled_unidentified" "unfilled_unidentified / share"}},
    {{figure "unfilled_goal_reached" "unfilled_goal_reached / share"}},
    {{figure "unfilled_budget_spent" "unfilled_budget_spent / share"}},
    {{figure "unfilled_paced" "unfilled_paced / share"}},
    {{figure "unfilled_frequency_capped" "unfilled_frequency_capped / share"}},
    {{figure "unfilled_separated" "unfilled_separated / share"}},
    {{figure "revenue" "revenue / share"}},
    {{figure "ecpm" "ecpm"}},
    {{figure "rpm" "rpm"}},
    {{figure "users" "users / share"}},
    {{figure "reach" "reach / share"}},
    {{figure "reach_rate" "reach_rate"}},
    {{figure "identified_impressions" "identified_impressions / share"}},
    {{figure "average_frequency" "average_frequency"}},
    {{figure "grp" "grp / share"}},
    {{figure "goals" (float "goals")}},
    {{figure "goals_met" (float "goals_met")}},
    {{figure "goal_shortfall" "goal_shortfall / share"}}
  ] AS metrics
FROM shares

# View variants as sql/views/variants/columns.txt has it. Generated: .ci/looker generate

view: variants {
  sql_table_name: `@{dataset}.variants` ;;

  parameter: simulation {
    type: string
    description: "The simulation to look at. Its id begins with the day that the table is partitioned by"
    suggest_explore: simulations
    suggest_dimension: simulations.simulation_id
  }

  dimension: simulation_id {
    type: string
    suggestable: no
    description: "The simulation"
    sql: ${TABLE}.simulation_id ;;
  }

  dimension: submitted_date {
    type: date
    datatype: date
    convert_tz: no
    description: "The UTC day it was submitted; BigQuery's partition"
    sql: ${TABLE}.submitted_date ;;
  }

  dimension: variant_id {
    type: string
    suggestable: no
    description: "Baseline, v0001 ..; a replicate has .r and its number behind"
    sql: ${TABLE}.variant_id ;;
  }

  dimension: replicate {
    type: number
    value_format_name: decimal_0
    description: "0: the snapshot as it is; r > 0: bootstrap resample r"
    sql: ${TABLE}.replicate ;;
  }

  dimension: attempt {
    type: number
    value_format_name: decimal_0
    description: "The attempt that counts"
    sql: ${TABLE}.attempt ;;
  }

  dimension: schema_version {
    type: number
    value_format_name: decimal_0
    description: "Version of the row's schema"
    sql: ${TABLE}.schema_version ;;
  }

  dimension: simulation_name {
    type: string
    suggestable: no
    description: "Name in the configuration"
    sql: ${TABLE}.simulation_name ;;
  }

  dimension: owner {
    type: string
    suggestable: no
    description: "Owner in the configuration"
    sql: ${TABLE}.owner ;;
  }

  dimension: tenant {
    type: string
    suggestable: no
    description: "Tenant that submitted it"
    sql: ${TABLE}.tenant ;;
  }

  dimension_group: submitted {
    type: time
    timeframes: [raw, time, hour, date]
    datatype: timestamp
    description: "When it was submitted"
    sql: ${TABLE}.submitted_at ;;
  }

  dimension: status {
    type: string
    suggestable: no
    description: "Succeeded or failed"
    sql: ${TABLE}.status ;;
  }

  dimension: reason {
    type: string
    suggestable: no
    description: "Category of the failure; null if succeeded"
    sql: ${TABLE}.reason ;;
  }

  dimension: message {
    type: string
    suggestable: no
    description: "What went wrong; null if succeeded"
    sql: ${TABLE}.message ;;
  }

  dimension: retryable {
    type: yesno
    description: "Whether another attempt may succeed; null if succeeded"
    sql: ${TABLE}.retryable ;;
  }

  dimension: config_sha256 {
    type: string
    suggestable: no
    description: "Digest of the configuration"
    sql: ${TABLE}.config_sha256 ;;
  }

  dimension: snapshot_sha256 {
    type: string
    suggestable: no
    description: "Digest of the inventory snapshot"
    sql: ${TABLE}.snapshot_sha256 ;;
  }

  dimension: campaigns_sha256 {
    type: string
    suggestable: no
    description: "Digest of the campaigns"
    sql: ${TABLE}.campaigns_sha256 ;;
  }

  dimension: variant_sha256 {
    type: string
    suggestable: no
    description: "Digest of the variant"
    sql: ${TABLE}.variant_sha256 ;;
  }

  dimension: engine_version {
    type: string
    suggestable: no
    description: "Version of the simulation's rules in the engine"
    sql: ${TABLE}.engine_version ;;
  }

  dimension: seed {
    type: number
    value_format_name: decimal_0
    description: "Seed of the draws"
    sql: ${TABLE}.seed ;;
  }

  dimension: currency {
    type: string
    suggestable: no
    description: "Currency of all money"
    sql: ${TABLE}.currency ;;
  }

  dimension: result_sha256 {
    type: string
    suggestable: no
    description: "Digest of parameters and metrics; equal results have equal ones; empty if failed"
    sql: ${TABLE}.result_sha256 ;;
  }

  dimension: parameters {
    type: string
    suggestable: no
    description: "JSON object: what the variant set, by parameter; a number, or a text"
    sql: ${TABLE}.parameters ;;
  }

  dimension_group: started {
    type: time
    timeframes: [raw, time, hour, date]
    datatype: timestamp
    description: "When the attempt began"
    sql: ${TABLE}.started_at ;;
  }

  dimension_group: finished {
    type: time
    timeframes: [raw, time, hour, date]
    datatype: timestamp
    description: "When the attempt ended"
    sql: ${TABLE}.finished_at ;;
  }

  dimension: duration_ms {
    type: number
    value_format_name: decimal_0
    description: "How long it took, ms"
    sql: ${TABLE}.duration_ms ;;
  }

  dimension: state_bytes {
    type: number
    value_format_name: decimal_0
    description: "Memory its state took, bytes"
    sql: ${TABLE}.state_bytes ;;
  }

  dimension: slots {
    type: number
    value_format_name: decimal_0
    description: "Slots simulated; null if failed"
    sql: ${TABLE}.slots ;;
  }

  dimension: filled {
    type: number
    value_format_name: decimal_0
    description: "Slots that a campaign won; null if failed"
    sql: ${TABLE}.filled ;;
  }

  dimension: fill_rate {
    type: number
    value_format_name: percent_2
    description: "Filled / slots; null without slots, null if failed"
    sql: ${TABLE}.fill_rate ;;
  }

  dimension: unfilled_no_campaign_targeted {
    type: number
    value_format_name: decimal_0
    description: "Unfilled: no campaign targeted the slot; null if failed"
    sql: ${TABLE}.unfilled_no_campaign_targeted ;;
  }

  dimension: unfilled_below_floor {
    type: number
    value_format_name: decimal_0
    description: "Unfilled: every bid was below the floor; null if failed"
    sql: ${TABLE}.unfilled_below_floor ;;
  }

  dimension: unfilled_unidentified {
    type: number
    value_format_name: decimal_0
    description: "Unfilled: the user is unknown and every campaign left has a cap; null if failed"
    sql: ${TABLE}.unfilled_unidentified ;;
  }

  dimension: unfilled_goal_reached {
    type: number
    value_format_name: decimal_0
    description: "Unfilled: the campaigns left had reached their goals; null if failed"
    sql: ${TABLE}.unfilled_goal_reached ;;
  }

  dimension: unfilled_budget_spent {
    type: number
    value_format_name: decimal_0
    description: "Unfilled: the campaigns left had spent their budgets; null if failed"
    sql: ${TABLE}.unfilled_budget_spent ;;
  }

  dimension: unfilled_paced {
    type: number
    value_format_name: decimal_0
    description: "Unfilled: the campaigns left were ahead of their pace; null if failed"
    sql: ${TABLE}.unfilled_paced ;;
  }

  dimension: unfilled_frequency_capped {
    type: number
    value_format_name: decimal_4
    description: "Unfilled: the campaigns left had reached the user's cap; null if failed"
    sql: ${TABLE}.unfilled_frequency_capped ;;
  }

  dimension: unfilled_separated {
    type: number
    value_format_name: decimal_0
    description: "Unfilled: the campaigns left already were in the same request; null if failed"
    sql: ${TABLE}.unfilled_separated ;;
  }

  dimension: revenue_nanos {
    type: number
    value_format_name: decimal_0
    description: "Revenue in billionths of the currency unit, exact; null if failed"
    sql: ${TABLE}.revenue_nanos ;;
  }

  dimension: revenue {
    type: number
    value_format_name: decimal_2
    description: "Revenue in currency units; null if failed"
    sql: ${TABLE}.revenue ;;
  }

  dimension: ecpm {
    type: number
    value_format_name: decimal_2
    description: "Revenue per thousand filled slots, in units; null if none was filled, null if failed"
    sql: ${TABLE}.ecpm ;;
  }

  dimension: rpm {
    type: number
    value_format_name: decimal_2
    description: "Revenue per thousand slots, in units; null without slots, null if failed"
    sql: ${TABLE}.rpm ;;
  }

  dimension: users {
    type: number
    value_format_name: decimal_0
    description: "Distinct identified users seen; null if failed"
    sql: ${TABLE}.users ;;
  }

  dimension: reach {
    type: number
    value_format_name: decimal_0
    description: "Identified users with an impression; null if failed"
    sql: ${TABLE}.reach ;;
  }

  dimension: reach_rate {
    type: number
    value_format_name: percent_2
    description: "Reach / users; null without users, null if failed"
    sql: ${TABLE}.reach_rate ;;
  }

  dimension: identified_impressions {
    type: number
    value_format_name: decimal_0
    description: "Impressions to identified users; null if failed"
    sql: ${TABLE}.identified_impressions ;;
  }

  dimension: average_frequency {
    type: number
    value_format_name: decimal_4
    description: "Identified_impressions / reach; null without reach, null if failed"
    sql: ${TABLE}.average_frequency ;;
  }

  dimension: grp {
    type: number
    value_format_name: decimal_2
    description: "100 identified_impressions / report.universe; null without a universe, null if failed"
    sql: ${TABLE}.grp ;;
  }

  dimension: sampled_share {
    type: number
    value_format_name: percent_2
    description: "Share of the slots that slots.sample kept; 1 without, null if failed"
    sql: ${TABLE}.sampled_share ;;
  }

  dimension: goals {
    type: number
    value_format_name: decimal_0
    description: "Enabled campaigns with a goal; null if failed"
    sql: ${TABLE}.goals ;;
  }

  dimension: goals_met {
    type: number
    value_format_name: decimal_0
    description: "Of them, those that reached it; null if failed"
    sql: ${TABLE}.goals_met ;;
  }

  dimension: goal_shortfall {
    type: number
    value_format_name: decimal_0
    description: "Impressions that goals expected and did not get; null if failed"
    sql: ${TABLE}.goal_shortfall ;;
  }
}

# View breakdown_results as sql/views/breakdown_results/columns.txt has it. Generated: .ci/looker generate

view: breakdown_results {
  sql_table_name: `@{dataset}.breakdown_results` ;;

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

  dimension: dimension {
    type: string
    suggestable: no
    description: "Dimension of report.breakdowns"
    sql: ${TABLE}.dimension ;;
  }

  dimension: value {
    type: string
    suggestable: no
    description: "Its value; null: missing"
    sql: ${TABLE}.value ;;
  }

  dimension: slots {
    type: number
    value_format_name: decimal_0
    description: "Slots with it"
    sql: ${TABLE}.slots ;;
  }

  dimension: filled {
    type: number
    value_format_name: decimal_0
    description: "Of them, filled"
    sql: ${TABLE}.filled ;;
  }

  dimension: revenue_nanos {
    type: number
    value_format_name: decimal_0
    description: "Their revenue in billionths of the unit, exact"
    sql: ${TABLE}.revenue_nanos ;;
  }

  dimension: revenue {
    type: number
    value_format_name: decimal_2
    description: "Their revenue in units"
    sql: ${TABLE}.revenue ;;
  }

  dimension: users {
    type: number
    value_format_name: decimal_0
    description: "Identified users seen on them"
    sql: ${TABLE}.users ;;
  }

  dimension: reach {
    type: number
    value_format_name: decimal_0
    description: "Identified users with an impression on them"
    sql: ${TABLE}.reach ;;
  }

  dimension: identified_impressions {
    type: number
    value_format_name: decimal_0
    description: "Impressions to identified users on them"
    sql: ${TABLE}.identified_impressions ;;
  }

  dimension: slots_delta {
    type: number
    value_format_name: decimal_2
    description: "Slots less the same entry's of the baseline of the same replicate; null without one; both as simulated, also where sampled_share differs"
    sql: ${TABLE}.slots_delta ;;
  }

  dimension: filled_delta {
    type: number
    value_format_name: decimal_2
    description: "Filled less the same entry's of the baseline of the same replicate; null without one; both as simulated, also where sampled_share differs"
    sql: ${TABLE}.filled_delta ;;
  }

  dimension: revenue_delta {
    type: number
    value_format_name: decimal_2
    description: "Revenue less the same entry's of the baseline of the same replicate; null without one; both as simulated, also where sampled_share differs"
    sql: ${TABLE}.revenue_delta ;;
  }

  dimension: users_delta {
    type: number
    value_format_name: decimal_2
    description: "Users less the same entry's of the baseline of the same replicate; null without one; both as simulated, also where sampled_share differs"
    sql: ${TABLE}.users_delta ;;
  }

  dimension: reach_delta {
    type: number
    value_format_name: decimal_2
    description: "Reach less the same entry's of the baseline of the same replicate; null without one; both as simulated, also where sampled_share differs"
    sql: ${TABLE}.reach_delta ;;
  }

  dimension: identified_impressions_delta {
    type: number
    value_format_name: decimal_2
    description: "Identified_impressions less the same entry's of the baseline of the same replicate; null without one; both as simulated, also where sampled_share differs"
    sql: ${TABLE}.identified_impressions_delta ;;
  }
}

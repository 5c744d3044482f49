# View group_results as sql/views/group_results/columns.txt has it. Generated: .ci/looker generate

view: group_results {
  sql_table_name: `@{dataset}.group_results` ;;

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

  dimension: group {
    type: string
    suggestable: no
    description: "Key of report.groups: advertiser, category, priority, labels.<k>; a reserved word, to be quoted"
    sql: ${TABLE}.`group` ;;
  }

  dimension: value {
    type: string
    suggestable: no
    description: "Value of the key; null: missing"
    sql: ${TABLE}.value ;;
  }

  dimension: impressions {
    type: number
    value_format_name: decimal_0
    description: "Slots that its campaigns won"
    sql: ${TABLE}.impressions ;;
  }

  dimension: spend_nanos {
    type: number
    value_format_name: decimal_0
    description: "What they paid in billionths of the unit, exact"
    sql: ${TABLE}.spend_nanos ;;
  }

  dimension: spend {
    type: number
    value_format_name: decimal_2
    description: "What they paid in units"
    sql: ${TABLE}.spend ;;
  }

  dimension: identified_impressions {
    type: number
    value_format_name: decimal_0
    description: "Impressions to identified users"
    sql: ${TABLE}.identified_impressions ;;
  }

  dimension: reach {
    type: number
    value_format_name: decimal_0
    description: "Identified users reached by any of them, each counted once"
    sql: ${TABLE}.reach ;;
  }

  dimension: average_frequency {
    type: number
    value_format_name: decimal_4
    description: "Identified_impressions / reach; null without reach"
    sql: ${TABLE}.average_frequency ;;
  }

  # frequency_distribution: a list, which is no dimension; the view of its own has it by row.

  dimension: impressions_delta {
    type: number
    value_format_name: decimal_2
    description: "Impressions less the same entry's of the baseline of the same replicate; null without one; both as simulated, also where sampled_share differs"
    sql: ${TABLE}.impressions_delta ;;
  }

  dimension: spend_delta {
    type: number
    value_format_name: decimal_2
    description: "Spend less the same entry's of the baseline of the same replicate; null without one; both as simulated, also where sampled_share differs"
    sql: ${TABLE}.spend_delta ;;
  }

  dimension: identified_impressions_delta {
    type: number
    value_format_name: decimal_2
    description: "Identified_impressions less the same entry's of the baseline of the same replicate; null without one; both as simulated, also where sampled_share differs"
    sql: ${TABLE}.identified_impressions_delta ;;
  }

  dimension: reach_delta {
    type: number
    value_format_name: decimal_2
    description: "Reach less the same entry's of the baseline of the same replicate; null without one; both as simulated, also where sampled_share differs"
    sql: ${TABLE}.reach_delta ;;
  }

  dimension: average_frequency_delta {
    type: number
    value_format_name: decimal_4
    description: "Average_frequency less the same entry's of the baseline of the same replicate; null without one"
    sql: ${TABLE}.average_frequency_delta ;;
  }
}

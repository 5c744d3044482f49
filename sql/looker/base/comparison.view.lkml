# View comparison as sql/views/comparison/columns.txt has it. Generated: .ci/looker generate

view: comparison {
  sql_table_name: `@{dataset}.comparison` ;;

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
    description: "Always 0"
    sql: ${TABLE}.replicate ;;
  }

  dimension: parameters {
    type: string
    suggestable: no
    description: "JSON object: what the variant set, by parameter; a number, or a text"
    sql: ${TABLE}.parameters ;;
  }

  dimension: fill_rate {
    type: number
    value_format_name: percent_2
    description: "Filled / slots; null without slots"
    sql: ${TABLE}.fill_rate ;;
  }

  dimension: fill_rate_delta {
    type: number
    value_format_name: percent_2
    description: "Fill_rate less the baseline's; null without one"
    sql: ${TABLE}.fill_rate_delta ;;
  }

  dimension: fill_rate_relative_delta {
    type: number
    value_format_name: percent_2
    description: "Fill_rate_delta / the baseline's fill_rate; null where that is 0"
    sql: ${TABLE}.fill_rate_relative_delta ;;
  }

  dimension: filled {
    type: number
    value_format_name: decimal_0
    description: "Slots that a campaign won, scaled back to the whole by sampled_share"
    sql: ${TABLE}.filled ;;
  }

  dimension: filled_delta {
    type: number
    value_format_name: decimal_2
    description: "Filled less the baseline's; null without one"
    sql: ${TABLE}.filled_delta ;;
  }

  dimension: filled_relative_delta {
    type: number
    value_format_name: percent_2
    description: "Filled_delta / the baseline's filled; null where that is 0"
    sql: ${TABLE}.filled_relative_delta ;;
  }

  dimension: reach {
    type: number
    value_format_name: decimal_0
    description: "Identified users with an impression, scaled back to the whole by sampled_share"
    sql: ${TABLE}.reach ;;
  }

  dimension: reach_delta {
    type: number
    value_format_name: decimal_2
    description: "Reach less the baseline's; null without one"
    sql: ${TABLE}.reach_delta ;;
  }

  dimension: reach_relative_delta {
    type: number
    value_format_name: percent_2
    description: "Reach_delta / the baseline's reach; null where that is 0"
    sql: ${TABLE}.reach_relative_delta ;;
  }

  dimension: average_frequency {
    type: number
    value_format_name: decimal_4
    description: "Identified_impressions / reach; null without reach"
    sql: ${TABLE}.average_frequency ;;
  }

  dimension: average_frequency_delta {
    type: number
    value_format_name: decimal_4
    description: "Average_frequency less the baseline's; null without one"
    sql: ${TABLE}.average_frequency_delta ;;
  }

  dimension: average_frequency_relative_delta {
    type: number
    value_format_name: percent_2
    description: "Average_frequency_delta / the baseline's average_frequency; null where that is 0"
    sql: ${TABLE}.average_frequency_relative_delta ;;
  }

  dimension: revenue {
    type: number
    value_format_name: decimal_2
    description: "Revenue in currency units, scaled back to the whole by sampled_share"
    sql: ${TABLE}.revenue ;;
  }

  dimension: revenue_delta {
    type: number
    value_format_name: decimal_2
    description: "Revenue less the baseline's; null without one"
    sql: ${TABLE}.revenue_delta ;;
  }

  dimension: revenue_relative_delta {
    type: number
    value_format_name: percent_2
    description: "Revenue_delta / the baseline's revenue; null where that is 0"
    sql: ${TABLE}.revenue_relative_delta ;;
  }

  dimension: ecpm {
    type: number
    value_format_name: decimal_2
    description: "Revenue per thousand filled slots, in units; null if none was filled"
    sql: ${TABLE}.ecpm ;;
  }

  dimension: ecpm_delta {
    type: number
    value_format_name: decimal_2
    description: "Ecpm less the baseline's; null without one"
    sql: ${TABLE}.ecpm_delta ;;
  }

  dimension: ecpm_relative_delta {
    type: number
    value_format_name: percent_2
    description: "Ecpm_delta / the baseline's ecpm; null where that is 0"
    sql: ${TABLE}.ecpm_relative_delta ;;
  }

  dimension: goals_met {
    type: number
    value_format_name: decimal_0
    description: "Of them, those that reached it"
    sql: ${TABLE}.goals_met ;;
  }

  dimension: goals_met_delta {
    type: number
    value_format_name: decimal_2
    description: "Goals_met less the baseline's; null without one"
    sql: ${TABLE}.goals_met_delta ;;
  }

  dimension: goals_met_relative_delta {
    type: number
    value_format_name: percent_2
    description: "Goals_met_delta / the baseline's goals_met; null where that is 0"
    sql: ${TABLE}.goals_met_relative_delta ;;
  }

  dimension: comparable {
    type: yesno
    description: "Whether snapshot, campaigns, engine version, seed and currency are the baseline's; null without a baseline"
    sql: ${TABLE}.comparable ;;
  }

  dimension: sampled_share {
    type: number
    value_format_name: percent_2
    description: "Share of the slots that slots.sample kept; filled, reach and revenue are divided by it, as in variant_metrics; null where it is 0"
    sql: ${TABLE}.sampled_share ;;
  }
}

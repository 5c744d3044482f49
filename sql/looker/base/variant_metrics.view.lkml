# View variant_metrics as sql/views/variant_metrics/columns.txt has it. Generated: .ci/looker generate

view: variant_metrics {
  sql_table_name: `@{dataset}.variant_metrics` ;;

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

  dimension: metric {
    type: string
    suggestable: no
    description: "Name of a figure of variants"
    sql: ${TABLE}.metric ;;
  }

  dimension: value {
    type: number
    value_format_name: decimal_2
    description: "The figure; counts and money scaled back to the whole by sampled_share"
    sql: ${TABLE}.value ;;
  }

  dimension: baseline_value {
    type: number
    value_format_name: decimal_2
    description: "The baseline's; null if it has none"
    sql: ${TABLE}.baseline_value ;;
  }

  dimension: delta {
    type: number
    value_format_name: decimal_2
    description: "Value - baseline_value"
    sql: ${TABLE}.delta ;;
  }

  dimension: relative_delta {
    type: number
    value_format_name: decimal_2
    description: "Delta / baseline_value; null where that is 0"
    sql: ${TABLE}.relative_delta ;;
  }

  dimension: replicates {
    type: number
    value_format_name: decimal_0
    description: "Pairs of replicates r > 0 of the variant and the baseline that both have the figure"
    sql: ${TABLE}.replicates ;;
  }

  dimension: std_error {
    type: number
    value_format_name: decimal_2
    description: "Sample standard deviation of the differences of those pairs; null with fewer than two"
    sql: ${TABLE}.std_error ;;
  }

  dimension: ci_low {
    type: number
    value_format_name: decimal_2
    description: "Delta - 1.96 std_error; null with fewer than 20 pairs"
    sql: ${TABLE}.ci_low ;;
  }

  dimension: ci_high {
    type: number
    value_format_name: decimal_2
    description: "Delta + 1.96 std_error; null with fewer than 20 pairs"
    sql: ${TABLE}.ci_high ;;
  }
}

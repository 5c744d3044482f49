# View parameter_effects as sql/views/parameter_effects/columns.txt has it. Generated: .ci/looker generate

view: parameter_effects {
  sql_table_name: `@{dataset}.parameter_effects` ;;

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
    description: "Always null: an effect is of several variants"
    sql: ${TABLE}.variant_id ;;
  }

  dimension: replicate {
    type: number
    value_format_name: decimal_0
    description: "Always 0"
    sql: ${TABLE}.replicate ;;
  }

  dimension: parameter {
    type: string
    suggestable: no
    description: "The parameter"
    sql: ${TABLE}.parameter ;;
  }

  dimension: value {
    type: string
    suggestable: no
    description: "Its value as written; of a continuous one (over ten distinct numbers) a bin, lowest .. highest"
    sql: ${TABLE}.value ;;
  }

  dimension: metric {
    type: string
    suggestable: no
    description: "Name of a figure of variants"
    sql: ${TABLE}.metric ;;
  }

  dimension: variants {
    type: number
    value_format_name: decimal_0
    description: "Succeeded variants with that value"
    sql: ${TABLE}.variants ;;
  }

  dimension: mean {
    type: number
    value_format_name: decimal_2
    description: "Mean of the metric over them; null if none has it"
    sql: ${TABLE}.mean ;;
  }

  dimension: minimum {
    type: number
    value_format_name: decimal_2
    description: "Lowest"
    sql: ${TABLE}.minimum ;;
  }

  dimension: maximum {
    type: number
    value_format_name: decimal_2
    description: "Highest"
    sql: ${TABLE}.maximum ;;
  }

  dimension: value_number {
    type: number
    value_format_name: decimal_2
    description: "The value, or the mean of the bin's values; null for what is no number"
    sql: ${TABLE}.value_number ;;
  }

  dimension: bin {
    type: number
    value_format_name: decimal_0
    description: "1..10 of a continuous parameter; null otherwise"
    sql: ${TABLE}.bin ;;
  }
}

# View failures as sql/views/failures/columns.txt has it. Generated: .ci/looker generate

view: failures {
  sql_table_name: `@{dataset}.failures` ;;

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

  dimension: reason {
    type: string
    suggestable: no
    description: "Category of the last failure"
    sql: ${TABLE}.reason ;;
  }

  dimension: message {
    type: string
    suggestable: no
    description: "What went wrong then"
    sql: ${TABLE}.message ;;
  }

  dimension: retryable {
    type: yesno
    description: "Whether another attempt may succeed"
    sql: ${TABLE}.retryable ;;
  }

  dimension: attempts {
    type: number
    value_format_name: decimal_0
    description: "Attempts that failed"
    sql: ${TABLE}.attempts ;;
  }

  dimension_group: first_failed {
    type: time
    timeframes: [raw, time, hour, date]
    datatype: timestamp
    description: "When the first of them ended"
    sql: ${TABLE}.first_failed_at ;;
  }

  dimension_group: last_failed {
    type: time
    timeframes: [raw, time, hour, date]
    datatype: timestamp
    description: "When the last of them ended"
    sql: ${TABLE}.last_failed_at ;;
  }
}

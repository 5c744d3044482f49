# View contention as sql/views/contention/columns.txt has it. Generated: .ci/looker generate

view: contention {
  sql_table_name: `@{dataset}.contention` ;;

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

  dimension: campaign_id {
    type: string
    suggestable: no
    description: "The campaign that was outbid"
    sql: ${TABLE}.campaign_id ;;
  }

  dimension: winner_id {
    type: string
    suggestable: no
    description: "A campaign that won: one of the ten that did most often"
    sql: ${TABLE}.winner_id ;;
  }

  dimension: slots {
    type: number
    value_format_name: decimal_0
    description: "Slots that it won from it"
    sql: ${TABLE}.slots ;;
  }

  dimension: slots_delta {
    type: number
    value_format_name: decimal_2
    description: "Slots less those in the baseline of the same replicate; null where it lists no such pair; both as simulated, also where sampled_share differs"
    sql: ${TABLE}.slots_delta ;;
  }
}

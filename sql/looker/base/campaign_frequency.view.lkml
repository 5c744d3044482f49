# View campaign_frequency as sql/views/campaign_frequency/columns.txt has it. Generated: .ci/looker generate

view: campaign_frequency {
  sql_table_name: `@{dataset}.campaign_frequency` ;;

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
    description: "The campaign"
    sql: ${TABLE}.campaign_id ;;
  }

  dimension: frequency {
    type: number
    value_format_name: decimal_4
    description: "Impressions a user saw; 20: twenty or more"
    sql: ${TABLE}.frequency ;;
  }

  dimension: users {
    type: number
    value_format_name: decimal_0
    description: "Users who saw exactly so many"
    sql: ${TABLE}.users ;;
  }

  dimension: k_plus_users {
    type: number
    value_format_name: decimal_0
    description: "Users who saw so many or more"
    sql: ${TABLE}.k_plus_users ;;
  }

  dimension: share_of_reach {
    type: number
    value_format_name: percent_2
    description: "Users / reach"
    sql: ${TABLE}.share_of_reach ;;
  }
}

# View campaign_results as sql/views/campaign_results/columns.txt has it. Generated: .ci/looker generate

view: campaign_results {
  sql_table_name: `@{dataset}.campaign_results` ;;

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

  dimension: advertiser {
    type: string
    suggestable: no
    description: "Its advertiser; null if none"
    sql: ${TABLE}.advertiser ;;
  }

  dimension: priority {
    type: number
    value_format_name: decimal_0
    description: "Its priority, 1 served first"
    sql: ${TABLE}.priority ;;
  }

  dimension: impressions {
    type: number
    value_format_name: decimal_0
    description: "Slots it won"
    sql: ${TABLE}.impressions ;;
  }

  dimension: spend_nanos {
    type: number
    value_format_name: decimal_0
    description: "What it paid in billionths of the unit, exact"
    sql: ${TABLE}.spend_nanos ;;
  }

  dimension: spend {
    type: number
    value_format_name: decimal_2
    description: "What it paid in units"
    sql: ${TABLE}.spend ;;
  }

  dimension: reach {
    type: number
    value_format_name: decimal_0
    description: "Identified users it reached"
    sql: ${TABLE}.reach ;;
  }

  dimension: identified_impressions {
    type: number
    value_format_name: decimal_0
    description: "Its impressions to identified users"
    sql: ${TABLE}.identified_impressions ;;
  }

  dimension: average_frequency {
    type: number
    value_format_name: decimal_4
    description: "Identified_impressions / reach; null without reach"
    sql: ${TABLE}.average_frequency ;;
  }

  dimension: delivered {
    type: number
    value_format_name: decimal_0
    description: "Impressions with those delivered before the horizon"
    sql: ${TABLE}.delivered ;;
  }

  dimension: delivery_rate {
    type: number
    value_format_name: percent_2
    description: "Delivered / goal; null without a goal"
    sql: ${TABLE}.delivery_rate ;;
  }

  dimension: expected {
    type: number
    value_format_name: decimal_0
    description: "Impressions due by the end of the horizon; null without a goal"
    sql: ${TABLE}.expected ;;
  }

  dimension: on_schedule {
    type: number
    value_format_name: percent_2
    description: "Impressions / expected; null where that is 0 or none"
    sql: ${TABLE}.on_schedule ;;
  }

  dimension: budget_utilisation {
    type: number
    value_format_name: percent_2
    description: "Spent with before / budget; null without a budget"
    sql: ${TABLE}.budget_utilisation ;;
  }

  dimension_group: first_impression {
    type: time
    timeframes: [raw, time, hour, date]
    datatype: timestamp
    description: "Time of its first impression; null without one"
    sql: ${TABLE}.first_impression ;;
  }

  dimension_group: last_impression {
    type: time
    timeframes: [raw, time, hour, date]
    datatype: timestamp
    description: "Time of its last impression; null without one"
    sql: ${TABLE}.last_impression ;;
  }

  dimension: matched {
    type: number
    value_format_name: decimal_0
    description: "Slots that it targeted; null without report.losses, as all that follow"
    sql: ${TABLE}.matched ;;
  }

  dimension: matched_users {
    type: number
    value_format_name: decimal_0
    description: "Identified users among them"
    sql: ${TABLE}.matched_users ;;
  }

  dimension: lost_floor {
    type: number
    value_format_name: decimal_0
    description: "Of matched: bid below the floor"
    sql: ${TABLE}.lost_floor ;;
  }

  dimension: lost_identity {
    type: number
    value_format_name: decimal_0
    description: "Of matched: capped, and the user unknown"
    sql: ${TABLE}.lost_identity ;;
  }

  dimension: after_goal {
    type: number
    value_format_name: decimal_0
    description: "Of matched: after its goal"
    sql: ${TABLE}.after_goal ;;
  }

  dimension: lost_budget {
    type: number
    value_format_name: decimal_0
    description: "Of matched: budget spent"
    sql: ${TABLE}.lost_budget ;;
  }

  dimension: lost_pacing {
    type: number
    value_format_name: decimal_0
    description: "Of matched: ahead of its pace"
    sql: ${TABLE}.lost_pacing ;;
  }

  dimension: lost_frequency {
    type: number
    value_format_name: decimal_4
    description: "Of matched: the user had seen it often enough"
    sql: ${TABLE}.lost_frequency ;;
  }

  dimension: lost_separation {
    type: number
    value_format_name: decimal_0
    description: "Of matched: already in the request"
    sql: ${TABLE}.lost_separation ;;
  }

  dimension: outbid {
    type: number
    value_format_name: decimal_0
    description: "Of matched: could have served, another won"
    sql: ${TABLE}.outbid ;;
  }

  dimension: win_rate {
    type: number
    value_format_name: percent_2
    description: "Impressions / (impressions + outbid)"
    sql: ${TABLE}.win_rate ;;
  }

  dimension: share_of_matched {
    type: number
    value_format_name: percent_2
    description: "Impressions / matched"
    sql: ${TABLE}.share_of_matched ;;
  }

  dimension: impressions_delta {
    type: number
    value_format_name: decimal_2
    description: "Impressions less the same entry's of the baseline of the same replicate; null without one; both as simulated, also where sampled_share differs"
    sql: ${TABLE}.impressions_delta ;;
  }

  dimension: reach_delta {
    type: number
    value_format_name: decimal_2
    description: "Reach less the same entry's of the baseline of the same replicate; null without one; both as simulated, also where sampled_share differs"
    sql: ${TABLE}.reach_delta ;;
  }

  dimension: spend_delta {
    type: number
    value_format_name: decimal_2
    description: "Spend less the same entry's of the baseline of the same replicate; null without one; both as simulated, also where sampled_share differs"
    sql: ${TABLE}.spend_delta ;;
  }

  dimension: delivery_rate_delta {
    type: number
    value_format_name: percent_2
    description: "Delivery_rate less the same entry's of the baseline of the same replicate; null without one"
    sql: ${TABLE}.delivery_rate_delta ;;
  }
}

# Measures of campaign_results. One row is one campaign in one variant: sums are right within a variant, and only there.
view: +campaign_results {
  measure: campaign_count {
    type: count_distinct
    label: "Campaigns"
    sql: ${campaign_id} ;;
    drill_fields: [campaign_id, advertiser, impressions, delivery_rate, spend]
  }

  measure: total_impressions {
    type: sum
    value_format_name: decimal_0
    sql: ${impressions} ;;
  }

  measure: total_spend {
    type: sum
    value_format_name: decimal_2
    sql: ${spend} ;;
  }

  measure: total_matched {
    type: sum
    value_format_name: decimal_0
    sql: ${matched} ;;
  }

  measure: total_lost_floor {
    type: sum
    value_format_name: decimal_0
    sql: ${lost_floor} ;;
  }

  measure: total_lost_identity {
    type: sum
    value_format_name: decimal_0
    sql: ${lost_identity} ;;
  }

  measure: total_after_goal {
    type: sum
    value_format_name: decimal_0
    sql: ${after_goal} ;;
  }

  measure: total_lost_budget {
    type: sum
    value_format_name: decimal_0
    sql: ${lost_budget} ;;
  }

  measure: total_lost_pacing {
    type: sum
    value_format_name: decimal_0
    sql: ${lost_pacing} ;;
  }

  measure: total_lost_frequency {
    type: sum
    value_format_name: decimal_0
    sql: ${lost_frequency} ;;
  }

  measure: total_lost_separation {
    type: sum
    value_format_name: decimal_0
    sql: ${lost_separation} ;;
  }

  measure: total_outbid {
    type: sum
    value_format_name: decimal_0
    sql: ${outbid} ;;
  }

  measure: total_impressions_delta {
    type: sum
    value_format_name: decimal_0
    sql: ${impressions_delta} ;;
  }

  measure: total_spend_delta {
    type: sum
    value_format_name: decimal_2
    sql: ${spend_delta} ;;
  }

  measure: total_reach_delta {
    type: sum
    value_format_name: decimal_0
    sql: ${reach_delta} ;;
  }

  measure: mean_delivery_rate {
    type: average
    value_format_name: percent_2
    sql: ${delivery_rate} ;;
  }

  measure: mean_budget_utilisation {
    type: average
    value_format_name: percent_2
    sql: ${budget_utilisation} ;;
  }

  measure: mean_average_frequency {
    type: average
    value_format_name: decimal_2
    sql: ${average_frequency} ;;
  }
}

# Measures of campaign_frequency. One row is one number of impressions of one campaign in one variant. A user whom two campaigns reached is in both.
view: +campaign_frequency {
  measure: total_users {
    type: sum
    value_format_name: decimal_0
    sql: ${users} ;;
  }

  measure: mean_share_of_reach {
    type: average
    value_format_name: percent_2
    sql: ${share_of_reach} ;;
  }
}

# Measures of frequency. One row is one number of impressions in one variant.
view: +frequency {
  measure: total_users {
    type: sum
    value_format_name: decimal_0
    sql: ${users} ;;
  }

  measure: total_k_plus_users {
    type: sum
    value_format_name: decimal_0
    sql: ${k_plus_users} ;;
  }

  measure: total_share_of_reach {
    type: sum
    value_format_name: percent_2
    sql: ${share_of_reach} ;;
  }
}

# Measures of group_results. One row is one value of one key in one variant.
view: +group_results {
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

  measure: total_spend_delta {
    type: sum
    value_format_name: decimal_2
    sql: ${spend_delta} ;;
  }
}

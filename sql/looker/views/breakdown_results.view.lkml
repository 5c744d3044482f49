# Measures of breakdown_results. One row is one value of one dimension in one variant. A slot with several values of a dimension is in each.
view: +breakdown_results {
  measure: total_slots {
    type: sum
    value_format_name: decimal_0
    sql: ${slots} ;;
  }

  measure: total_filled {
    type: sum
    value_format_name: decimal_0
    sql: ${filled} ;;
  }

  measure: total_revenue {
    type: sum
    value_format_name: decimal_2
    sql: ${revenue} ;;
  }

  measure: fill_rate {
    type: number
    description: "Filled / slots of what is shown"
    value_format_name: percent_2
    sql: SAFE_DIVIDE(SUM(${filled}), SUM(${slots})) ;;
  }

  measure: total_revenue_delta {
    type: sum
    value_format_name: decimal_2
    sql: ${revenue_delta} ;;
  }
}

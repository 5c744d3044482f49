# Measures of variant_metrics. One row is one figure of one variant.
view: +variant_metrics {
  measure: mean_value {
    type: average
    value_format_name: decimal_4
    sql: ${value} ;;
  }

  measure: mean_delta {
    type: average
    value_format_name: decimal_4
    sql: ${delta} ;;
  }

  measure: mean_relative_delta {
    type: average
    value_format_name: percent_2
    sql: ${relative_delta} ;;
  }

  measure: lowest_of_interval {
    type: min
    value_format_name: decimal_4
    sql: ${ci_low} ;;
  }

  measure: highest_of_interval {
    type: max
    value_format_name: decimal_4
    sql: ${ci_high} ;;
  }
}

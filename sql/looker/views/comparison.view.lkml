# Measures of comparison. One row is one variant, so that beside variant_id a measure is the variant's own figure; over several variants it is their mean.
view: +comparison {
  measure: variant_count {
    type: count
    label: "Variants"
    drill_fields: [variant_id, parameters, fill_rate, reach, revenue]
  }

  measure: mean_fill_rate {
    type: average
    value_format_name: percent_2
    sql: ${fill_rate} ;;
  }

  measure: mean_fill_rate_delta {
    type: average
    value_format_name: percent_2
    sql: ${fill_rate_delta} ;;
  }

  measure: mean_reach {
    type: average
    value_format_name: decimal_0
    sql: ${reach} ;;
  }

  measure: mean_reach_delta {
    type: average
    value_format_name: decimal_0
    sql: ${reach_delta} ;;
  }

  measure: mean_reach_relative_delta {
    type: average
    value_format_name: percent_2
    sql: ${reach_relative_delta} ;;
  }

  measure: mean_average_frequency {
    type: average
    value_format_name: decimal_2
    sql: ${average_frequency} ;;
  }

  measure: mean_revenue {
    type: average
    value_format_name: decimal_2
    sql: ${revenue} ;;
  }

  measure: mean_revenue_delta {
    type: average
    value_format_name: decimal_2
    sql: ${revenue_delta} ;;
  }

  measure: mean_revenue_relative_delta {
    type: average
    value_format_name: percent_2
    sql: ${revenue_relative_delta} ;;
  }

  measure: mean_ecpm {
    type: average
    value_format_name: decimal_2
    sql: ${ecpm} ;;
  }

  measure: mean_goals_met {
    type: average
    value_format_name: decimal_0
    sql: ${goals_met} ;;
  }

  measure: mean_goals_met_delta {
    type: average
    value_format_name: decimal_0
    sql: ${goals_met_delta} ;;
  }

  measure: best_revenue_relative_delta {
    type: max
    value_format_name: percent_2
    sql: ${revenue_relative_delta} ;;
  }

  measure: best_reach_relative_delta {
    type: max
    value_format_name: percent_2
    sql: ${reach_relative_delta} ;;
  }

  measure: baseline_fill_rate {
    type: max
    filters: [variant_id: "baseline"]
    value_format_name: percent_2
    sql: ${fill_rate} ;;
  }

  measure: baseline_reach {
    type: max
    filters: [variant_id: "baseline"]
    value_format_name: decimal_0
    sql: ${reach} ;;
  }

  measure: baseline_revenue {
    type: max
    filters: [variant_id: "baseline"]
    value_format_name: decimal_2
    sql: ${revenue} ;;
  }
}

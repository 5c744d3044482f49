# Measures of variants. One row is one variant or replicate: the attempt of it that counts.
view: +variants {
  measure: variant_count {
    type: count
    label: "Variants"
    drill_fields: [variant_id, status, reason, duration_ms]
  }

  measure: succeeded_count {
    type: count
    label: "Succeeded"
    filters: [status: "succeeded"]
  }

  measure: failed_count {
    type: count
    label: "Failed"
    filters: [status: "failed"]
  }

  measure: total_duration_ms {
    type: sum
    value_format_name: decimal_0
    sql: ${duration_ms} ;;
  }

  measure: longest_duration_ms {
    type: max
    value_format_name: decimal_0
    sql: ${duration_ms} ;;
  }

  measure: largest_state_bytes {
    type: max
    value_format_name: decimal_0
    sql: ${state_bytes} ;;
  }

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

  measure: total_unfilled_no_campaign_targeted {
    type: sum
    value_format_name: decimal_0
    sql: ${unfilled_no_campaign_targeted} ;;
  }

  measure: total_unfilled_below_floor {
    type: sum
    value_format_name: decimal_0
    sql: ${unfilled_below_floor} ;;
  }

  measure: total_unfilled_unidentified {
    type: sum
    value_format_name: decimal_0
    sql: ${unfilled_unidentified} ;;
  }

  measure: total_unfilled_goal_reached {
    type: sum
    value_format_name: decimal_0
    sql: ${unfilled_goal_reached} ;;
  }

  measure: total_unfilled_budget_spent {
    type: sum
    value_format_name: decimal_0
    sql: ${unfilled_budget_spent} ;;
  }

  measure: total_unfilled_paced {
    type: sum
    value_format_name: decimal_0
    sql: ${unfilled_paced} ;;
  }

  measure: total_unfilled_frequency_capped {
    type: sum
    value_format_name: decimal_0
    sql: ${unfilled_frequency_capped} ;;
  }

  measure: total_unfilled_separated {
    type: sum
    value_format_name: decimal_0
    sql: ${unfilled_separated} ;;
  }
}

# Measures of failures. One row is one variant that counts as failed.
view: +failures {
  measure: failure_count {
    type: count
    label: "Failed variants"
    drill_fields: [variant_id, reason, message, attempts]
  }

  measure: total_attempts {
    type: sum
    value_format_name: decimal_0
    sql: ${attempts} ;;
  }

  measure: retryable_count {
    type: sum
    label: "Worth a retry"
    value_format_name: decimal_0
    sql: CASE WHEN ${retryable} THEN 1 ELSE 0 END ;;
  }
}

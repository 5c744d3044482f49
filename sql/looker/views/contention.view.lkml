# Measures of contention. One row is a campaign that was outbid and one that won, in one variant.
view: +contention {
  measure: total_slots {
    type: sum
    value_format_name: decimal_0
    sql: ${slots} ;;
  }
}

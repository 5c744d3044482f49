# Measures of parameter_effects. One row is one value of one lever and one figure: a response curve is value_number against the mean.
view: +parameter_effects {
  measure: mean_effect {
    type: average
    value_format_name: decimal_4
    sql: ${mean} ;;
  }

  measure: lowest {
    type: min
    value_format_name: decimal_4
    sql: ${minimum} ;;
  }

  measure: highest {
    type: max
    value_format_name: decimal_4
    sql: ${maximum} ;;
  }

  measure: total_variants {
    type: sum
    value_format_name: decimal_0
    sql: ${variants} ;;
  }
}

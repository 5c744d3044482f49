# The front of one simulation by two figures of variant_metrics; more is better, with a minus before the name less is.
view: pareto {
  derived_table: {
    sql:
      SELECT *
      FROM `@{dataset}.pareto`({% parameter pareto.x %}, {% parameter pareto.y %})
      WHERE simulation_id = {% parameter pareto.simulation %}
        AND submitted_date = SAFE.PARSE_DATE('%Y%m%d', SUBSTR({% parameter pareto.simulation %}, 1, 8)) ;;
  }

  parameter: simulation {
    type: string
    description: "The simulation to look at"
    suggest_explore: simulations
    suggest_dimension: simulations.simulation_id
  }

  parameter: x {
    type: string
    description: "First figure to be good at"
    default_value: "reach"
    allowed_value: { value: "reach" }
    allowed_value: { value: "fill_rate" }
    allowed_value: { value: "revenue" }
    allowed_value: { value: "goals_met" }
    allowed_value: { value: "-average_frequency" }
    allowed_value: { value: "-goal_shortfall" }
  }

  parameter: y {
    type: string
    description: "Second figure to be good at"
    default_value: "revenue"
    allowed_value: { value: "revenue" }
    allowed_value: { value: "ecpm" }
    allowed_value: { value: "reach" }
    allowed_value: { value: "fill_rate" }
    allowed_value: { value: "goals_met" }
  }

  dimension: simulation_id {
    type: string
    suggestable: no
    description: "The simulation"
    sql: ${TABLE}.simulation_id ;;
  }

  dimension: submitted_date {
    type: date
    datatype: date
    convert_tz: no
    description: "The UTC day it was submitted; BigQuery's partition"
    sql: ${TABLE}.submitted_date ;;
  }

  dimension: variant_id {
    type: string
    primary_key: yes
    suggestable: no
    description: "A variant on the front"
    sql: ${TABLE}.variant_id ;;
  }

  dimension: parameters {
    type: string
    suggestable: no
    description: "What the variant set"
    sql: ${TABLE}.parameters ;;
  }

  dimension: fill_rate {
    type: number
    value_format_name: percent_2
    description: "Filled / slots"
    sql: ${TABLE}.fill_rate ;;
  }

  dimension: reach {
    type: number
    value_format_name: decimal_0
    description: "Identified users with an impression"
    sql: ${TABLE}.reach ;;
  }

  dimension: revenue {
    type: number
    value_format_name: decimal_2
    description: "Revenue in currency units"
    sql: ${TABLE}.revenue ;;
  }

  dimension: revenue_relative_delta {
    type: number
    value_format_name: percent_2
    description: "Revenue less the baseline's, relative to it"
    sql: ${TABLE}.revenue_relative_delta ;;
  }

  dimension: average_frequency {
    type: number
    value_format_name: decimal_4
    description: "Impressions per user reached"
    sql: ${TABLE}.average_frequency ;;
  }

  measure: mean_revenue {
    type: average
    value_format_name: decimal_2
    sql: ${revenue} ;;
  }

  measure: variant_count {
    type: count
    label: "Variants on the front"
    drill_fields: [variant_id, parameters, fill_rate, reach, revenue]
  }
}

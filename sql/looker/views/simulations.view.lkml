# The simulations of the last days, one row each. The partition is filtered in here, so that Looker's own queries for
# suggestions, which have no filter, are filtered too.
view: simulations {
  derived_table: {
    sql:
      SELECT
        simulation_id,
        submitted_date,
        ANY_VALUE(simulation_name) AS simulation_name,
        ANY_VALUE(owner) AS owner,
        ANY_VALUE(tenant) AS tenant,
        ANY_VALUE(submitted_at) AS submitted_at,
        MAX(finished_at) AS finished_at,
        COUNTIF(replicate = 0) AS variants,
        COUNTIF(status = 'failed') AS failed,
        SUM(duration_ms) / 3600000 AS core_hours,
        SUM(slots) AS decisions,
        ANY_VALUE(engine_version) AS engine_version
      FROM `@{dataset}.variants`
      WHERE submitted_date >= DATE_SUB(CURRENT_DATE(), INTERVAL @{days} DAY)
      GROUP BY simulation_id, submitted_date ;;
  }

  dimension: simulation_id {
    type: string
    primary_key: yes
    description: "The simulation"
    sql: ${TABLE}.simulation_id ;;
    link: {
      label: "Overview"
      url: "/dashboards/whatif::study_overview?Simulation={{ value | url_encode }}"
    }
    link: {
      label: "Against the baseline"
      url: "/dashboards/whatif::comparison?Simulation={{ value | url_encode }}"
    }
    link: {
      label: "What failed"
      url: "/dashboards/whatif::what_failed?Simulation={{ value | url_encode }}"
    }
  }

  dimension: simulation_name {
    type: string
    description: "Name in the configuration"
    sql: ${TABLE}.simulation_name ;;
  }

  dimension: owner {
    type: string
    description: "Owner in the configuration"
    sql: ${TABLE}.owner ;;
  }

  dimension: tenant {
    type: string
    description: "Tenant that submitted it"
    sql: ${TABLE}.tenant ;;
  }

  dimension: engine_version {
    type: string
    description: "Version of the simulation's rules in the engine"
    sql: ${TABLE}.engine_version ;;
  }

  dimension: submitted_date {
    type: date
    datatype: date
    convert_tz: no
    description: "The UTC day it was submitted; BigQuery's partition"
    sql: ${TABLE}.submitted_date ;;
  }

  dimension_group: submitted {
    type: time
    timeframes: [raw, time, hour, week, month]
    datatype: timestamp
    description: "When it was submitted"
    sql: ${TABLE}.submitted_at ;;
  }

  dimension_group: finished {
    type: time
    timeframes: [raw, time]
    datatype: timestamp
    description: "When its last attempt ended"
    sql: ${TABLE}.finished_at ;;
  }

  dimension: variants {
    type: number
    value_format_name: decimal_0
    description: "Variants with a row: succeeded or failed, replicates aside"
    sql: ${TABLE}.variants ;;
  }

  dimension: failed {
    type: number
    value_format_name: decimal_0
    description: "Rows of it that count as failed, replicates included"
    sql: ${TABLE}.failed ;;
  }

  dimension: core_hours {
    type: number
    value_format_name: decimal_2
    description: "How long its attempts took together, each on one core"
    sql: ${TABLE}.core_hours ;;
  }

  dimension: decisions {
    type: number
    value_format_name: decimal_0
    description: "Slots simulated, over all variants"
    sql: ${TABLE}.decisions ;;
  }

  measure: simulation_count {
    type: count
    label: "Simulations"
    drill_fields: [simulation_id, simulation_name, owner, submitted_time, variants, failed]
  }

  measure: total_core_hours {
    type: sum
    value_format_name: decimal_2
    sql: ${core_hours} ;;
  }

  measure: total_failed {
    type: sum
    value_format_name: decimal_0
    sql: ${failed} ;;
  }
}

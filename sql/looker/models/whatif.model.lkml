# The What-If Machine in Looker: results of simulations in BigQuery, by the same views that every other way of reading has.
#
# Table variant_results is partitioned by day and refuses a query without one. So each explore asks for one simulation, and its
# sql_always_where names the day that the simulation's id begins with: BigQuery reads that partition alone, whatever else is asked.
connection: "whatif"
label: "What-If Machine"

include: "/base/*.view.lkml"
include: "/views/*.view.lkml"
include: "/dashboards/*.dashboard.lookml"

# Results of a finished simulation don't change but by a retry.
datagroup: results {
  max_cache_age: "1 hour"
  description: "An hour, after which retried variants show"
}
persist_with: results

explore: simulations {
  label: "Simulations"
  description: "Which simulations there are, newest first; a click leads to the overview of one"
}

explore: comparison {
  label: "Variants against the baseline"
  description: "Each variant's figures beside their difference to the baseline: one row per variant"
  sql_always_where:
    ${comparison.simulation_id} = {% parameter comparison.simulation %}
    AND ${comparison.submitted_date} = SAFE.PARSE_DATE('%Y%m%d', SUBSTR({% parameter comparison.simulation %}, 1, 8)) ;;
  always_filter: {
    filters: [comparison.simulation: ""]
  }
}

explore: campaign_results {
  label: "Campaigns"
  description: "What each campaign got in each variant, where it lost slots, and the difference to the baseline"
  sql_always_where:
    ${campaign_results.simulation_id} = {% parameter campaign_results.simulation %}
    AND ${campaign_results.submitted_date} = SAFE.PARSE_DATE('%Y%m%d', SUBSTR({% parameter campaign_results.simulation %}, 1, 8)) ;;
  always_filter: {
    filters: [campaign_results.simulation: ""]
  }
}

explore: frequency {
  label: "Frequency"
  description: "How many users saw how many impressions, by variant"
  sql_always_where:
    ${frequency.simulation_id} = {% parameter frequency.simulation %}
    AND ${frequency.submitted_date} = SAFE.PARSE_DATE('%Y%m%d', SUBSTR({% parameter frequency.simulation %}, 1, 8)) ;;
  always_filter: {
    filters: [frequency.simulation: ""]
  }
}

explore: campaign_frequency {
  label: "Frequency of campaigns"
  description: "The same for each campaign"
  sql_always_where:
    ${campaign_frequency.simulation_id} = {% parameter campaign_frequency.simulation %}
    AND ${campaign_frequency.submitted_date} = SAFE.PARSE_DATE('%Y%m%d', SUBSTR({% parameter campaign_frequency.simulation %}, 1, 8)) ;;
  always_filter: {
    filters: [campaign_frequency.simulation: ""]
  }
}

explore: breakdown_results {
  label: "Breakdowns"
  description: "Slots, fill, revenue and reach by the values of the dimensions that the study reports"
  sql_always_where:
    ${breakdown_results.simulation_id} = {% parameter breakdown_results.simulation %}
    AND ${breakdown_results.submitted_date} = SAFE.PARSE_DATE('%Y%m%d', SUBSTR({% parameter breakdown_results.simulation %}, 1, 8)) ;;
  always_filter: {
    filters: [breakdown_results.simulation: ""]
  }
}

explore: group_results {
  label: "Groups of campaigns"
  description: "Campaigns added up by advertiser, category or label, each user counted once"
  sql_always_where:
    ${group_results.simulation_id} = {% parameter group_results.simulation %}
    AND ${group_results.submitted_date} = SAFE.PARSE_DATE('%Y%m%d', SUBSTR({% parameter group_results.simulation %}, 1, 8)) ;;
  always_filter: {
    filters: [group_results.simulation: ""]
  }
}

explore: contention {
  label: "Contention"
  description: "Who won the slots on which a campaign was outbid"
  sql_always_where:
    ${contention.simulation_id} = {% parameter contention.simulation %}
    AND ${contention.submitted_date} = SAFE.PARSE_DATE('%Y%m%d', SUBSTR({% parameter contention.simulation %}, 1, 8)) ;;
  always_filter: {
    filters: [contention.simulation: ""]
  }
}

explore: parameter_effects {
  label: "Effects of parameters"
  description: "What each value of each lever did to each figure, averaged over the other levers"
  sql_always_where:
    ${parameter_effects.simulation_id} = {% parameter parameter_effects.simulation %}
    AND ${parameter_effects.submitted_date} = SAFE.PARSE_DATE('%Y%m%d', SUBSTR({% parameter parameter_effects.simulation %}, 1, 8)) ;;
  always_filter: {
    filters: [parameter_effects.simulation: ""]
  }
}

explore: variant_metrics {
  label: "Metrics with intervals"
  description: "Every figure as a row of its own, with confidence intervals where the study has replicates"
  sql_always_where:
    ${variant_metrics.simulation_id} = {% parameter variant_metrics.simulation %}
    AND ${variant_metrics.submitted_date} = SAFE.PARSE_DATE('%Y%m%d', SUBSTR({% parameter variant_metrics.simulation %}, 1, 8)) ;;
  always_filter: {
    filters: [variant_metrics.simulation: ""]
  }
}

explore: variants {
  label: "Variants"
  description: "All about every variant's run: lineage, duration, figures, failures"
  sql_always_where:
    ${variants.simulation_id} = {% parameter variants.simulation %}
    AND ${variants.submitted_date} = SAFE.PARSE_DATE('%Y%m%d', SUBSTR({% parameter variants.simulation %}, 1, 8)) ;;
  always_filter: {
    filters: [variants.simulation: ""]
  }
}

explore: failures {
  label: "Failures"
  description: "Which variants failed, and why"
  sql_always_where:
    ${failures.simulation_id} = {% parameter failures.simulation %}
    AND ${failures.submitted_date} = SAFE.PARSE_DATE('%Y%m%d', SUBSTR({% parameter failures.simulation %}, 1, 8)) ;;
  always_filter: {
    filters: [failures.simulation: ""]
  }
}

explore: pareto {
  label: "Pareto front"
  description: "The variants that no other beats on two figures of your choice"
  sql_always_where:
    ${pareto.simulation_id} = {% parameter pareto.simulation %}
    AND ${pareto.submitted_date} = SAFE.PARSE_DATE('%Y%m%d', SUBSTR({% parameter pareto.simulation %}, 1, 8)) ;;
  always_filter: {
    filters: [pareto.simulation: ""]
  }
}

# Every variant beside the baseline
- dashboard: comparison
  title: "What-if: against the baseline"
  description: "Every variant beside the baseline"
  layout: newspaper
  preferred_viewer: dashboards-next
  filters:
    - name: Simulation
      title: Simulation
      type: field_filter
      default_value: ""
      required: true
      model: whatif
      explore: comparison
      field: comparison.simulation
  elements:
    - name: trade
      title: "Reach against revenue, relative to the baseline"
      model: whatif
      explore: comparison
      type: looker_scatter
      fields: [comparison.reach_relative_delta, comparison.variant_id, comparison.mean_revenue_relative_delta]
      hidden_fields: [comparison.variant_id]
      sorts: [comparison.reach_relative_delta]
      limit: 1001
      listen:
        Simulation: comparison.simulation
      row: 0
      col: 0
      width: 12
      height: 9
    - name: fill_trade
      title: "Fill rate against revenue"
      model: whatif
      explore: comparison
      type: looker_scatter
      fields: [comparison.fill_rate, comparison.variant_id, comparison.mean_revenue]
      hidden_fields: [comparison.variant_id]
      sorts: [comparison.fill_rate]
      limit: 1001
      listen:
        Simulation: comparison.simulation
      row: 0
      col: 12
      width: 12
      height: 9
    - name: table
      title: "All variants"
      model: whatif
      explore: comparison
      type: looker_grid
      fields: [comparison.variant_id, comparison.parameters, comparison.comparable, comparison.fill_rate, comparison.fill_rate_delta, comparison.reach, comparison.reach_relative_delta, comparison.average_frequency, comparison.revenue, comparison.revenue_relative_delta, comparison.ecpm, comparison.goals_met, comparison.goals_met_delta]
      sorts: [comparison.revenue desc]
      limit: 1001
      note_text: "comparable is no where snapshot, campaigns, engine, seed or currency are not the baseline's"
      listen:
        Simulation: comparison.simulation
      row: 9
      col: 0
      width: 24
      height: 12
    - name: intervals
      title: "Differences with their intervals"
      model: whatif
      explore: variant_metrics
      type: looker_grid
      fields: [variant_metrics.variant_id, variant_metrics.metric, variant_metrics.value, variant_metrics.baseline_value, variant_metrics.delta, variant_metrics.relative_delta, variant_metrics.ci_low, variant_metrics.ci_high, variant_metrics.replicates]
      sorts: [variant_metrics.variant_id, variant_metrics.metric]
      limit: 500
      note_text: "Intervals need 20 pairs of replicates: sweep.replicates of 21"
      listen:
        Simulation: variant_metrics.simulation
      row: 21
      col: 0
      width: 24
      height: 9

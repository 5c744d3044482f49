# One study at a glance: how far it is, what its levers do, which variants are worth a look
- dashboard: study_overview
  title: "What-if: study overview"
  description: "One study at a glance: how far it is, what its levers do, which variants are worth a look"
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
    - name: succeeded
      title: "Variants that succeeded"
      model: whatif
      explore: variants
      type: single_value
      fields: [variants.succeeded_count]
      listen:
        Simulation: variants.simulation
      row: 0
      col: 0
      width: 4
      height: 3
    - name: failed
      title: "Failed"
      model: whatif
      explore: variants
      type: single_value
      fields: [variants.failed_count]
      listen:
        Simulation: variants.simulation
      row: 0
      col: 4
      width: 4
      height: 3
    - name: fill
      title: "Fill rate of the baseline"
      model: whatif
      explore: comparison
      type: single_value
      fields: [comparison.baseline_fill_rate]
      listen:
        Simulation: comparison.simulation
      row: 0
      col: 8
      width: 4
      height: 3
    - name: reach
      title: "Reach of the baseline"
      model: whatif
      explore: comparison
      type: single_value
      fields: [comparison.baseline_reach]
      listen:
        Simulation: comparison.simulation
      row: 0
      col: 12
      width: 4
      height: 3
    - name: revenue
      title: "Revenue of the baseline"
      model: whatif
      explore: comparison
      type: single_value
      fields: [comparison.baseline_revenue]
      listen:
        Simulation: comparison.simulation
      row: 0
      col: 16
      width: 4
      height: 3
    - name: best
      title: "Most revenue against it"
      model: whatif
      explore: comparison
      type: single_value
      fields: [comparison.best_revenue_relative_delta]
      listen:
        Simulation: comparison.simulation
      row: 0
      col: 20
      width: 4
      height: 3
    - name: front
      title: "Pareto front: reach and revenue"
      model: whatif
      explore: pareto
      type: looker_scatter
      fields: [pareto.reach, pareto.variant_id, pareto.mean_revenue]
      hidden_fields: [pareto.variant_id]
      sorts: [pareto.reach]
      note_text: "No variant beats these on both"
      listen:
        Simulation: pareto.simulation
      row: 3
      col: 0
      width: 12
      height: 9
    - name: curves
      title: "What each lever does to revenue"
      model: whatif
      explore: parameter_effects
      type: looker_line
      fields: [parameter_effects.value_number, parameter_effects.parameter, parameter_effects.mean_effect]
      pivots: [parameter_effects.parameter]
      filters:
        parameter_effects.metric: "revenue"
      sorts: [parameter_effects.value_number]
      limit: 500
      note_text: "Mean over all values of the other levers"
      listen:
        Simulation: parameter_effects.simulation
      row: 3
      col: 12
      width: 12
      height: 9
    - name: unfilled
      title: "Why slots of the baseline stayed empty"
      model: whatif
      explore: variants
      type: looker_bar
      fields: [variants.total_unfilled_no_campaign_targeted, variants.total_unfilled_below_floor, variants.total_unfilled_unidentified, variants.total_unfilled_goal_reached, variants.total_unfilled_budget_spent, variants.total_unfilled_paced, variants.total_unfilled_frequency_capped, variants.total_unfilled_separated]
      filters:
        variants.variant_id: "baseline"
      listen:
        Simulation: variants.simulation
      row: 12
      col: 0
      width: 12
      height: 8
    - name: top
      title: "Most revenue"
      model: whatif
      explore: comparison
      type: looker_grid
      fields: [comparison.variant_id, comparison.parameters, comparison.revenue, comparison.revenue_relative_delta, comparison.reach_relative_delta, comparison.fill_rate_delta]
      sorts: [comparison.revenue desc]
      limit: 10
      listen:
        Simulation: comparison.simulation
      row: 12
      col: 12
      width: 12
      height: 8

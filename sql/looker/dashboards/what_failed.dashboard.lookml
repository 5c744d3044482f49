# Which variants have no result, why, and whether a retry is worth it
- dashboard: what_failed
  title: "What-if: what failed"
  description: "Which variants have no result, why, and whether a retry is worth it"
  layout: newspaper
  preferred_viewer: dashboards-next
  filters:
    - name: Simulation
      title: Simulation
      type: field_filter
      default_value: ""
      required: true
      model: whatif
      explore: failures
      field: failures.simulation
  elements:
    - name: count
      title: "Failed variants"
      model: whatif
      explore: failures
      type: single_value
      fields: [failures.failure_count]
      listen:
        Simulation: failures.simulation
      row: 0
      col: 0
      width: 8
      height: 3
    - name: retryable
      title: "Worth a retry"
      model: whatif
      explore: failures
      type: single_value
      fields: [failures.retryable_count]
      listen:
        Simulation: failures.simulation
      row: 0
      col: 8
      width: 8
      height: 3
    - name: succeeded
      title: "Succeeded"
      model: whatif
      explore: variants
      type: single_value
      fields: [variants.succeeded_count]
      listen:
        Simulation: variants.simulation
      row: 0
      col: 16
      width: 8
      height: 3
    - name: reasons
      title: "By reason"
      model: whatif
      explore: failures
      type: looker_bar
      fields: [failures.reason, failures.failure_count]
      sorts: [failures.failure_count desc]
      listen:
        Simulation: failures.simulation
      row: 3
      col: 0
      width: 12
      height: 8
    - name: slow
      title: "Longest running variants"
      model: whatif
      explore: variants
      type: looker_grid
      fields: [variants.variant_id, variants.status, variants.duration_ms, variants.state_bytes]
      sorts: [variants.duration_ms desc]
      limit: 20
      listen:
        Simulation: variants.simulation
      row: 3
      col: 12
      width: 12
      height: 8
    - name: table
      title: "All that failed"
      model: whatif
      explore: failures
      type: looker_grid
      fields: [failures.variant_id, failures.reason, failures.message, failures.retryable, failures.attempts, failures.first_failed_time, failures.last_failed_time]
      sorts: [failures.variant_id]
      limit: 1000
      listen:
        Simulation: failures.simulation
      row: 11
      col: 0
      width: 24
      height: 10

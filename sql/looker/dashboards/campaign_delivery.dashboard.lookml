# What each campaign delivers in a variant, and at which gate it lost the slots that it targeted
- dashboard: campaign_delivery
  title: "What-if: campaign delivery and losses"
  description: "What each campaign delivers in a variant, and at which gate it lost the slots that it targeted"
  layout: newspaper
  preferred_viewer: dashboards-next
  filters:
    - name: Simulation
      title: Simulation
      type: field_filter
      default_value: ""
      required: true
      model: whatif
      explore: campaign_results
      field: campaign_results.simulation
    - name: Variant
      title: Variant
      type: field_filter
      default_value: "baseline"
      required: false
      model: whatif
      explore: campaign_results
      field: campaign_results.variant_id
  elements:
    - name: campaigns
      title: "Campaigns"
      model: whatif
      explore: campaign_results
      type: single_value
      fields: [campaign_results.campaign_count]
      listen:
        Simulation: campaign_results.simulation
        Variant: campaign_results.variant_id
      row: 0
      col: 0
      width: 6
      height: 3
    - name: impressions
      title: "Impressions"
      model: whatif
      explore: campaign_results
      type: single_value
      fields: [campaign_results.total_impressions]
      listen:
        Simulation: campaign_results.simulation
        Variant: campaign_results.variant_id
      row: 0
      col: 6
      width: 6
      height: 3
    - name: spend
      title: "Spend"
      model: whatif
      explore: campaign_results
      type: single_value
      fields: [campaign_results.total_spend]
      listen:
        Simulation: campaign_results.simulation
        Variant: campaign_results.variant_id
      row: 0
      col: 12
      width: 6
      height: 3
    - name: delivery
      title: "Mean delivery of goals"
      model: whatif
      explore: campaign_results
      type: single_value
      fields: [campaign_results.mean_delivery_rate]
      listen:
        Simulation: campaign_results.simulation
        Variant: campaign_results.variant_id
      row: 0
      col: 18
      width: 6
      height: 3
    - name: losses
      title: "Where targeted slots were lost"
      model: whatif
      explore: campaign_results
      type: looker_bar
      fields: [campaign_results.campaign_id, campaign_results.total_lost_floor, campaign_results.total_lost_identity, campaign_results.total_after_goal, campaign_results.total_lost_budget, campaign_results.total_lost_pacing, campaign_results.total_lost_frequency, campaign_results.total_lost_separation, campaign_results.total_outbid]
      sorts: [campaign_results.total_outbid desc]
      limit: 25
      note_text: "Needs report.losses in the configuration"
      stacking: normal
      listen:
        Simulation: campaign_results.simulation
        Variant: campaign_results.variant_id
      row: 3
      col: 0
      width: 12
      height: 10
    - name: under
      title: "Behind their goals"
      model: whatif
      explore: campaign_results
      type: looker_bar
      fields: [campaign_results.campaign_id, campaign_results.mean_delivery_rate]
      sorts: [campaign_results.mean_delivery_rate]
      limit: 25
      listen:
        Simulation: campaign_results.simulation
        Variant: campaign_results.variant_id
      row: 3
      col: 12
      width: 12
      height: 10
    - name: table
      title: "All campaigns"
      model: whatif
      explore: campaign_results
      type: looker_grid
      fields: [campaign_results.campaign_id, campaign_results.advertiser, campaign_results.priority, campaign_results.impressions, campaign_results.impressions_delta, campaign_results.reach, campaign_results.reach_delta, campaign_results.average_frequency, campaign_results.spend, campaign_results.spend_delta, campaign_results.delivery_rate, campaign_results.delivery_rate_delta, campaign_results.budget_utilisation, campaign_results.win_rate, campaign_results.share_of_matched]
      sorts: [campaign_results.spend desc]
      limit: 500
      listen:
        Simulation: campaign_results.simulation
        Variant: campaign_results.variant_id
      row: 13
      col: 0
      width: 24
      height: 10
    - name: who
      title: "Who won instead"
      model: whatif
      explore: contention
      type: looker_grid
      fields: [contention.campaign_id, contention.winner_id, contention.slots, contention.slots_delta]
      sorts: [contention.slots desc]
      limit: 100
      note_text: "Needs report.contention in the configuration"
      listen:
        Simulation: contention.simulation
        Variant: contention.variant_id
      row: 23
      col: 0
      width: 24
      height: 8

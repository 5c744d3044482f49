# How often users see ads, in the baseline and in the variants
- dashboard: frequency_distribution
  title: "What-if: frequency distribution"
  description: "How often users see ads, in the baseline and in the variants"
  layout: newspaper
  preferred_viewer: dashboards-next
  filters:
    - name: Simulation
      title: Simulation
      type: field_filter
      default_value: ""
      required: true
      model: whatif
      explore: frequency
      field: frequency.simulation
    - name: Variant
      title: Variant
      type: field_filter
      default_value: "baseline,v0001"
      required: false
      model: whatif
      explore: frequency
      field: frequency.variant_id
  elements:
    - name: histogram
      title: "Users by impressions seen"
      model: whatif
      explore: frequency
      type: looker_column
      fields: [frequency.frequency, frequency.variant_id, frequency.total_users]
      pivots: [frequency.variant_id]
      sorts: [frequency.frequency]
      limit: 500
      note_text: "20: twenty or more"
      listen:
        Simulation: frequency.simulation
        Variant: frequency.variant_id
      row: 0
      col: 0
      width: 12
      height: 9
    - name: kplus
      title: "Users who saw so many or more"
      model: whatif
      explore: frequency
      type: looker_line
      fields: [frequency.frequency, frequency.variant_id, frequency.total_k_plus_users]
      pivots: [frequency.variant_id]
      sorts: [frequency.frequency]
      limit: 500
      listen:
        Simulation: frequency.simulation
        Variant: frequency.variant_id
      row: 0
      col: 12
      width: 12
      height: 9
    - name: means
      title: "Mean frequency against reach, by variant"
      model: whatif
      explore: comparison
      type: looker_scatter
      fields: [comparison.reach, comparison.variant_id, comparison.mean_average_frequency]
      hidden_fields: [comparison.variant_id]
      sorts: [comparison.reach]
      limit: 1001
      listen:
        Simulation: comparison.simulation
      row: 9
      col: 0
      width: 12
      height: 9
    - name: campaigns
      title: "The same for each campaign"
      model: whatif
      explore: campaign_frequency
      type: looker_grid
      fields: [campaign_frequency.campaign_id, campaign_frequency.variant_id, campaign_frequency.frequency, campaign_frequency.users, campaign_frequency.share_of_reach]
      sorts: [campaign_frequency.campaign_id, campaign_frequency.variant_id, campaign_frequency.frequency]
      limit: 1000
      listen:
        Simulation: campaign_frequency.simulation
        Variant: campaign_frequency.variant_id
      row: 9
      col: 12
      width: 12
      height: 9

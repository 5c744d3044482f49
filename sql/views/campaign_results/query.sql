-- What each enabled campaign got out of each variant, and what changed against the baseline.
{{deltas "campaign_entries" "campaign_id"}}

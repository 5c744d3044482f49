-- Slots by the value of a dimension (null: missing), and what changed against the baseline.
{{deltas "breakdown_entries" "dimension" "value"}}

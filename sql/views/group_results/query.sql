-- Campaigns added up by a report group (advertiser, category, ...); reach counts a user once.
{{deltas "group_entries" "group" "value"}}

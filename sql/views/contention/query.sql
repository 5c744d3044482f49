-- Who won the slots on which a campaign was outbid: at most ten winners a campaign are recorded. A
-- winner that the baseline doesn't list may stand below its tenth, so its delta is null, not its count.
{{deltas "contention_entries" "campaign_id" "winner_id"}}

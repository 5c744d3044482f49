-- The nested results of the rows that count and succeeded. UNNEST stands in the SELECT lists of the
-- views above it: as a lateral join it took 87 s where this takes 5 (1,000 variants of 1,000 campaigns).
SELECT
  counted.simulation_id,
  counted.submitted_date,
  counted.variant_id,
  counted.replicate,
  counted.point,
  variant_results.campaigns,
  variant_results.groups,
  variant_results.breakdowns
FROM variant_results
INNER JOIN counted USING (simulation_id, variant_id, attempt)
WHERE counted.status = 'succeeded'

-- The nested results of the rows that count and succeeded: counted, which is kept in memory, says which.
SELECT
  counted.simulation_id,
  counted.submitted_date,
  counted.variant_id,
  counted.replicate,
  counted.point,
  attempt.campaigns,
  attempt.groups,
  attempt.breakdowns
FROM {{view "variant_results"}} AS attempt
INNER JOIN {{view "counted"}} AS counted USING (simulation_id, variant_id, attempt)
WHERE counted.status = 'succeeded'

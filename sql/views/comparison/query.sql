-- Each succeeded variant beside its baseline, one row a variant: the table a study is read by.
SELECT * {{except}} (metrics)
FROM {{view "compared"}}

SELECT
{{- range .Columns}}
  {{name .}},
{{- end}}
{{- range $i, $c := .Deltas}}{{if $i}},{{end}}
  {{name $c}} - MAX(CASE WHEN point = 'baseline' THEN {{name $c}} END) OVER same_entry AS {{$c}}_delta
{{- end}}
FROM {{view .Of}}
-- The baseline of the same replicate; without one, or without this entry in it, deltas are null. A
-- window, because a filter on the day of submission reaches the table through PARTITION BY, and what a
-- join would have beside it through nothing that is documented.
WINDOW same_entry AS (
  PARTITION BY simulation_id, submitted_date, replicate{{range .Keys}}, {{name .}}{{end}}
)

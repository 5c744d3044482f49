SELECT
{{- range .Columns}}
  entry.{{name .}},
{{- end}}
{{- range $i, $c := .Deltas}}{{if $i}},{{end}}
  entry.{{name $c}} - baseline.{{name $c}} AS {{$c}}_delta
{{- end}}
FROM {{view .Of}} AS entry
-- The baseline of the same replicate; without one, or without this entry in it, deltas are null. Its
-- entries are read by themselves: a window over all entries, or naming a common expression of them
-- twice, would keep every variant's in memory.
LEFT JOIN {{view .Of}} AS baseline
  ON baseline.point = 'baseline'
  AND entry.simulation_id = baseline.simulation_id
  AND entry.submitted_date = baseline.submitted_date
  AND entry.replicate = baseline.replicate
{{- range .Keys}}
  AND entry.{{name .}} IS NOT DISTINCT FROM baseline.{{name .}}
{{- end}}

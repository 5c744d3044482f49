'{' || COALESCE((
    SELECT
      STRING_AGG(
        TO_JSON_STRING(p.name) || ':' || CASE WHEN p.number IS NULL THEN TO_JSON_STRING(p.text) ELSE p.text END,
        ',' ORDER BY place
      )
    FROM UNNEST(parameters) AS p WITH OFFSET AS place
  ), '') || '}'

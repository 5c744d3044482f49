'{' || COALESCE(ARRAY_TO_STRING(
    LIST_TRANSFORM(
      parameters,
      LAMBDA p: CAST(TO_JSON(p.name) AS VARCHAR) || ':'
      || CASE WHEN p.number IS NULL THEN CAST(TO_JSON(p.text) AS VARCHAR) ELSE p.text END
    ),
    ','
  ), '') || '}'

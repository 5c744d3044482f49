package matcher_test

// implementations are held to the same studies.
var implementations = map[string]simulate{"reference": reference, "engine": production}

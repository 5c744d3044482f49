package sql

import (
	"strings"
	"testing"
)

// TestParseDataset goes by BigQuery's documents. A project's id has 6 to 30 lower-case letters, digits and
// hyphens, begins with a letter, does not end with a hyphen, and may stand behind a domain and a colon; a
// dataset's name has up to 1,024 letters, digits and underscores.
func TestParseDataset(t *testing.T) {
	long := strings.Repeat("d", 1024)
	for text, want := range map[string]Dataset{
		"my-project.whatif":                       {"my-project", "whatif"},
		"example.com:my-project.whatif":           {"example.com:my-project", "whatif"},
		"abcdef._1":                               {"abcdef", "_1"},
		"a" + strings.Repeat("0", 29) + ".whatif": {"a" + strings.Repeat("0", 29), "whatif"},
		"my-project." + long:                      {"my-project", long},
	} {
		got, err := ParseDataset(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("%.60s: %.60v, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "whatif", "my-project.", ".whatif", "my-project:whatif", "my-project.a-b", "my-project.whatif.t", "my-project.whatif\n", "`my-project.whatif`",
		"abcde.whatif", "a" + strings.Repeat("0", 30) + ".whatif", "1-project.whatif", "my-project-.whatif", "My-Project.whatif", "my-project." + long + "d",
	} {
		if got, err := ParseDataset(text); err == nil || !strings.Contains(err.Error(), "PROJECT.DATASET") {
			t.Errorf("%.60q: %.60v, %v", text, got, err)
		}
	}
}

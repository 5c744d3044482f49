package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// good is a workload as we ask for it.
const good = `apiVersion: apps/v1
kind: StatefulSet
metadata: {name: a}
spec:
  selector: {matchLabels: {app: a}}
  template:
    metadata: {labels: {app: a}}
    spec:
      automountServiceAccountToken: false
      securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
      containers:
        - name: a
          image: whatif
          env: [{name: WHATIF_LISTEN, value: "0.0.0.0:8080"}]
          ports: [{name: http, containerPort: 8080}]
          livenessProbe: {httpGet: {path: /healthz, port: http}}
          resources: {requests: {cpu: "1", memory: 1Gi}, limits: {memory: 1Gi}}
          securityContext: {readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
---
apiVersion: v1
kind: Service
metadata: {name: a}
spec: {selector: {app: a}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data: {WHATIF_STORE: "sqlite:a"}
`

// TestMistakes spoils the good one in one place each.
func TestMistakes(t *testing.T) {
	tell := func(text string) string {
		file := filepath.Join(t.TempDir(), "a.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := check([]string{"WHATIF_LISTEN", "WHATIF_STORE"}, []string{file}); err != nil {
			return err.Error()
		}
		return ""
	}
	if text := tell(good); text != "" {
		t.Fatal(text)
	}
	for _, c := range []struct{ old, new, want string }{
		{"livenessProbe", "livenesProbe", "unknown field"},
		{"containerPort: 8080", "containerPort: http", "cannot unmarshal string"},
		{"kind: Service", "kind: Sevrice", "no kind"},
		{"runAsNonRoot: true", "runAsNonRoot: false", "runAsNonRoot"},
		{"readOnlyRootFilesystem: true, ", "", "readOnlyRootFilesystem"},
		{"memory: 1Gi}, limits", "memory: 0}, limits", "not bounded"},
		{"image: whatif", "image: example.com/whatif:latest", "no version"},
		{"WHATIF_LISTEN", "WHATIF_LISTNE", "no setting"},
		{"data: {WHATIF_STORE", "data: {WHATIF_SHOP", "no setting"},
		{"path: /healthz, port: http", "path: /healthz, port: htp", "doesn't have"},
		{"targetPort: http", "targetPort: htp", "no port"},
		{"selector: {app: a}", "selector: {app: b}", "selects no pod"},
		{"automountServiceAccountToken: false", "automountServiceAccountToken: true", "token"},
	} {
		if text := tell(strings.Replace(good, c.old, c.new, 1)); !strings.Contains(text, c.want) {
			t.Errorf("%s for %s: %q does not say %q", c.new, c.old, text, c.want)
		}
	}
}

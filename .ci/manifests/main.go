// Command manifests holds the files of deploy/ to the types of the APIs that read them: every field there is, of the right
// type, once. And to what we ask of them ourselves: nothing runs as root or may write its image, each image has a tag, each
// WHATIF_ variable is a setting of the launcher, and what refers to something else by label or port finds it.
//
//	manifests SETTINGS_FOLDER FILE..
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	run "google.golang.org/api/run/v1"
	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// kinds makes a value of each kind that there may be.
var kinds = map[string]func() any{
	"v1 Namespace":                       func() any { return new(core.Namespace) },
	"v1 ServiceAccount":                  func() any { return new(core.ServiceAccount) },
	"v1 Service":                         func() any { return new(core.Service) },
	"v1 ConfigMap":                       func() any { return new(core.ConfigMap) },
	"apps/v1 StatefulSet":                func() any { return new(apps.StatefulSet) },
	"apps/v1 Deployment":                 func() any { return new(apps.Deployment) },
	"batch/v1 Job":                       func() any { return new(batch.Job) },
	"policy/v1 PodDisruptionBudget":      func() any { return new(policy.PodDisruptionBudget) },
	"networking.k8s.io/v1 NetworkPolicy": func() any { return new(networking.NetworkPolicy) },
	"serving.knative.dev/v1 Service":     func() any { return new(run.Service) },
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: manifests SETTINGS_FOLDER FILE..")
		os.Exit(2)
	}
	settings, err := settingsIn(os.Args[1])
	if err == nil {
		err = check(settings, os.Args[2:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("%d manifests are well\n", len(os.Args)-2)
}

// flagName finds the settings of the launcher in its own source.
var flagName = regexp.MustCompile(`(?m)\bf\.(?:\w*Var)\([^"\n]*"([a-z-]+)"`)

// settingsIn are the launcher's settings as variables, by the source of the command.
func settingsIn(folder string) ([]string, error) {
	var names []string
	for _, file := range []string{"settings.go", "elsewhere.go"} {
		source, err := os.ReadFile(filepath.Join(folder, file))
		if errors.Is(err, os.ErrNotExist) && file != "settings.go" {
			continue
		} else if err != nil {
			return nil, err
		}
		for _, match := range flagName.FindAllStringSubmatch(string(source), -1) {
			names = append(names, "WHATIF_"+strings.ToUpper(strings.ReplaceAll(match[1], "-", "_")))
		}
	}
	if len(names) < 20 {
		return nil, fmt.Errorf("%s: only %d settings found", folder, len(names))
	}
	return names, nil
}

// check reads all files, so that what one refers to may be in another, and tells every mistake at once.
func check(settings, files []string) error {
	var all []object
	var wrong error
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		objects, err := decode(file, string(text))
		all, wrong = append(all, objects...), errors.Join(wrong, err)
	}
	for _, o := range all {
		wrong = errors.Join(wrong, o.rules(settings), o.references(all))
	}
	return wrong
}

// object is one document of a file.
type object struct {
	file string
	meta.TypeMeta
	value any
}

var separator = regexp.MustCompile(`(?m)^---\s*$`)

// decode reads the documents of a file strictly: unknown and doubled fields are mistakes.
func decode(file, text string) (objects []object, wrong error) {
	for _, document := range separator.Split(text, -1) {
		o := object{file: file}
		if err := yaml.Unmarshal([]byte(document), &o.TypeMeta); err != nil {
			wrong = errors.Join(wrong, fmt.Errorf("%s: %w", file, err))
			continue
		}
		make, known := kinds[o.APIVersion+" "+o.Kind]
		if !known {
			wrong = errors.Join(wrong, fmt.Errorf("%s: there is no kind %q of %q here", file, o.Kind, o.APIVersion))
			continue
		}
		o.value = make()
		if err := yaml.UnmarshalStrict([]byte(document), o.value); err != nil {
			wrong = errors.Join(wrong, fmt.Errorf("%s: %s: %w", file, o.Kind, err))
			continue
		}
		objects = append(objects, o)
	}
	return objects, wrong
}

// pod is the pod that an object makes, nil for none.
func (o object) pod() *core.PodTemplateSpec {
	switch v := o.value.(type) {
	case *apps.StatefulSet:
		return &v.Spec.Template
	case *apps.Deployment:
		return &v.Spec.Template
	case *batch.Job:
		return &v.Spec.Template
	}
	return nil
}

// rules are what we ask of everything that runs.
func (o object) rules(settings []string) (wrong error) {
	bad := func(format string, args ...any) {
		wrong = errors.Join(wrong, fmt.Errorf("%s: %s: %s", o.file, o.Kind, fmt.Sprintf(format, args...)))
	}
	if config, ok := o.value.(*core.ConfigMap); ok {
		for name := range config.Data {
			checkVariable(settings, name, bad)
		}
	}
	if service, ok := o.value.(*run.Service); ok {
		for _, c := range service.Spec.Template.Spec.Containers {
			checkImage(c.Image, bad)
			for _, e := range c.Env {
				checkVariable(settings, e.Name, bad)
			}
		}
	}
	pod := o.pod()
	if pod == nil {
		return wrong
	}
	if c := pod.Spec.SecurityContext; c == nil || c.RunAsNonRoot == nil || !*c.RunAsNonRoot || c.SeccompProfile == nil {
		bad("the pod is not held to runAsNonRoot and a seccomp profile")
	}
	if a := pod.Spec.AutomountServiceAccountToken; a == nil || *a {
		bad("the pod is given a token of the cluster, which it has no use for")
	}
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		if s := c.SecurityContext; s == nil || s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem ||
			s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation || s.Capabilities == nil || !slices.Contains(s.Capabilities.Drop, "ALL") {
			bad("container %s: readOnlyRootFilesystem, no privilege escalation and no capabilities are asked for", c.Name)
		}
		if c.Resources.Requests.Cpu().IsZero() || c.Resources.Requests.Memory().IsZero() || c.Resources.Limits.Memory().IsZero() {
			bad("container %s: its CPU and memory are not bounded", c.Name)
		}
		checkImage(c.Image, bad)
		for _, e := range c.Env {
			checkVariable(settings, e.Name, bad)
		}
		checkProbes(c, bad)
	}
	return wrong
}

// ours are the names that kustomize gives their registry and tag.
var ours = []string{"whatif", "whatif-worker"}

func checkImage(image string, bad func(string, ...any)) {
	name, tag, _ := strings.Cut(image[strings.LastIndex(image, "/")+1:], ":")
	if !slices.Contains(ours, image) && (name == "" || tag == "" || tag == "latest") {
		bad("image %q names no version", image)
	}
}

func checkVariable(settings []string, name string, bad func(string, ...any)) {
	if strings.HasPrefix(name, "WHATIF_") && !slices.Contains(settings, name) {
		bad("%s is no setting of the launcher", name)
	}
}

// checkProbes has each probe ask a port that the container names.
func checkProbes(c core.Container, bad func(string, ...any)) {
	for _, p := range []*core.Probe{c.StartupProbe, c.LivenessProbe, c.ReadinessProbe} {
		if p == nil || p.HTTPGet == nil {
			continue
		}
		if !slices.ContainsFunc(c.Ports, func(port core.ContainerPort) bool { return port.Name == p.HTTPGet.Port.StrVal }) {
			bad("container %s: a probe asks port %q, which it doesn't have", c.Name, p.HTTPGet.Port.String())
		}
	}
}

// references have everything that selects pods find some, and services a port of theirs.
func (o object) references(all []object) error {
	var selector *meta.LabelSelector
	var ports []string
	switch v := o.value.(type) {
	case *core.Service:
		selector = &meta.LabelSelector{MatchLabels: v.Spec.Selector}
		for _, p := range v.Spec.Ports {
			ports = append(ports, p.TargetPort.StrVal)
		}
	case *policy.PodDisruptionBudget:
		selector = v.Spec.Selector
	case *networking.NetworkPolicy:
		selector = &v.Spec.PodSelector
	case *apps.StatefulSet:
		selector = v.Spec.Selector
	case *apps.Deployment:
		selector = v.Spec.Selector
	default:
		return nil
	}
	chosen, err := meta.LabelSelectorAsSelector(selector)
	if err != nil {
		return fmt.Errorf("%s: %s: %w", o.file, o.Kind, err)
	}
	found := false
	for _, other := range all {
		pod := other.pod()
		if pod == nil || !chosen.Matches(labelSet(pod.Labels)) {
			continue
		}
		found = true
		for _, port := range ports {
			if !slices.ContainsFunc(pod.Spec.Containers, func(c core.Container) bool {
				return slices.ContainsFunc(c.Ports, func(p core.ContainerPort) bool { return p.Name == port })
			}) {
				return fmt.Errorf("%s: %s: its pods have no port %q", o.file, o.Kind, port)
			}
		}
	}
	if !found {
		return fmt.Errorf("%s: %s: it selects no pod of these files: %s", o.file, o.Kind, chosen)
	}
	return nil
}

// labelSet lets a selector look at a pod's labels.
type labelSet map[string]string

func (l labelSet) Has(name string) bool   { _, ok := l[name]; return ok }
func (l labelSet) Get(name string) string { return l[name] }
func (l labelSet) Lookup(name string) (string, bool) {
	value, ok := l[name]
	return value, ok
}

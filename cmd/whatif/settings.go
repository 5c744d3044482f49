package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/whatif-machine/whatif/launcher"
	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/pipeline"
)

// settings are what `serve` can be told: each by its flag, else by the environment (WHATIF_ and the
// flag's name in capitals), else by a line of the file of --config, else its default. Commands that act
// on the launcher's store share them, so that they find the same store in the same way.
type settings struct {
	launcher.Config
	file       string // of --config
	secretFile string
	logFormat  string
	logLevel   string
	labels     []string // of jobs elsewhere

	all *pflag.FlagSet // every setting, whatever part of them a command has as flags
}

// secret is the one setting that is no flag: every user of a machine can read command lines.
const secretSetting = "webhook-secret"

func newSettings() *settings {
	s := &settings{all: (&cobra.Command{}).Flags()}
	f := s.all
	f.StringVar(&s.Listen, "listen", "127.0.0.1:8080", "host:port to answer on; port 0: any that is free; other than loopback only with keys")
	f.StringVar(&s.Store, "store", "", "sqlite:PATH or postgres://USER@HOST/DATABASE (default: a file in the results folder)")
	f.StringVar(&s.Results, "results", defaultResults(), "folder of the result store")
	f.StringArrayVar(&s.InputRoots, "input-root", nil, "folder or gs://bucket/prefix that configurations may read from; repeat it for several (default: uploads only)")
	f.StringVar(&s.Name, "name", "", "of this launcher among those of its store (default: the host's, on PostgreSQL with a random suffix)")
	f.BoolVar(&s.AcceptOnly, "accept-only", false, "take submissions and answer, but leave running to other launchers of the store")
	f.IntVar(&s.Parallelism, "parallelism", 0, "variants at a time over all simulations (default: one a core)")
	f.IntVar(&s.MaxRunning, "max-running", 8, "simulations at a time")
	f.Var(sizeFlag{&s.MemoryBytes}, "memory", "state that variants in flight may hold together, such as 2GiB (default: half of what is free)")
	f.StringArrayVar(&s.AllowedHosts, "allowed-host", nil, "Host that requests may name, beside loopback and the address listened on; repeat it for several")
	f.StringArrayVar(&s.AllowedOrigins, "allowed-origin", nil, "origin whose pages may post, such as https://ads.example.com; repeat it for several")
	f.StringVar(&s.Limiter, "limiter", "", "redis://HOST:PORT that counts requests for several launchers (default: each counts its own)")
	f.StringArrayVar(&s.WebhookHosts, "webhook-host", nil, "host that may be told of finished simulations; repeat it for several (default: no webhooks)")
	f.StringVar(&s.WebhookSecret, secretSetting, "", "root of the tenants' signing secrets")
	f.StringVar(&s.secretFile, "webhook-secret-file", "", "file with the root of the tenants' signing secrets (or environment: WHATIF_WEBHOOK_SECRET)")
	s.MaxUploadBytes, s.MaxMemoryBytes = 64<<20, 448<<20
	f.Var(sizeFlag{&s.MaxUploadBytes}, "max-upload", "largest upload")
	f.Var(sizeFlag{&s.MaxMemoryBytes}, "max-memory", "memory of the launcher's own process above which it refuses work for a moment")
	f.DurationVar(&s.Lease, "lease", 10*time.Second, "after which another launcher takes over what a dead one ran")
	f.StringVar(&s.Runner, "runner", "", "of studies that name none: "+strings.Join(pipeline.Runners(), ", ")+" (default: direct)")
	s.addElsewhere(f)
	f.StringVar(&s.LoadTo.Dataset, "load-to", "", "PROJECT.DATASET of BigQuery that results are loaded into when simulations have ended (default: nowhere)")
	f.StringVar(&s.LoadTo.Staging, "load-staging", "", "gs:// prefix that results in a folder are uploaded to for that")
	f.StringVar(&s.LoadTo.Endpoint, "bigquery-endpoint", "", "URL of the BigQuery API (default: Google's)")
	f.StringArrayVar(&s.JobCommand, "job-command", nil, "program of a job's process and its arguments, one a flag (default: this program)")
	f.StringVar(&s.Simulator, "simulator", "", "name of a registered simulator (default: the engine)")
	f.StringVar(&s.logFormat, "log-format", "", "text or json (default: text on a terminal, else json)")
	f.StringVar(&s.logLevel, "log-level", "info", "debug, info, warn or error")
	f.StringVar(&s.file, "config", "", "YAML file with any of these settings, by the flags' names")
	return s
}

// flagsOf gives a command flags for settings; without names for all that may be flags.
func (s *settings) flagsOf(cmd *cobra.Command, names ...string) {
	for _, name := range names {
		cmd.Flags().AddFlag(s.all.Lookup(name))
	}
	if len(names) == 0 {
		s.all.VisitAll(func(f *pflag.Flag) {
			if f.Name != secretSetting {
				cmd.Flags().AddFlag(f)
			}
		})
	}
}

// environmentName is the variable of a setting.
func environmentName(setting string) string {
	return "WHATIF_" + strings.ToUpper(strings.ReplaceAll(setting, "-", "_"))
}

// settle fills in what the flags left open and checks the whole. Mistakes of the file are
// model.Problems, all at once.
func (s *settings) settle() error {
	if err := s.passwordOnTheLine(); err != nil {
		return err
	}
	if err := s.fill(func(string) bool { return true }); err != nil {
		return err
	}
	return s.check()
}

// fill takes those settings that a command wants from environment and file.
func (s *settings) fill(wanted func(name string) bool) error {
	if path := os.Getenv(environmentName("config")); s.file == "" {
		s.file = path
	}
	var entries map[string]entry
	if s.file != "" {
		var err error
		if entries, err = s.readFile(s.file); err != nil {
			return err
		}
	}
	var problems model.Problems
	var wrong error
	s.all.VisitAll(func(f *pflag.Flag) {
		if f.Changed || f.Name == "config" || !wanted(f.Name) {
			return
		}
		if text := os.Getenv(environmentName(f.Name)); text != "" {
			if err := set(f, splitList(f, text)); err != nil {
				wrong = errors.Join(wrong, usage("%s: %w", environmentName(f.Name), err))
			}
		} else if e, ok := entries[f.Name]; ok {
			if err := set(f, e.values); err != nil {
				problems = append(problems, model.Problem{Position: e.at, Message: err.Error()})
			}
		}
	})
	return errors.Join(problems.Err(), wrong)
}

// splitList takes a variable apart that holds a list: at commas.
func splitList(f *pflag.Flag, text string) []string {
	if _, list := f.Value.(pflag.SliceValue); list {
		return strings.Split(text, ",")
	}
	return []string{text}
}

// set gives a setting its values: one, or for a list any number.
func set(f *pflag.Flag, values []string) error {
	if list, ok := f.Value.(pflag.SliceValue); ok {
		return list.Replace(values)
	}
	if len(values) != 1 {
		return fmt.Errorf("takes one value, not a list of %d", len(values))
	}
	if err := f.Value.Set(values[0]); err != nil {
		return fmt.Errorf("%q is no value of it: %s", values[0], strconvNoise.ReplaceAllString(err.Error(), ""))
	}
	return nil
}

// passwordOnTheLine refuses addresses with a password as flags.
func (s *settings) passwordOnTheLine() error {
	for _, name := range []string{"store", "limiter"} {
		f := s.all.Lookup(name)
		if u, err := url.Parse(f.Value.String()); err == nil && f.Changed {
			if _, has := u.User.Password(); has {
				return usage("--%s: every user of this machine could read the password; put the address into %s or the file of --config", name, environmentName(name))
			}
		}
	}
	return nil
}

// check refuses values that make no sense, and reads the secret.
func (s *settings) check() error {
	switch {
	case s.Parallelism < 0 || s.Parallelism > maxParallelism:
		return usage("--parallelism %d is not between 1 and %d (0: one a core)", s.Parallelism, maxParallelism)
	case s.MaxRunning < 1:
		return usage("--max-running %d: at least one simulation runs at a time", s.MaxRunning)
	case s.Lease < time.Second || s.Lease > 10*time.Minute:
		return usage("--lease %s is not between 1s and 10m", s.Lease)
	case s.logFormat != "" && s.logFormat != "text" && s.logFormat != "json":
		return usage("--log-format %q is not text or json", s.logFormat)
	case s.WebhookSecret != "" && s.secretFile != "":
		return usage("the webhook secret is given twice: by %s and by --webhook-secret-file", environmentName(secretSetting))
	}
	if _, err := levelOf(s.logLevel); err != nil {
		return err
	}
	if err := errors.Join(knownRunner("--runner", s.Runner), s.checkElsewhere()); err != nil {
		return err
	}
	if s.secretFile != "" {
		secret, err := readSecret(s.secretFile)
		if err != nil {
			return usage("--webhook-secret-file: %w", err)
		}
		s.WebhookSecret = secret
	}
	if len(s.WebhookHosts) > 0 && s.WebhookSecret == "" {
		return usage("--webhook-host needs a secret to sign with: --webhook-secret-file FILE, or %s", environmentName(secretSetting))
	}
	return nil
}

// minSecret is the shortest root of signing secrets: 128 bits as hex.
const minSecret = 32

// readSecret reads a secret from a file that only its owner can read.
func readSecret(path string) (secret string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%s can be read by others (mode %04o); chmod 600 it", path, info.Mode().Perm())
	}
	text, err := io.ReadAll(io.LimitReader(f, 4096))
	if err != nil {
		return "", err
	}
	secret = strings.TrimSpace(string(text))
	if len(secret) < minSecret {
		return "", fmt.Errorf("%s has %d characters; a secret has at least %d, such as of `openssl rand -hex 32`", path, len(secret), minSecret)
	}
	return secret, nil
}

// sizeFlag is a number of bytes as people write it: 512MiB.
type sizeFlag struct{ bytes *int64 }

// Type is what help calls the value.
func (sizeFlag) Type() string { return "size" }

func (f sizeFlag) String() string {
	if f.bytes == nil || *f.bytes == 0 {
		return ""
	}
	return strings.Replace(strings.Replace(bytes(*f.bytes), ".0 ", " ", 1), " ", "", 1)
}

// sizeUnits are the units of sizes; a bare number is bytes.
var sizeUnits = []struct {
	name  string
	bytes float64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}}

// Set reads a size.
func (f sizeFlag) Set(text string) error {
	number, unit := strings.TrimSpace(text), 1.0
	for _, u := range sizeUnits {
		if rest, ok := strings.CutSuffix(number, u.name); ok {
			number, unit = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	value, err := strconv.ParseFloat(number, 64)
	if err != nil || !(value*unit >= 1 && value*unit < 1<<60) {
		return fmt.Errorf("a size is a number with a unit, such as 512MiB or 2GiB")
	}
	*f.bytes = int64(value * unit)
	return nil
}

// levelOf reads the name of a log level.
func levelOf(name string) (level slog.Level, err error) {
	if err := level.UnmarshalText([]byte(name)); err != nil || strings.ContainsAny(name, "+-") {
		return level, usage("--log-level %q is not debug, info, warn or error", name)
	}
	return level, nil
}

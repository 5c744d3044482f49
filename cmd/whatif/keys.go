package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/whatif-machine/whatif/launcher/access"
	"github.com/whatif-machine/whatif/launcher/hooks"
	"github.com/whatif-machine/whatif/launcher/store"
)

func (c *console) keysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "API keys of a launcher and what they may do how often",
		Long: `keys acts on the launcher's store itself, also while launchers use it; what it changes acts on them within a second. As long as a
store has no key, its launcher answers everybody, on loopback only. The first key closes it, for good.`,
		Example: "  whatif keys create --name ads-ui --scopes submit\n  whatif keys list\n  whatif keys tier standard --per-minute 1200",
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.keyCreateCommand(), c.keyListCommand(), c.keyRevokeCommand(), c.keyTierCommand(), c.webhookSecretCommand())
	return cmd
}

// onStore makes a command act on the launcher's store.
func (c *console) onStore(cmd *cobra.Command, do func(ctx context.Context, s *store.Store, args []string) error) *cobra.Command {
	all := newSettings()
	all.flagsOf(cmd, "store", "results", "config")
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		if err := all.settle(); err != nil {
			return err
		}
		if err := all.CheckStore(); err != nil {
			return usage("%w", err)
		}
		url := all.StoreURL()
		if path, local := strings.CutPrefix(url, "sqlite:"); local {
			if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
				c.say("there is no store at %s yet; making one", path)
			}
		}
		s, err := store.OpenShared(cmd.Context(), url, store.Options{})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.Close()) }()
		if err := do(cmd.Context(), s, args); errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrInvalid) {
			return usage("%w", err)
		} else if err != nil {
			return err
		}
		return nil
	}
	return cmd
}

func (c *console) keyCreateCommand() *cobra.Command {
	k := store.Key{Tier: "standard", Tenant: access.DefaultTenant}
	scopes := access.ScopeSubmit
	cmd := &cobra.Command{
		Use:   "create --name N",
		Short: "Make a key and print it, once; only its hash is kept",
		Example: `  whatif keys create --name ads-ui
  whatif keys create --name dashboard --scopes read --tenant inventory-science
  WHATIF_API_KEY=$(whatif keys create --name me --scopes admin --quiet)`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().StringVar(&k.Name, "name", "", "of whom or what the key is for (required)")
	cmd.Flags().StringVar(&k.Tier, "tier", k.Tier, "how often it may ask; see `whatif keys tier`")
	cmd.Flags().StringVar(&k.Tenant, "tenant", k.Tenant, "whose simulations it sees, its own only")
	cmd.Flags().StringVar(&scopes, "scopes", scopes, "read, submit (includes read) or admin (includes both)")
	c.onStore(cmd, func(ctx context.Context, s *store.Store, _ []string) (err error) {
		k.Scopes = strings.Split(strings.ReplaceAll(scopes, " ", ""), ",")
		if err := checkKey(k); err != nil {
			return err
		}
		var printed string
		if printed, k.ID, k.Hash, err = access.NewKey(rand.Reader); err != nil {
			return err
		}
		k.CreatedAt = time.Now()
		if err := s.CreateKey(ctx, k); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(c.out, printed); err != nil {
			return err
		}
		c.say("key %s of %s, tenant %s, tier %s, scopes %s; it is not shown again", k.ID, k.Name, k.Tenant, k.Tier, strings.Join(k.Scopes, ", "))
		return nil
	})
	return required(cmd, "name")
}

// maxNameBytes bounds names of keys, tenants and tiers.
const maxNameBytes = 100

func checkKey(k store.Key) error {
	for flag, text := range map[string]string{"name": k.Name, "tenant": k.Tenant} {
		if text == "" || len(text) > maxNameBytes || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return usage("--%s %q: give 1 to %d characters on one line", flag, text, maxNameBytes)
		}
	}
	// A tenant names a folder of uploads.
	if strings.Trim(k.Tenant, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != "" || strings.HasPrefix(k.Tenant, ".") {
		return usage("--tenant %q: a tenant is letters, digits, `-`, `_` and `.`", k.Tenant)
	}
	if err := access.CheckScopes(k.Scopes); err != nil {
		return usage("--scopes: %w", err)
	}
	return nil
}

func (c *console) keyListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "All keys, revoked ones too; the keys themselves are nowhere",
		Example: "  whatif keys list",
		Args:    cobra.NoArgs,
	}
	c.addFormatFlag(cmd)
	return c.onStore(cmd, func(ctx context.Context, s *store.Store, _ []string) error {
		keys, err := s.Keys(ctx)
		if err != nil {
			return err
		}
		r := rows{columns: []string{"id", "name", "tenant", "tier", "scopes", "created_at", "last_used_at", "revoked_at"}, first: []string{"created_at"}}
		for _, k := range keys {
			r.values = append(r.values, []any{k.ID, k.Name, k.Tenant, k.Tier, strings.Join(k.Scopes, " "), second(&k.CreatedAt), second(k.LastUsedAt), second(k.RevokedAt)})
		}
		if len(keys) == 0 {
			c.say("there is no key: the launcher answers everybody, on loopback only")
		}
		return c.print(r)
	})
}

// second is a time to the second; nil: none.
func second(t *time.Time) any {
	if t == nil {
		return nil
	}
	return t.UTC().Truncate(time.Second)
}

func (c *console) keyRevokeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "revoke ID...",
		Short:   "End keys for good; launchers refuse them within a second",
		Example: "  whatif keys revoke k3v9q2m8xw",
		Args:    cobra.MinimumNArgs(1),
	}
	return c.onStore(cmd, func(ctx context.Context, s *store.Store, ids []string) error {
		for _, id := range ids {
			if err := s.RevokeKey(ctx, keyID(id)); err != nil {
				return err
			}
			c.say("revoked %s", keyID(id))
		}
		return nil
	})
}

// keyID is the id of a key that was named by it, or by the key itself.
func keyID(text string) string {
	if rest, ok := strings.CutPrefix(text, "wif_"); ok {
		id, _, _ := strings.Cut(rest, "_")
		return id
	}
	return text
}

func (c *console) keyTierCommand() *cobra.Command {
	var wish store.Tier
	cmd := &cobra.Command{
		Use:   "tier [NAME]",
		Short: "Show tiers, or make or change one",
		Long: `Without flags tier shows a tier, without a name all. With flags it changes what they say and leaves the rest; a tier that is not
there is made with the figures of ` + "`standard`" + `. Launchers act on it within a second.`,
		Example: "  whatif keys tier\n  whatif keys tier standard --per-minute 1200 --burst 200\n  whatif keys tier batch --per-minute 60 --max-priority 3 --max-queued 50",
		Args:    cobra.MaximumNArgs(1),
	}
	f := cmd.Flags()
	f.IntVar(&wish.PerMinute, "per-minute", 0, "requests a minute that a key may make in the long run")
	f.IntVar(&wish.Burst, "burst", 0, "requests at once, after a quiet while")
	f.IntVar(&wish.MaxPriority, "max-priority", 0, "highest priority of its submissions, 0 to 9")
	f.IntVar(&wish.MaxQueued, "max-queued", 0, "simulations of a tenant that are not finished; 0: no bound")
	c.addFormatFlag(cmd)
	return c.onStore(cmd, func(ctx context.Context, s *store.Store, args []string) error {
		tiers, err := s.Tiers(ctx)
		if err != nil {
			return err
		}
		changes := f.Changed("per-minute") || f.Changed("burst") || f.Changed("max-priority") || f.Changed("max-queued")
		if changes && len(args) == 0 {
			return usage("name the tier to change: whatif keys tier NAME --..")
		}
		if changes {
			wish.Name = args[0]
			t := changedTier(tiers, wish, f.Changed)
			if err := s.PutTier(ctx, t); err != nil {
				return err
			}
			return c.printTiers([]store.Tier{t})
		}
		if len(args) == 1 {
			tiers = slices.DeleteFunc(tiers, func(t store.Tier) bool { return t.Name != args[0] })
			if len(tiers) == 0 {
				return usage("there is no tier %q; a flag such as --per-minute makes it", args[0])
			}
		}
		return c.printTiers(tiers)
	})
}

// changedTier is a tier with what flags say of it; a new one begins as the standard one.
func changedTier(tiers []store.Tier, wish store.Tier, said func(flag string) bool) store.Tier {
	var t store.Tier
	for _, name := range []string{"standard", wish.Name} {
		if i := slices.IndexFunc(tiers, func(t store.Tier) bool { return t.Name == name }); i >= 0 {
			t = tiers[i]
		}
	}
	t.Name = wish.Name
	if said("per-minute") {
		t.PerMinute = wish.PerMinute
	}
	if said("burst") {
		t.Burst = wish.Burst
	}
	if said("max-priority") {
		t.MaxPriority = wish.MaxPriority
	}
	if said("max-queued") {
		t.MaxQueued = wish.MaxQueued
	}
	return t
}

func (c *console) printTiers(tiers []store.Tier) error {
	r := rows{columns: []string{"tier", "per_minute", "burst", "max_priority", "max_queued"}}
	for _, t := range tiers {
		r.values = append(r.values, []any{t.Name, t.PerMinute, t.Burst, t.MaxPriority, t.MaxQueued})
	}
	return c.print(r)
}

func (c *console) webhookSecretCommand() *cobra.Command {
	all := newSettings()
	var tenant string
	cmd := &cobra.Command{
		Use:   "webhook-secret",
		Short: "Print a tenant's secret, with which it checks the signatures of webhooks",
		Long: `webhook-secret derives a tenant's signing secret from the root secret that the launcher has, given in the same way. A receiver of webhooks
needs it, as any library of the Standard Webhooks specification takes it.`,
		Example: "  whatif keys webhook-secret --tenant inventory-science --webhook-secret-file secret.txt",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := all.settle(); err != nil {
				return err
			}
			if all.WebhookSecret == "" {
				return usage("name the launcher's root secret: --webhook-secret-file FILE, or %s", environmentName(secretSetting))
			}
			_, err := fmt.Fprintln(c.out, hooks.Secret(all.WebhookSecret, tenant))
			return err
		},
	}
	cmd.Flags().StringVar(&tenant, "tenant", access.DefaultTenant, "whose")
	all.flagsOf(cmd, "webhook-secret-file", "config")
	return cmd
}

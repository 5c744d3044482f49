package store

import (
	"bufio"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// One launcher at a time has an SQLite file, tools may join it, and the next launcher has it when the first one ended.
func TestOneLauncherAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "of 100% #1?", "launcher.db")
	first, err := Open(t.Context(), "sqlite:"+path, Options{})
	ok(t, err)
	submit(t, first, study("acme", "20260701-a", 1))
	if _, err := Open(t.Context(), path, Options{}); err == nil || !strings.Contains(err.Error(), "another launcher") {
		t.Errorf("a second launcher: %v", err)
	}
	tool, err := OpenShared(t.Context(), path, Options{})
	ok(t, err)
	ok(t, tool.PutTier(t.Context(), Tier{Name: "gold", PerMinute: 1, Burst: 1}))
	if tiers := must[[]Tier](t)(first.Tiers(t.Context())); len(tiers) != 2 {
		t.Errorf("the launcher sees %v", tiers)
	}
	ok(t, tool.Close())
	ok(t, first.Close())
	ok(t, first.Close())
	if _, _, err := first.Submit(t.Context(), study("acme", "20260701-b", 1)); !errors.Is(err, ErrUnavailable) {
		t.Errorf("submitted to a closed store: %v", err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file, which has hashes of keys in it, is %v, %v", info.Mode(), err)
	}
	second, err := Open(t.Context(), path, Options{})
	ok(t, err)
	must[Simulation](t)(second.Simulation(t.Context(), "acme", "20260701-a"))
	ok(t, second.Close())
}

func TestOpenRefuses(t *testing.T) {
	folder := t.TempDir()
	ok(t, os.WriteFile(filepath.Join(folder, "text"), []byte(strings.Repeat("this is no database\n", 100)), 0o600))
	for url, says := range map[string]string{
		"":                                    "no file named",
		"mysql://localhost/x":                 "neither",
		filepath.Join(folder, "text"):         "not a database",
		filepath.Join(folder, "text", "a"):    "folder",
		"postgres://u:geheim@127.0.0.1:bad/x": "URL",
	} {
		_, err := Open(t.Context(), url, Options{})
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%q: %v", url, err)
		}
	}
}

// Many that open a new store at the same time all get one with all its tables.
func TestMigrateAtOnce(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() {
				s, err := OpenShared(t.Context(), d.url, Options{})
				if err != nil {
					t.Error(err)
					return
				}
				_, err = s.Tiers(t.Context())
				ok2(t, errors.Join(err, s.Close()))
			})
		}
		all.Wait()
		raw := d.raw(t)
		try(t, raw, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, "+map[string]string{"sqlite": "1", "postgres": "true"}[d.kind]+")", true)
		if _, err := Open(t.Context(), d.url, Options{}); err == nil || !strings.Contains(err.Error(), "newer program") {
			t.Errorf("a store of a newer program: %v", err)
		}
	})
}

// A database that can't be reached is told apart from all else, and used again when it is back.
func TestUnavailable(t *testing.T) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	ok(t, err)
	address := listener.Addr().String()
	ok(t, listener.Close())
	if _, err := Open(t.Context(), "postgres://u:p@"+address+"/x?sslmode=disable", Options{}); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), address) {
		t.Errorf("nobody listens: %v", err)
	}
	each(t, func(t *testing.T, d database) {
		if d.kind == "sqlite" {
			return
		}
		raw := d.raw(t)
		d.url += "&application_name=cut_" + strings.ToLower(rand.Text())
		_, name, _ := strings.Cut(d.url, "application_name=")
		s := d.open(t, Options{})
		for range 3 {
			submit(t, s, study("acme", fmt.Sprint("20260701-", time.Now().UnixNano()), 1))
			// Every connection of this store is cut, in the middle of whatever it does.
			if n := count(t, raw, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = ?", name); n < 1 {
				t.Fatal("it has no connections")
			}
			for deadline := time.Now().Add(10 * time.Second); ; {
				_, _, err := s.Submit(t.Context(), study("acme", fmt.Sprint("20260701-", time.Now().UnixNano()), 1))
				if err == nil {
					break
				}
				if !errors.Is(err, ErrUnavailable) || time.Now().After(deadline) {
					t.Fatalf("after the cut: %v", err)
				}
			}
		}
	})
}

// A launcher that was stopped inside a transaction loses it, so that another can take its simulation over.
func TestStoppedInTransaction(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		if d.kind == "sqlite" {
			return // has one launcher
		}
		other := d.open(t, Options{})
		l := claimed(t, other, study("acme", "20260701-a", 1), "a")
		must[Wish](t)(other.Heartbeat(t.Context(), l, time.Millisecond, Progress{}))
		d.url += "&idle_in_transaction_session_timeout=500"
		s := d.open(t, Options{})
		stopped, resume, done := make(chan bool), make(chan bool), make(chan error)
		go func() {
			var silent bool
			done <- s.once(t.Context(), func(tx *tx) error {
				_, err := tx.lock(t.Context(), "acme", "20260701-a")
				close(stopped)
				<-resume
				return err
			}, &silent)
		}()
		<-stopped
		for deadline := time.Now().Add(10 * time.Second); ; {
			got := must[*Claimed](t)(other.Claim(t.Context(), "b", time.Minute))
			if got != nil {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("it was never let go of")
			}
		}
		close(resume)
		if err := explain("go on", <-done); !errors.Is(err, ErrUnavailable) {
			t.Errorf("it could go on: %v", err)
		}
	})
}

// The leases of the launcher that had the file before are nobody's.
func TestNextLauncherTakesOver(t *testing.T) {
	url := filepath.Join(t.TempDir(), "launcher.db")
	first, err := Open(t.Context(), url, Options{})
	ok(t, err)
	claimed(t, first, study("acme", "20260701-a", 1), "host-1")
	tool, err := OpenShared(t.Context(), url, Options{})
	ok(t, err)
	if got := must[*Claimed](t)(tool.Claim(t.Context(), "host-2", time.Minute)); got != nil {
		t.Errorf("a tool took a lease from the launcher: %+v", got)
	}
	ok(t, errors.Join(tool.Close(), first.Close()))
	second := database{kind: "sqlite", url: url}.open(t, Options{})
	if got := must[*Claimed](t)(second.Claim(t.Context(), "host-2", time.Minute)); got == nil || !got.TakenOver || got.Lease.Epoch != 2 {
		t.Errorf("claimed %+v", got)
	}
}

// Another process that writes for a while is waited for.
func TestBusy(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s, raw := d.open(t, Options{}), d.raw(t)
		submit(t, s, study("acme", "20260701-a", 1))
		writing, err := raw.on.(*sql.DB).BeginTx(t.Context(), nil)
		ok(t, err)
		_, err = writing.ExecContext(t.Context(), "UPDATE simulations SET name = 'x'")
		ok(t, err)
		done := make(chan error, 1)
		go func() {
			_, err := s.Cancel(t.Context(), "acme", "20260701-a", "ada")
			done <- err
		}()
		select {
		case err := <-done:
			t.Errorf("it did not wait: %v", err)
		case <-time.After(200 * time.Millisecond):
		}
		ok(t, writing.Commit())
		ok(t, <-done)
		if sim := must[Simulation](t)(s.Simulation(t.Context(), "acme", "20260701-a")); sim.State != Cancelled || sim.Name != "x" {
			t.Errorf("%+v", sim)
		}
	})
}

// A full disk refuses what is new in plain words, loses nothing that was acknowledged, and is got over.
func TestDiskFull(t *testing.T) {
	d := database{kind: "sqlite", url: "sqlite:" + filepath.Join(t.TempDir(), "launcher.db")}
	s := d.open(t, Options{})
	limit := func(pages int) {
		_, err := s.writer.ExecContext(t.Context(), fmt.Sprintf("PRAGMA max_page_count = %d", pages))
		ok(t, err)
	}
	limit(count(t, s.reading(), "PRAGMA page_count") + 20)
	made := 0
	for {
		sub := study("acme", fmt.Sprint("20260701-", made), 1)
		sub.Inputs.Config.Text = fmt.Sprint(made, strings.Repeat("x", 1500))
		_, _, err := s.Submit(t.Context(), sub)
		if err != nil {
			if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "disk is full") {
				t.Fatal(err)
			}
			break
		}
		made++
	}
	if n := must[int](t)(s.Unfinished(t.Context(), "acme")); n != made || made == 0 {
		t.Errorf("%d were acknowledged, %d are there", made, n)
	}
	limit(1 << 30)
	submit(t, s, study("acme", "20260701-after", 1))
}

// What was acknowledged is there after a kill -9 of the process, and nothing is half there.
func TestKilled(t *testing.T) {
	if url := os.Getenv("STORE_TEST_SUBMIT"); url != "" {
		submitForever(url)
	}
	each(t, func(t *testing.T, d database) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		child := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestKilled$")
		child.Env = append(os.Environ(), "STORE_TEST_SUBMIT="+d.url)
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		ok(t, err)
		ok(t, child.Start())
		var acknowledged []string
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if acknowledged = append(acknowledged, lines.Text()); len(acknowledged) == 300 {
				cancel() // kills it, and what it printed meanwhile is read to its end
			}
		}
		if err := child.Wait(); err == nil {
			t.Error("the child ended by itself")
		}
		s := d.open(t, Options{})
		for _, id := range acknowledged[:len(acknowledged)-1] { // the last line may be cut off
			must[Simulation](t)(s.Simulation(t.Context(), "acme", id))
		}
		raw := d.raw(t)
		if all, said := count(t, raw, "SELECT count(*) FROM simulations"), count(t, raw, "SELECT count(*) FROM events"); all != said || all < 300 {
			t.Errorf("%d simulations, %d first events, %d acknowledged", all, said, len(acknowledged))
		}
	})
}

// submitForever is the child of TestKilled.
func submitForever(url string) {
	s, err := Open(context.Background(), url, Options{})
	for g := range 16 {
		go func() {
			for i := 0; err == nil; i++ {
				id := fmt.Sprintf("20260701-%d-%d", g, i)
				if _, _, err := s.Submit(context.Background(), study("acme", id, 1)); err == nil {
					fmt.Println(id)
				}
			}
		}()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	select {}
}

// Who waits for a change is woken by one, in this process and on PostgreSQL in another launcher.
func TestChanged(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s := d.open(t, Options{})
		other, err := OpenShared(t.Context(), d.url, Options{})
		ok(t, err)
		defer func() { ok(t, other.Close()) }()
		watched := []*Store{s}
		if d.kind == "postgres" {
			watched = append(watched, other)
			listening(t, d)
		}
		for _, w := range watched {
			woken := w.Changed()
			submit(t, s, study("acme", fmt.Sprint("20260701-", time.Now().UnixNano()), 1))
			select {
			case <-woken:
			case <-time.After(10 * time.Second):
				t.Error("not woken")
			}
		}
		// Nobody waits for the ticking of a lease.
		got := must[*Claimed](t)(s.Claim(t.Context(), "a", time.Minute))
		woken := s.Changed()
		must[Wish](t)(s.Heartbeat(t.Context(), got.Lease, time.Minute, Progress{}))
		select {
		case <-woken:
			if d.kind == "sqlite" {
				t.Error("woken by a heartbeat")
			}
		default:
		}
	})
}

// listening waits until both launchers listen.
func listening(t *testing.T, d database) {
	raw := d.raw(t)
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		if count(t, raw, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN %' AND state = 'idle'") >= 2 {
			return
		}
	}
	t.Error("nobody listens")
}

// Leases of PostgreSQL's launchers run by its own clock, whatever theirs say.
func TestDatabaseClock(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s := d.open(t, Options{})
		l := claimed(t, s, study("acme", "20260701-a", 1), "a")
		must[Wish](t)(s.Heartbeat(t.Context(), l, 50*time.Millisecond, Progress{}))
		for deadline := time.Now().Add(10 * time.Second); ; {
			got := must[*Claimed](t)(s.Claim(t.Context(), "b", time.Minute))
			if got != nil {
				if !got.TakenOver || got.Lease.Epoch != l.Epoch+1 {
					t.Errorf("claimed %+v", got)
				}
				return
			}
			if time.Now().After(deadline) {
				t.Fatal("its lease never ran out")
			}
		}
	})
}

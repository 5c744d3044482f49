package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/whatif-machine/whatif/launcher/wire"
)

// launched is a launcher that a script has started.
type launched struct {
	cmd   *exec.Cmd
	ended chan error
}

type launchedKey struct{}

// scriptCommands are what scripts can do with a launcher besides `exec whatif`:
//
//	launch [FLAG...]   starts `whatif serve` on a free port, waits until it is ready, and names it by WHATIF_SERVER
//	stop               ends it as an operator does; it must end well
//	get PATH           prints what the launcher answers; `! get` wants an error
//	refused STATUS PATH   waits until a path is answered with a status
//	show METRIC...     prints the rows of the latest simulation's comparison, one a line
//	bucket NAME...     starts Cloud Storage for tests with these buckets, where gs:// leads from now on
//	put FILE gs://..   makes a file an object there; `take gs://..` prints one
//	keyenv FILE        makes the key in a file the one of the commands that follow, also as $KEY
func scriptCommands() map[string]func(ts *testscript.TestScript, neg bool, args []string) {
	return map[string]func(ts *testscript.TestScript, neg bool, args []string){
		"launch": launch,
		"stop": func(ts *testscript.TestScript, _ bool, _ []string) {
			if err := ts.Value(launchedKey{}).(*launched).stop(); err != nil {
				ts.Fatalf("the launcher did not end well: %v", err)
			}
		},
		"get": func(ts *testscript.TestScript, neg bool, args []string) {
			status, body := ask(ts, args[0])
			_, _ = fmt.Fprintf(ts.Stdout(), "%s\n", body)
			if failed := status >= 400; failed != neg {
				ts.Fatalf("%s is answered with %d", args[0], status)
			}
		},
		"refused": refused,
		"bucket":  bucket,
		"put":     put,
		"take":    takeObject,
		"duckdb":  duckDB,
		"show":    show,
		"keyenv": func(ts *testscript.TestScript, _ bool, args []string) {
			key := strings.TrimSpace(ts.ReadFile(args[0]))
			ts.Setenv("WHATIF_API_KEY", key)
			ts.Setenv("KEY", key)
		},
	}
}

// stop asks the launcher to end and tells how it did; of one that is not running, nothing.
func (l *launched) stop() error {
	if l.cmd == nil {
		return nil
	}
	if err := l.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	l.cmd = nil
	return <-l.ended
}

func launch(ts *testscript.TestScript, _ bool, args []string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	address := listener.Addr().String()
	ts.Check(listener.Close())
	var program string
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if program = filepath.Join(dir, "whatif"); exists(program) {
			break
		}
	}
	log, err := os.Create(ts.MkAbs("launcher.log"))
	ts.Check(err)
	l := ts.Value(launchedKey{}).(*launched)
	l.cmd = exec.Command(program, append([]string{"serve", "--listen", address}, args...)...)
	l.cmd.Dir, l.cmd.Stdout, l.cmd.Stderr = ts.MkAbs("."), log, log
	l.cmd.Env = []string{"PATH=" + ts.Getenv("PATH"), "HOME=" + ts.Getenv("HOME"), "WHATIF_RESULTS=" + ts.Getenv("WHATIF_RESULTS"),
		"STORAGE_EMULATOR_HOST=" + ts.Getenv("STORAGE_EMULATOR_HOST"), "WHATIF_CACHE=" + ts.Getenv("WHATIF_CACHE")}
	ts.Check(l.cmd.Start())
	l.ended = make(chan error, 1)
	go func(cmd *exec.Cmd, ended chan<- error) { ended <- cmd.Wait() }(l.cmd, l.ended)
	ts.Setenv("WHATIF_SERVER", "http://"+address)
	deadline := time.After(30 * time.Second)
	for range time.Tick(20 * time.Millisecond) {
		select {
		case err := <-l.ended:
			l.cmd = nil
			ts.Fatalf("the launcher ended: %v\n%s", err, ts.ReadFile("launcher.log"))
		case <-deadline:
			ts.Fatalf("the launcher is not ready after 30 s\n%s", ts.ReadFile("launcher.log"))
		default:
		}
		if res, err := http.Get("http://" + address + "/readyz"); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// ask asks the launcher, with the script's key.
func ask(ts *testscript.TestScript, path string) (status int, body []byte) {
	req, err := http.NewRequest(http.MethodGet, ts.Getenv("WHATIF_SERVER")+path, nil)
	ts.Check(err)
	if key := ts.Getenv("WHATIF_API_KEY"); key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	res, err := http.DefaultClient.Do(req)
	ts.Check(err)
	body, err = io.ReadAll(res.Body)
	ts.Check(err)
	ts.Check(res.Body.Close())
	return res.StatusCode, body
}

// refused waits, for at most 10 seconds, until what changed beside the launcher acts on it.
func refused(ts *testscript.TestScript, _ bool, args []string) {
	deadline := time.Now().Add(10 * time.Second)
	for range time.Tick(50 * time.Millisecond) {
		status, _ := ask(ts, args[1])
		if fmt.Sprint(status) == args[0] {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s is still answered with %d", args[1], status)
		}
	}
}

// show prints the rows of the latest simulation's comparison.
func show(ts *testscript.TestScript, _ bool, args []string) {
	var list wire.SimulationList
	_, body := ask(ts, "/v1/simulations?page_size=1")
	ts.Check(json.Unmarshal(body, &list))
	status, body := ask(ts, list.Simulations[0].Links.Comparison+"?metric="+strings.Join(args, "&metric="))
	if status != http.StatusOK {
		ts.Fatalf("%d: %s", status, body)
	}
	var table struct{ Rows []json.RawMessage }
	ts.Check(json.Unmarshal(body, &table))
	for _, row := range table.Rows {
		_, _ = fmt.Fprintf(ts.Stdout(), "%s\n", row)
	}
}

package main

import (
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
//	post PATH FILE     sends a file as YAML and prints the answer
func scriptCommands() map[string]func(ts *testscript.TestScript, neg bool, args []string) {
	return map[string]func(ts *testscript.TestScript, neg bool, args []string){
		"launch": launch,
		"stop": func(ts *testscript.TestScript, _ bool, _ []string) {
			if err := ts.Value(launchedKey{}).(*launched).stop(); err != nil {
				ts.Fatalf("the launcher did not end well: %v", err)
			}
		},
		"get": func(ts *testscript.TestScript, neg bool, args []string) {
			ask(ts, neg, http.MethodGet, args[0], "")
		},
		"post": func(ts *testscript.TestScript, neg bool, args []string) {
			ask(ts, neg, http.MethodPost, args[0], ts.ReadFile(args[1]))
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

func launch(ts *testscript.TestScript, neg bool, args []string) {
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
	l.cmd.Env = []string{"PATH=" + ts.Getenv("PATH"), "HOME=" + ts.Getenv("HOME"), "WHATIF_RESULTS=" + ts.Getenv("WHATIF_RESULTS")}
	ts.Check(l.cmd.Start())
	l.ended = make(chan error, 1)
	go func(cmd *exec.Cmd, ended chan<- error) { ended <- cmd.Wait() }(l.cmd, l.ended)
	ts.Setenv("WHATIF_SERVER", "http://"+address)
	for range time.Tick(20 * time.Millisecond) {
		select {
		case err := <-l.ended:
			l.cmd = nil
			ts.Fatalf("the launcher ended: %v\n%s", err, ts.ReadFile("launcher.log"))
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

// ask sends a request to the launcher, with the script's key, and prints the answer's body.
func ask(ts *testscript.TestScript, neg bool, method, path, body string) {
	req, err := http.NewRequest(method, ts.Getenv("WHATIF_SERVER")+path, strings.NewReader(body))
	ts.Check(err)
	if body != "" {
		req.Header.Set("Content-Type", "application/yaml")
	}
	if key := ts.Getenv("WHATIF_API_KEY"); key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	res, err := http.DefaultClient.Do(req)
	ts.Check(err)
	text, err := io.ReadAll(res.Body)
	ts.Check(err)
	ts.Check(res.Body.Close())
	_, _ = fmt.Fprintf(ts.Stdout(), "%s\n", text)
	if failed := res.StatusCode >= 400; failed != neg {
		ts.Fatalf("%s %s: %s", method, path, res.Status)
	}
}

//go:build unix

package inputs

import (
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// trap is a world in which many ways lead out of the root, and things lie within that are no files.
func newTrap(t testing.TB) *world {
	t.Helper()
	w := newWorld(t, nil)
	write(t, w.folder+"/outside/canary.yaml", secret)
	write(t, w.folder+"/root-sibling/canary.yaml", secret) // begins like the root
	write(t, w.root+"/ok.yaml", "fine")
	write(t, w.root+"/sub/ok.yaml", "fine")
	write(t, w.results+"/_uploads/other/"+digest(secret), secret)
	write(t, w.results+"/simulation_id=x/row.parquet", secret)
	for at, to := range map[string]string{
		"out": w.canary, "outdir": w.folder + "/outside", "up": "../canary.yaml", "updir": "..", "updown": "../outside", "chain": "out",
		"sub/up": "../../canary.yaml", "sub/deep": "../../../../../../../../etc/passwd", "passwd": "/etc/passwd", "self": "self", "dangling": "nowhere",
		"danglingout": w.folder + "/nowhere", "proc": "/proc/self", "fd": "/dev/fd", "null": "/dev/null", "results": "../results", "absok": w.root + "/ok.yaml",
		"rootdir": "/", "zigzag": "sub/../../canary.yaml", "environ": "/proc/self/environ",
	} {
		symlink(t, to, w.root+"/"+at)
	}
	if err := syscall.Mkfifo(w.root+"/fifo", 0o644); err != nil {
		t.Fatal(err)
	}
	// A socket stands for the special files that a test may make without rights.
	socket, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(socket) })
	t.Chdir(w.root)
	if err := syscall.Bind(socket, &syscall.SockaddrUnix{Name: "socket"}); err != nil {
		t.Fatal(err)
	}
	return w
}

// hostile are names of what lies outside, or is no file, in all manners of writing them.
func (w *world) hostile() []string {
	upload := digest(secret)
	list := []string{
		// Up and out.
		"../canary.yaml", "./../canary.yaml", "sub/../../canary.yaml", "sub/../ok.yaml", "..", "../", "../../etc/passwd", "sub/..", "a/b/../../../canary.yaml",
		w.root + "/../canary.yaml", w.root + "/sub/../../canary.yaml", "file://" + w.root + "/../canary.yaml", "file:../canary.yaml", "/../../etc/passwd",
		"..//canary.yaml", ".././canary.yaml", "*/../../canary.yaml", "../*.yaml", "[.][.]/canary.yaml", ".?/canary.yaml", "?./canary.yaml", "??/canary.yaml", ".*/canary.yaml",
		".[.]/canary.yaml", "*/../*", "sub/*/../../../canary.yaml", "...", "..../canary.yaml", ".. /canary.yaml", " ../canary.yaml", "../canary.yaml ",
		// Absolute, and outside.
		"/etc/passwd", "/etc/hostname", "//etc/passwd", "///etc/passwd", "/./etc/passwd", "file:///etc/passwd", "file:/etc/passwd", "file:////etc/passwd", "file://localhost/etc/passwd",
		"file://127.0.0.1/etc/passwd", "file://~/.ssh/id_rsa", "file:", "file:/", "file://", "file:///", "/", "//", "", ".", "./", "./.", w.canary, "file://" + w.canary, "file:" + w.canary,
		w.folder + "/root-sibling/canary.yaml", w.folder + "/root-sibling/*", w.folder + "/*", w.folder + "/*/canary.yaml", "/*", "/etc/*", "/*/passwd", w.folder,
		w.root, w.root + "/", "file://" + w.root, "~/.ssh/id_rsa", "~root/.bashrc", "$HOME/.bashrc", "${HOME}/x", "`id`", "$(id)", "|id", "-", "ok.yaml;id", "<ok.yaml", "&1",
		// What the system keeps.
		"/proc/self/environ", "/proc/self/fd/0", "/proc/1/root/etc/passwd", "/proc/self/cwd/ok.yaml", "/proc/self/root", "/dev/stdin", "/dev/zero", "/dev/null", "/dev/tcp/127.0.0.1/80",
		"/sys/class/net", "/dev/fd/3", "/proc/kcore", "/run/secrets/kubernetes.io/serviceaccount/token", "/var/run/docker.sock", "/dev/random", "/dev/full",
		// Links and special files within.
		"out", "outdir", "outdir/canary.yaml", "outdir/*", "up", "updir", "updir/canary.yaml", "updir/*", "updown/canary.yaml", "updown/*.yaml", "chain", "sub/up", "sub/deep", "passwd", "self", "self/x",
		"dangling", "danglingout", "proc", "proc/environ", "proc/cwd/ok.yaml", "proc/*", "fd/0", "fd/*", "null", "absok", "rootdir/etc/passwd", "rootdir/*", "zigzag", "environ",
		"*/canary.yaml", "*out*", "up*", "u[p]", "?ut", "fifo", "fif?", "socket", "s?cket", "sub", "sub/", "su?", "*dir/canary.yaml",
		// Results and others' uploads.
		"results/_uploads/other/" + upload, "results/*/*/*", "results/simulation_id=x/row.parquet", "results/*/row.parquet", "updir/results/simulation_id=x/row.parquet",
		w.results + "/_uploads/other/" + upload, "upload:" + upload, "upload:../other/" + upload, "upload:" + strings.ToUpper(upload), "upload:", "upload://" + upload, "upload:/" + upload,
		"upload:" + upload[:63], "upload:" + upload + "0", "upload:*", "upload:" + strings.Repeat("?", 64), "upload:" + strings.Repeat("../", 21) + "x", "upload:" + upload + "#", "upload: " + upload,
		"upload:" + upload + "/../" + upload, "UPLOAD:" + upload, "upload:other/" + upload, "upload:" + upload + "\x00",
		// Addresses of the net.
		"http://127.0.0.1/", "https://example.com/slots.parquet", "http://169.254.169.254/latest/meta-data/", "http://metadata.google.internal/computeMetadata/v1/", "http://[::1]/x", "http://[fd00:ec2::254]/",
		"http://0x7f000001/", "http://2130706433/", "http://0/", "ftp://host/x", "ftps://h/x", "sftp://h/x", "gopher://h:70/_x", "dict://h:11211/stat", "ldap://h/x", "jar:file:///x!/y", "data:text/yaml;base64,LS0t",
		"data:,x", "gs://bucket/x", "gs://", "s3://bucket/x", "s3a://b/x", "hdfs://h/x", "az://c/x", "abfs://c/x", "smb://h/s/x", "nfs://h/x", "php://filter/resource=/etc/passwd", "expect://id", "zip://x",
		"netdoc:///etc/passwd", "local_file:///etc/passwd", "blob:x", "javascript:x", "mailto:x", "urn:x:y", "view-source:file:///etc/passwd", "FILE:///etc/passwd", "File:ok.yaml", "fIlE:" + w.canary, "file+x:/etc/passwd",
		"file:file:///etc/passwd", "file:http://127.0.0.1/", "file:gs://b/x", ":", ":ok.yaml", "://x", ":///etc/passwd", "1:x", "x:", "md5:ok.yaml", "glob:*.yaml", "read_parquet('x')", "ok.yaml:stream", "ok.yaml::$DATA",
		"//169.254.169.254/x", `\\169.254.169.254\x`, "//host/share/ok.yaml",
		// Percent signs, fragments, queries.
		"%2e%2e/canary.yaml", "%2e%2e%2fcanary.yaml", "..%2fcanary.yaml", "..%252fcanary.yaml", "..%c0%afcanary.yaml", "%2fetc%2fpasswd", "ok.yaml%00", "ok%2eyaml", "file:///%65tc/passwd", "%u002e%u002e/x", "%",
		"ok.yaml%20", "ok.yaml#", "ok.yaml#x", "ok.yaml#/../../canary.yaml", "#ok.yaml", "sub#/../ok.yaml", "file://" + w.root + "/ok.yaml#x", "file://" + w.root + "/ok.yaml?x=y", "file:ok.yaml?", "file:o?.yaml", "ok.yaml?x=../../canary.yaml",
		"ok.yaml?", "ok.yaml?x",
		// Backslashes, drives, devices of Windows.
		`..\canary.yaml`, `sub\..\..\canary.yaml`, `ok.yaml\`, `\etc\passwd`, `C:\Windows\win.ini`, "C:/Windows/win.ini", "c:ok.yaml", "C:", "z:/x", `\\?\C:\x`, `\\.\pipe\x`, "//./pipe/x", "//?/C:/x", "NUL", "CON", "file:///C:/x",
		`o\k.yaml`, `[\]ok.yaml`, `\*`,
		// Control characters and what can't be seen.
		"ok.yaml\x00", "\x00", "ok.yaml\x00.parquet", "../canary.yaml\x00ok.yaml", "ok.yaml\n", "\nok.yaml", "ok.yaml\r\n", "ok\t.yaml", "ok.yaml\x7f", "\x1b[2Jok.yaml", "ok.yaml\u202elmay", "ok\u200b.yaml", "\ufeffok.yaml", "ok.yaml\u00a0",
		"ok\u2028.yaml", "\xff\xfe", "ok.yaml\xc0\x80", "\xc0\xae\xc0\xae/canary.yaml", "\xe0\x80\xae./canary.yaml", "ok.yaml\u0085", " ok.yaml", "ok.yaml ", "\u00adok.yaml",
		// Characters that look like others.
		"\uff0e\uff0e/canary.yaml", "\u2024\u2024/canary.yaml", "..\u2215canary.yaml", "..\uff0fcanary.yaml", "\u2025/canary.yaml", "..\u2044canary.yaml",
		// Long, deep, and patterns made to take time.
		strings.Repeat("a", 256), strings.Repeat("a", 5000), strings.Repeat("a/", 511) + "a", strings.Repeat("../", 300) + "etc/passwd", strings.Repeat("*/", 500) + "x", strings.Repeat("*a", 100) + "b",
		strings.Repeat("[", 1000), strings.Repeat("*", 1000), strings.Repeat("?", 255), "[!-~", "[]", "[]a]", "[a-", "[^", "[z-a]",
	}
	return append(list, w.encodings()...)
}

// encodings are the ways to the canary combined: where they begin, how they go up, how they are dressed.
func (w *world) encodings() (list []string) {
	for _, begin := range []string{"", "./", "sub/", "file:", "file://" + w.root + "/", w.root + "/", "outdir/", "*/"} {
		for _, up := range []string{"../", "..//", ".././", "%2e%2e/", `..\`, "..;/", "..%00/", "..\x00/", "....//", ".?/../"} {
			for _, end := range []string{"canary.yaml", "*.yaml", "results/_uploads/other/" + digest(secret)} {
				list = append(list, begin+up+end, begin+strings.Repeat(up, 8)+strings.TrimPrefix(w.canary, "/"))
			}
		}
	}
	return list
}

// TestHostileURIs: of what lies outside nothing is read, and nothing said.
func TestHostileURIs(t *testing.T) {
	w := newTrap(t)
	all := w.hostile()
	if len(all) < 200 {
		t.Fatalf("only %d hostile names", len(all))
	}
	inside := map[string]bool{digest("fine"): true}
	began := time.Now()
	for _, uri := range all {
		src := w.in.For("acme")
		pins, err := src.Inventory(t.Context(), uri)
		for _, pin := range pins {
			if !inside[pin.SHA256] || !strings.HasPrefix(pin.URI, w.root+"/") {
				t.Errorf("%q reached %s", uri, pin.URI)
			}
		}
		doc, err2 := src.Campaigns(t.Context(), uri)
		if strings.Contains(doc.Text, secret) || err2 == nil && doc.Text != "fine" {
			t.Errorf("%q: campaigns from outside: %.40q", uri, doc.Text)
		}
		for _, err := range []error{err, err2} {
			w.checkMessage(t, uri, err)
		}
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("%d names took %s", len(all), took)
	}
	t.Logf("%d hostile names", len(all))
}

// checkMessage: a message has nothing of what is outside, and nothing that a terminal obeys.
func (w *world) checkMessage(t *testing.T, uri string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	text := err.Error()
	if strings.Contains(text, secret) || strings.ContainsAny(text, "\x00\x1b\n\r") || len(text) > 2000 {
		t.Errorf("%q: the message %.300q", uri, text)
	}
	if strings.Contains(text, w.results) && !strings.Contains(uri, w.results) || strings.Contains(text, "nowhere") && !strings.Contains(uri, "nowhere") {
		t.Errorf("%q: the message tells where a link leads or where the results are: %s", uri, text)
	}
}

// TestAllOfTheTableIsRefused: names of the table that are no pattern reach nothing at all.
func TestAllOfTheTableIsRefused(t *testing.T) {
	w := newTrap(t)
	for _, uri := range w.hostile() {
		if strings.ContainsAny(uri, "*?[") {
			continue // may find what lies within
		}
		if pins, err := w.in.For("acme").Inventory(t.Context(), uri); err == nil {
			t.Errorf("%q was taken, as %v", uri, pins)
		}
		if doc, err := w.in.For("acme").Campaigns(t.Context(), uri); err == nil {
			t.Errorf("%q was taken as campaigns %q", uri, doc.Text)
		}
	}
}

// TestOutsideDoesNotShow: the answer about a name outside is the same whether something is there or not.
func TestOutsideDoesNotShow(t *testing.T) {
	w := newTrap(t)
	for _, pair := range [][2]string{
		{w.canary, w.folder + "/absent.yaml"}, {"../canary.yaml", "../absent.yaml"}, {"outdir/canary.yaml", "outdir/absent.yaml"}, {"updir/canary.yaml", "updir/absent.yaml"},
		{"rootdir/etc/passwd", "rootdir/etc/absent"}, {"out", "danglingout"}, {"outdir/*", "outdir/absent*"}, {"updown/canary.yaml", "updown/absent/canary.yaml"},
		{"results/simulation_id=x/row.parquet", "results/simulation_id=y/row.parquet"}, {w.results + "/simulation_id=x", w.results + "/simulation_id=y"},
		{"upload:" + digest(secret), "upload:" + digest("absent")}, {w.folder + "/outside/*", w.folder + "/absent/*"},
	} {
		var said [2]string
		for i, uri := range pair {
			_, err := w.in.For("acme").Inventory(t.Context(), uri)
			_, err2 := w.in.For("acme").Campaigns(t.Context(), uri)
			if err == nil || err2 == nil {
				t.Fatalf("%s: no error", uri)
			}
			said[i] = strings.ReplaceAll(err.Error()+err2.Error(), shown(uri), "it")
		}
		if said[0] != said[1] {
			t.Errorf("%s and %s differ:\n%s\n%s", pair[0], pair[1], said[0], said[1])
		}
	}
}

// TestResultsWithinARoot: where the results lie below an input root, they are no inputs all the same.
func TestResultsWithinARoot(t *testing.T) {
	folder := t.TempDir()
	w := &world{}
	write(t, folder+"/results/_uploads/other/"+digest(secret), secret)
	write(t, folder+"/results/row.parquet", secret)
	write(t, folder+"/slots/a.parquet", "fine")
	symlink(t, "results", folder+"/link")
	in, err := New(Options{Roots: []string{folder}, Results: folder + "/results", Catalog: w.catalog})
	if err != nil {
		t.Fatal(err)
	}
	for _, uri := range []string{
		"results/row.parquet", "results/*", "link/row.parquet", "link/*", "link/*/*/*", "results/_uploads/other/" + digest(secret), "link/_uploads/other/" + digest(secret),
		folder + "/results/row.parquet", "results", "r*/*/*/*",
	} {
		if got, err := in.For("acme").Inventory(t.Context(), uri); err == nil || !strings.Contains(err.Error(), "there is no file") {
			t.Errorf("%s: %v %v", uri, got, err)
		}
		if got, err := in.For("acme").Campaigns(t.Context(), uri); err == nil || !strings.Contains(err.Error(), "there is no file") {
			t.Errorf("%s: %v %v", uri, got, err)
		}
	}
	if got, err := in.For("acme").Inventory(t.Context(), "*/*.parquet"); err != nil || len(got) != 1 || got[0].SHA256 != digest("fine") {
		t.Errorf("a pattern over both: %v %v", got, err)
	}
}

// TestSwappedForALink: a file that becomes a link out of the root between the look and the opening, or any
// other time, is not followed.
func TestSwappedForALink(t *testing.T) {
	w := newWorld(t, nil)
	name := w.root + "/swap.yaml"
	write(t, w.folder+"/fine.yaml", "fine")
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
			}
			next := w.folder + "/next"
			err := os.Link(w.folder+"/fine.yaml", next)
			if i%2 == 1 {
				err = errors.Join(os.Remove(next), os.Symlink(w.canary, next))
			}
			if err = errors.Join(err, os.Rename(next, name)); err != nil && !errors.Is(err, fs.ErrExist) {
				stopped <- err
				return
			}
			if i%2 == 0 { // renaming a link onto another of its file does nothing
				_ = os.Remove(next)
			}
			runtime.Gosched()
		}
	}()
	var taken, refused int
	for deadline := time.Now().Add(10 * time.Second); (taken < 200 || refused < 200) && time.Now().Before(deadline); {
		pins, err := w.in.For("acme").Inventory(t.Context(), "swap.yaml")
		doc, err2 := w.in.For("acme").Campaigns(t.Context(), "swap.yaml")
		if strings.Contains(doc.Text, secret) || len(pins) > 0 && (pins[0].SHA256 != digest("fine") || pins[0].URI != name) {
			t.Fatalf("followed: %v %q", pins, doc.Text)
		}
		if err == nil || err2 == nil {
			taken++
		} else {
			refused++
		}
	}
	close(stop)
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	if taken == 0 || refused == 0 {
		t.Errorf("taken %d times, refused %d times: the race was not run", taken, refused)
	}
}

// FuzzResolve: whatever is accepted lies inside the root, without a link on the way.
func FuzzResolve(f *testing.F) {
	w := newTrap(f)
	for i, uri := range w.hostile() {
		if i%7 == 0 {
			f.Add(uri)
		}
	}
	f.Add("ok.yaml")
	f.Add("sub/*.yaml")
	f.Add("file://" + w.root + "/sub/../ok.yaml")
	f.Fuzz(func(t *testing.T, uri string) {
		pins, err := w.in.For("acme").Inventory(t.Context(), uri)
		if (err == nil) != (len(pins) > 0) {
			t.Fatalf("%q: %d files and %v", uri, len(pins), err)
		}
		for _, pin := range pins {
			real, err := filepath.EvalSymlinks(pin.URI)
			if err != nil || real != pin.URI || !strings.HasPrefix(real, w.root+"/") || pin.SHA256 != digest("fine") {
				t.Fatalf("%q reached %s (%s)", uri, pin.URI, real)
			}
		}
		w.checkMessage(t, uri, err)
		doc, err := w.in.For("acme").Campaigns(t.Context(), uri)
		if err == nil && doc.Text != "fine" {
			t.Fatalf("%q read %q", uri, doc.Text)
		}
		// What is taken is taken as written: decoding it as a URI would not make it another path.
		if decoded, err := url.PathUnescape(uri); len(pins) > 0 && (err != nil || decoded != uri) {
			t.Fatalf("%q was taken and means %q", uri, decoded)
		}
	})
}

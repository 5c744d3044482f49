//nolint:bodyclose // scripted answers are closed by the client
package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whatif-machine/whatif/launcher/client"
)

// sent is an event as a launcher sends it.
func sent(seq int) string {
	return fmt.Sprintf("id: %d\nevent: variant\ndata: {\"type\": \"variant\", \"simulation_id\": \"s\", \"seq\": %d, \"data\": {}}\n\n", seq, seq)
}

// TestEventsGoOnWhereTheConnectionBroke: each connection gives three more events and is cut in the
// middle of the fourth, once with an event repeated; nothing is missed and nothing comes twice.
func TestEventsGoOnWhereTheConnectionBroke(t *testing.T) {
	var from []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		last := r.Header.Get("Last-Event-ID")
		from = append(from, last)
		w.Header().Set("Content-Type", "text/event-stream")
		seq := 0
		_, _ = fmt.Sscan(last, &seq) // "": 0
		_, _ = io.WriteString(w, "retry: 1\n: hello\n\n"+sent(max(seq, 1)))
		for i := range 3 {
			_, _ = io.WriteString(w, sent(seq+1+i)+"event: progress\ndata: {\"type\": \"progress\", \"data\": {\"fraction\": 0.5}}\n\n")
		}
		_, _ = io.WriteString(w, strings.TrimSuffix(sent(seq+4), "\n"))
	}))
	defer server.Close()
	c, err := client.New(client.Options{Server: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	var got []int64
	progress := 0
	for e, err := range c.Events(t.Context(), "s", 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Type == "progress" {
			progress++
			continue
		}
		if got = append(got, e.Seq); len(got) == 10 {
			break
		}
	}
	if fmt.Sprint(got) != "[1 2 3 4 5 6 7 8 9 10]" || progress != 9 {
		t.Errorf("%v and %d times progress", got, progress)
	}
	if fmt.Sprintf("%q", from) != `["" "3" "6" "9"]` {
		t.Errorf("connections from %q", from)
	}
}

// TestASilentConnectionIsGivenUp: after a minute without even a comment another one is opened.
func TestASilentConnectionIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent := func(r *http.Request) (*http.Response, error) {
			reader, writer := io.Pipe()
			go func() {
				_, _ = io.WriteString(writer, sent(1)+": still here\n\n")
				<-r.Context().Done() // a real transport breaks the body off then
				writer.CloseWithError(r.Context().Err())
			}()
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: reader, Request: r}, nil
		}
		c, s := scripted(t, client.Options{}, silent, answer(200, sent(2)))
		began := time.Now()
		for e, err := range c.Events(t.Context(), "s", 0) {
			if err != nil {
				t.Fatal(err)
			}
			if e.Seq == 2 {
				break
			}
		}
		if waited := time.Since(began); waited != time.Minute+time.Second { // and a second before the next connection
			t.Errorf("waited %s", waited)
		}
		if s.seen[1].Header.Get("Last-Event-ID") != "1" {
			t.Errorf("went on after %q", s.seen[1].Header.Get("Last-Event-ID"))
		}
	})
}

// TestEventsEnd: with the context, with what trying again does not better, never by themselves.
func TestEventsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		c, s := scripted(t, client.Options{}, answer(200, ""), answer(200, ""), answer(200, ""))
		err := drain(ctx, c)
		if !errors.Is(err, context.DeadlineExceeded) || len(s.seen) != 3 { // at 0, 1 and 2 seconds
			t.Errorf("%v after %d connections", err, len(s.seen))
		}
	})
	for name, c := range map[string]struct {
		answer func(*http.Request) (*http.Response, error)
		want   string
	}{
		"deleted":      {answer(http.StatusGone, ""), "410"},
		"no more":      {answer(http.StatusNoContent, ""), "no more events"},
		"no JSON":      {answer(200, "data: x\n\n"), "can't be read"},
		"no number":    {answer(200, "id: x\ndata: {}\n\n"), "no number"},
		"a long line":  {answer(200, "data: "+strings.Repeat("x", 1<<20)+"\n\n"), "more than 1048576 bytes"},
		"a long event": {answer(200, strings.Repeat("data: "+strings.Repeat("x", 1000)+"\n", 1100)+"\n"), "more than 1048576 bytes"},
	} {
		cl, _ := scripted(t, client.Options{Patience: -1}, c.answer)
		if err := drain(t.Context(), cl); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// drain follows events to their end and returns its error.
func drain(ctx context.Context, c *client.Client) (last error) {
	for _, err := range c.Events(ctx, "s", 0) {
		last = err
	}
	return last
}

// TestTheShapesOfAnEvent: what the standard allows a server to send.
func TestTheShapesOfAnEvent(t *testing.T) {
	text := ": comment\r\n\r\nid:5\r\nevent:note\r\ndata:{\"type\":\r\ndata: \"note\",\r\ndata:\"data\":{}}\r\nunknown: x\r\n\r\nid: 6\n\ndata: {\"type\": \"state\", \"data\": {}}\nid: 7\n\n"
	c, _ := scripted(t, client.Options{}, answer(200, text))
	var got []string
	for e, err := range c.Events(t.Context(), "s", 0) {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, fmt.Sprint(e.Seq, e.Type)); len(got) == 2 {
			break
		}
	}
	if fmt.Sprint(got) != "[5note 7state]" {
		t.Errorf("%q", got)
	}
}

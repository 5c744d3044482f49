package hooks

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
)

// One story of a receiver, step by step.
func TestReceiverThatIsAway(t *testing.T) {
	now := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	rs := &receivers{now: func() time.Time { return now }, all: map[string]*receiver{}}
	try := func(what string, answered bool) {
		t.Helper()
		if rs.ask("x") != 0 {
			t.Errorf("%s: not tried", what)
		}
		rs.report("x", answered)
	}
	putOff := func(what string, want time.Duration) {
		t.Helper()
		if got := rs.ask("x"); got != want {
			t.Errorf("%s: put off by %v", what, got)
		}
	}
	try("first", false)
	try("second", false)
	try("an answer starts over", true)
	try("first", false)
	try("second", false)
	try("third", false)
	putOff("away", 30*time.Second)
	if rs.ask("y") != 0 {
		t.Error("another receiver is put off")
	}
	now = now.Add(20 * time.Second)
	putOff("still away", 10*time.Second)
	now = now.Add(10 * time.Second)
	if rs.ask("x") != 0 {
		t.Error("nobody finds out whether it is back")
	}
	putOff("another one finds out", 30*time.Second)
	rs.report("x", false)
	putOff("still away", 30*time.Second)
	now = now.Add(30 * time.Second)
	try("back", true)
	try("and again", true)
}

// A URL that is no longer allowed uses up its tries: that says nothing about a receiver.
func TestRefusedHereIsNotAway(t *testing.T) {
	m := newMemory(time.Now, delivery("msg_1", "https://hooks.example.com/"))
	h := newHooks(t, Options{Store: m, Hosts: []string{"other.example.com"}})
	for tries := range 20 {
		if d := one(t, h, m, m.list[0]); d.Attempts != tries+1 || (d.State == store.DeliveryDead) != (tries == 19) {
			t.Errorf("try %d: %+v", tries+1, d)
		}
	}
}

func TestReceiversAreBounded(t *testing.T) {
	rs := &receivers{now: time.Now, all: map[string]*receiver{}}
	for i := range 3 * maxReceivers {
		rs.report(fmt.Sprint(i), false)
	}
	if len(rs.all) > maxReceivers {
		t.Errorf("%d are remembered", len(rs.all))
	}
}

// A thousand deliveries to a receiver that accepts connections and then says nothing do not keep the one
// to another receiver waiting: three tries time out, the others are put off without one, but for one now and then
// that finds out whether the receiver is back.
func TestOneReceiverAwayDoesNotHoldUpOthers(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	arrived := make(chan string, 1)
	url, host := serve(t, func(_ http.ResponseWriter, r *http.Request) { arrived <- r.Header.Get("webhook-id") })
	m := newMemory(time.Now)
	for i := range 1000 {
		m.list = append(m.list, delivery(fmt.Sprint("msg_", i), "http://"+silent.Addr().String()+"/"))
	}
	m.list = append(m.list, delivery("msg_last", url))
	m.saved = make(chan store.Delivery, 5000)
	h := newHooks(t, Options{Store: m, Hosts: []string{host, silent.Addr().String()}, AtOnce: 2, Poll: time.Millisecond, Timeout: 100 * time.Millisecond})
	h.Start(t.Context())
	if id := wait(t, arrived); id != "msg_last" {
		t.Errorf("id %s", id)
	}
	h.Stop()
	tries := 0
	for range len(m.saved) {
		d := <-m.saved
		tries += d.Attempts
		if strings.HasPrefix(d.URL, "http://"+silent.Addr().String()) && d.State != store.DeliveryPending {
			t.Errorf("%+v", d)
		}
	}
	if s := h.Stats(); tries > 50 || s.Postponed < 990 || s.Dead > 0 {
		t.Errorf("%d tries, %+v", tries, s)
	}
}

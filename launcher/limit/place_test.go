package limit

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// One tenant gets half of the places of a class, however it spreads its requests; the others get theirs.
func TestATenantHasHalfOfThePlaces(t *testing.T) {
	s := newShedding(t, ShedderOptions{InFlight: [classes]int{Read: 8, Heavy: 3}})
	take := func(tenant string, c Class) *Place {
		place, _, ok := s.Admit(c)
		if !ok {
			return nil
		}
		if retry, ok := place.Of(tenant); !ok {
			if retry < time.Second {
				t.Errorf("%s may come back after %v", tenant, retry)
			}
			place.Leave()
			return nil
		}
		return place
	}
	var first *Place
	for i := range 8 {
		place := take("greedy", Read)
		if (place != nil) != (i < 4) {
			t.Errorf("request %d of one tenant: taken %t", i+1, place != nil)
		}
		if i == 0 {
			first = place
		}
	}
	for i := range 4 {
		if take("tenant"+strconv.Itoa(i%2), Read) == nil {
			t.Errorf("request %d of others is refused", i+1)
		}
	}
	if take("late", Read) != nil {
		t.Error("more than the whole were taken")
	}
	first.Leave()
	first.Leave()
	if take("greedy", Read) == nil {
		t.Error("what was given back is not to be had")
	}
	one, two, three := take("greedy", Heavy), take("greedy", Heavy), take("greedy", Heavy)
	if one == nil || two == nil || three != nil {
		t.Error("a tenant gets 2 of 3 places, the half of an odd number rounded up")
	}
	if s.Stats().Shed[Read] != 5 {
		t.Errorf("%d were counted as refused, 4 of one and 1 of another were", s.Stats().Shed[Read])
	}
}

// A request that goes on to another class leaves the one it was in, and stays there if it may not.
func TestMoving(t *testing.T) {
	s := newShedding(t, ShedderOptions{InFlight: [classes]int{Receive: 4, Submit: 4}})
	var places []*Place
	for range 2 {
		place, _, ok := s.Admit(Receive)
		if !ok {
			t.Fatal("refused")
		}
		if _, ok := place.Of("a"); !ok {
			t.Fatal("one of two is more than the half of four")
		}
		if _, ok := place.Move(Submit); !ok {
			t.Fatal("a move into an empty class was refused")
		}
		places = append(places, place)
	}
	third, _, _ := s.Admit(Receive)
	if _, ok := third.Of("a"); !ok {
		t.Fatal("those that went on still count where they were")
	}
	if retry, ok := third.Move(Submit); ok || retry < time.Second {
		t.Errorf("a tenant moved into more than its half: %v", retry)
	}
	if n := s.Stats().InFlight; n[Receive] != 1 || n[Submit] != 2 {
		t.Errorf("in flight %v", n)
	}
	places[0].Leave()
	if _, ok := third.Move(Submit); !ok {
		t.Error("a place that is free was refused")
	}
	third.Leave()
	if _, ok := third.Move(Receive); ok {
		t.Error("who has left came back")
	}
	places[1].Leave()
	if n := s.Stats().InFlight; n[Receive] != 0 || n[Submit] != 0 || len(s.tenants) != 0 {
		t.Errorf("after all have left: %v, %d tenants", n, len(s.tenants))
	}
}

// Bytes are bounded in all and by half for one tenant; what was not needed is given back early.
func TestBytes(t *testing.T) {
	b := NewBytes(100)
	a, ok := b.Take("a", 40)
	if !ok {
		t.Fatal("40 of 50 were refused")
	}
	if _, ok := b.Take("a", 11); ok {
		t.Error("a tenant has 51 of 100")
	}
	rest, ok := b.Take("a", 10)
	if !ok {
		t.Error("a tenant may not have its half")
	}
	if _, ok := b.Take("b", 50); !ok {
		t.Error("the other half was refused")
	}
	if _, ok := b.Take("c", 1); ok {
		t.Error("101 of 100 were taken")
	}
	a.Keep(41) // does not grow
	a.Keep(5)
	if b.Held() != 65 {
		t.Errorf("%d are held, want 5+10+50", b.Held())
	}
	if _, ok := b.Take("a", 35); !ok {
		t.Error("what was not needed is not to be had")
	}
	a.Keep(0)
	a.Keep(0)
	rest.Keep(0)
	(*Hold)(nil).Keep(0)
	if b.Held() != 85 || len(b.tenants) != 2 {
		t.Errorf("%d of %d tenants are held, want 35+50 of 2", b.Held(), len(b.tenants))
	}
}

// A launcher that nobody asks has its memory collected before it would refuse anybody, within two seconds.
func TestIdleLauncherCollects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := make(chan int64, 1)
		memory <- 760 // above 75 %, below all that refuses
		s := NewShedder(ShedderOptions{
			MaxMemory: 1000,
			Memory:    func() int64 { m := <-memory; memory <- m; return m },
			Collect:   func() { <-memory; memory <- 300 },
		})
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if m := <-memory; m != 300 {
			t.Errorf("%d bytes of garbage are still there", m)
		}
		memory <- 0
		s.Stop()
		s.Stop()
	})
}

// Memory that is in use can't be given back: the pauses double, 1 + 2 + 4 .. + 32 s are 63 s, then one a minute.
func TestCollectingInVain(t *testing.T) {
	s := newShedding(t, ShedderOptions{MaxMemory: 1000})
	s.memory = 800
	for range 1200 { // 2 min
		if s.admits() != "rsh" {
			t.Fatal("refused at 80 %")
		}
	}
	s.work.Wait()
	if n := len(s.collected); n != 7 {
		t.Errorf("collected %d times in 2 minutes, want at 0, 1, 3, 7, 15, 31 and 63 s", n)
	}
}

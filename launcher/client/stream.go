package client

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// maxEventBytes bounds a line and the data of one event.
const maxEventBytes = 1 << 20

// errLargeEvent ends a stream for good: the event would come again on the next connection.
var errLargeEvent = fmt.Errorf("client: an event has more than %d bytes", maxEventBytes)

// message is one server-sent event as it came.
type message struct {
	id, data string
	hasID    bool
}

// stream reads server-sent events (the HTML standard, 9.2.6). Event names are not needed: the data
// says what it is.
type stream struct {
	lines *bufio.Scanner
	alive func()        // called for each line, comments too
	retry time.Duration // how long the server asks to wait before connecting again; zero: it did not
}

func newStream(from io.Reader, alive func()) *stream {
	s := &stream{lines: bufio.NewScanner(from), alive: alive}
	s.lines.Buffer(make([]byte, 0, 4096), maxEventBytes)
	return s
}

// next is the next event that has data; io.EOF: the stream has ended. One that was cut off in the
// middle is dropped, as the standard says: it comes again.
func (s *stream) next() (message, error) {
	var m message
	var data []string
	size := 0
	for s.lines.Scan() {
		s.alive()
		line := s.lines.Text()
		if line == "" {
			if len(data) > 0 {
				m.data = strings.Join(data, "\n")
				return m, nil
			}
			m = message{}
			continue
		}
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "data":
			if size += len(value) + 1; size > maxEventBytes {
				return m, errLargeEvent
			}
			data = append(data, value)
		case "id":
			m.id, m.hasID = value, true
		case "retry":
			if ms, err := strconv.ParseUint(value, 10, 31); err == nil {
				s.retry = time.Duration(ms) * time.Millisecond
			}
		}
	}
	if errors.Is(s.lines.Err(), bufio.ErrTooLong) {
		return m, errLargeEvent
	}
	if err := s.lines.Err(); err != nil {
		return m, err
	}
	return m, io.EOF
}

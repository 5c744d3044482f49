// Command dump writes random studies for the oracle, one JSON document a line:
//
//	go run ./testdata/studies/tools/dump FROM TO | python3 testdata/studies/tools/oracle.py --judge > random.jsonl
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strconv"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/matcher/studies"
)

type line struct {
	Seed     int             `json:"seed"`
	Zone     string          `json:"zone"`
	Slots    []model.Slot    `json:"slots"`
	Scenario *model.Scenario `json:"scenario"`
}

func main() {
	if err := dump(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "dump:", err)
		os.Exit(1)
	}
}

func dump(args []string) (err error) {
	if len(args) != 2 {
		return fmt.Errorf("want FROM TO, have %q", args)
	}
	from, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	to, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(out)
	for seed := from; seed < to; seed++ {
		shape := studies.Shape{Slots: 30, Campaigns: 7, Users: 6}
		slots, sc := studies.Random(studies.Seeded(uint64(seed)), shape)
		if err := encoder.Encode(line{seed, sc.Location.String(), slots, sc}); err != nil {
			return err
		}
	}
	return out.Flush()
}

package results

import (
	"errors"
	"fmt"

	"github.com/whatif-machine/whatif/model"
)

// CheckSimulationID is nil if id has the form of a simulation's id: 20260701-abcdefgh23.
func CheckSimulationID(id string) error {
	if !model.ValidSimulationID(id) {
		return fmt.Errorf("results: %q is no simulation id; they look like 20260701-abcdefgh23, and `latest` stands for the newest one", id)
	}
	return nil
}

// CheckVariantID is nil if id has the form of a variant's id: baseline, v0001, v0001.r2.
func CheckVariantID(id string) error {
	if !model.ValidVariantID(id) {
		return fmt.Errorf("results: %q is no variant id; they look like baseline, v0001 or v0001.r2", id)
	}
	return nil
}

func checkIDs(simulation, variant string) error {
	return errors.Join(CheckSimulationID(simulation), CheckVariantID(variant))
}

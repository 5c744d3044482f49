package transforms

import (
	"encoding/json"
	"reflect"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"github.com/whatif-machine/whatif/model"
)

// Elements travel as JSON between the processes of a runner: it keeps exact decimals and nulls,
// which Beam's own row coder does not know. Beam finds the functions by name, so they can't be one
// generic one.
func init() {
	registerJSON[model.Variant](encodeVariant, decodeVariant)
	registerJSON[model.VariantResult](encodeResult, decodeResult)
	registerJSON[Failure](encodeFailure, decodeFailure)
}

func registerJSON[T any](enc func(T) ([]byte, error), dec func([]byte) (T, error)) {
	t := reflect.TypeFor[T]()
	beam.RegisterType(t)
	register.Function1x2(enc)
	register.Function1x2(dec)
	beam.RegisterCoder(t, enc, dec)
}

func encodeVariant(v model.Variant) ([]byte, error)      { return json.Marshal(v) }
func decodeVariant(data []byte) (model.Variant, error)   { return decodeJSON[model.Variant](data) }
func encodeResult(v model.VariantResult) ([]byte, error) { return json.Marshal(v) }
func decodeResult(data []byte) (model.VariantResult, error) {
	return decodeJSON[model.VariantResult](data)
}
func encodeFailure(f Failure) ([]byte, error)    { return json.Marshal(f) }
func decodeFailure(data []byte) (Failure, error) { return decodeJSON[Failure](data) }

func decodeJSON[T any](data []byte) (v T, err error) {
	err = json.Unmarshal(data, &v)
	return v, err
}

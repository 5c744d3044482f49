package model

import (
	"encoding/json"
	"reflect"
	"strings"

	"github.com/invopop/jsonschema"
)

// Schema is the JSON Schema (draft 2020-12) of a configuration, for editors and other programs. It
// is made of the shapes that also give the parser its keys; what a schema cannot say (names of
// parameters, operations per edit, limits of a whole sweep) only `whatif validate` checks.
func Schema() []byte {
	r := &jsonschema.Reflector{Anonymous: true, ExpandedStruct: true, Namer: definitionName}
	root := r.Reflect(configShape{})
	root.Title = "Configuration of a what-if simulation"
	named := &jsonschema.Reflector{Anonymous: true, Namer: definitionName}
	for _, shape := range []any{campaignShape{}, capShape{}, adjustShape{}, rangeKindShape{}, expressionShape{}, scalarShape{}, sweepValueShape{}} {
		for name, definition := range named.Reflect(shape).Definitions {
			root.Definitions[name] = definition
		}
	}
	text, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		panic(err) // a tree of strings, numbers and maps always encodes; the tests run it
	}
	return append(text, '\n')
}

// definitionName names a shape in the schema: campaignShape is campaign, listOf[capShape] is list_of_cap.
func definitionName(t reflect.Type) string {
	name := t.Name()
	if argument, ok := strings.CutPrefix(name, "listOf["); ok {
		argument = strings.TrimSuffix(argument, "]")
		return "list_of_" + shapeName(argument[strings.LastIndexByte(argument, '.')+1:])
	}
	return shapeName(name)
}

func shapeName(typeName string) string { return strings.TrimSuffix(typeName, "Shape") }

func refTo(definition string) *jsonschema.Schema {
	return &jsonschema.Schema{Ref: "#/$defs/" + definition}
}

func anyOf(forms ...*jsonschema.Schema) *jsonschema.Schema { return &jsonschema.Schema{AnyOf: forms} }

func count(n uint64) *uint64 { return &n }

// JSONSchema says that numbers and booleans are read as text too.
func (scalarShape) JSONSchema() *jsonschema.Schema {
	return anyOf(&jsonschema.Schema{Type: "string"}, &jsonschema.Schema{Type: "number"}, &jsonschema.Schema{Type: "boolean"})
}

// JSONSchema is a targeting expression: dimension lists beside all, any and not.
func (expressionShape) JSONSchema() *jsonschema.Schema {
	properties := jsonschema.NewProperties()
	several := anyOf(refTo("expression"), &jsonschema.Schema{Type: "array", Items: refTo("expression")})
	properties.Set("all", several)
	properties.Set("any", several)
	properties.Set("not", refTo("expression"))
	return &jsonschema.Schema{Type: "object", Properties: properties,
		Description:          "A map of dimensions to the values they may have, ANDed; all, any and not combine expressions",
		AdditionalProperties: anyOf(refTo("scalar"), &jsonschema.Schema{Type: "array", Items: refTo("scalar"), MinItems: count(1)})}
}

// JSONSchema is a path or the campaigns themselves.
func (campaignsShape) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Description: "A path or URI (YAML or JSON) of the campaigns, or the list itself", AnyOf: []*jsonschema.Schema{
		{Type: "string", MinLength: count(1)}, {Type: "array", Items: refTo("campaign"), MaxItems: count(MaxCampaigns)}}}
}

// JSONSchema is a value of a parameter; `none` clears a field.
func (sweepValueShape) JSONSchema() *jsonschema.Schema {
	return anyOf(refTo("scalar"), refTo("expression"))
}

// JSONSchema is [low, high] or one of the named ranges.
func (rangeShape) JSONSchema() *jsonschema.Schema {
	return anyOf(&jsonschema.Schema{Type: "array", Items: &jsonschema.Schema{Type: "number"}, MinItems: count(2), MaxItems: count(2)}, refTo("rangeKind"))
}

// JSONSchemaExtend allows one named range only.
func (rangeKindShape) JSONSchemaExtend(s *jsonschema.Schema) {
	s.MinProperties, s.MaxProperties = count(1), count(1)
}

// JSONSchemaExtend lists the edits.
func (parameterShape) JSONSchemaExtend(s *jsonschema.Schema) {
	edit, _ := s.Properties.Get("edit")
	for _, name := range leverNames() {
		edit.Enum = append(edit.Enum, name)
	}
}

// JSONSchema is a list, or a single value that stands for a list of one.
func (listOf[T]) JSONSchema() *jsonschema.Schema {
	item := &jsonschema.Schema{Type: "string"}
	if t := reflect.TypeFor[T](); t.Kind() == reflect.Struct {
		item = refTo(definitionName(t))
	}
	return anyOf(item, &jsonschema.Schema{Type: "array", Items: item})
}

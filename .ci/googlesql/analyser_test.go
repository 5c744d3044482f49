package googlesql

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	gsql "github.com/goccy/go-googlesql"
)

func TestMain(m *testing.M) {
	if err := gsql.Init(); err != nil {
		fmt.Fprintln(os.Stderr, "start GoogleSQL:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// analyser is GoogleSQL as BigQuery has it, with the tables and views made so far.
type analyser struct {
	catalog *gsql.SimpleCatalog
	dataset *gsql.SimpleCatalog // my-project.whatif, in the catalog
	options *gsql.AnalyzerOptions
	types   *gsql.TypeFactory
	held    []any // what the catalog refers to without keeping it
}

// newAnalyser has BigQuery's settings: its language, the external names of types, QUALIFY a reserved word.
func newAnalyser() (*analyser, error) {
	language, err := gsql.NewLanguageOptions()
	if err != nil {
		return nil, err
	}
	a := &analyser{}
	a.catalog, err = gsql.NewSimpleCatalog("bigquery", nil)
	if err != nil {
		return nil, err
	}
	if a.dataset, err = gsql.NewSimpleCatalog(dataset, nil); err != nil {
		return nil, err
	}
	if a.options, err = gsql.NewAnalyzerOptions2(); err != nil {
		return nil, err
	}
	if a.types, err = gsql.NewTypeFactory(); err != nil {
		return nil, err
	}
	return a, errors.Join(
		language.EnableMaximumLanguageFeatures(),
		language.SetProductMode(gsql.ProductModeProductExternal),
		language.SetSupportsAllStatementKinds(),
		language.EnableReservableKeyword("QUALIFY", true),
		// "CREATE VIEW name (column OPTIONS (description = ..))": BigQuery, Data definition language, CREATE VIEW.
		language.EnableLanguageFeature(gsql.LanguageFeatureFeatureCreateViewsWithColumnOptions),
		a.catalog.AddCatalog(a.dataset),
		a.catalog.AddBuiltinFunctionsAndTypes(&gsql.BuiltinFunctionOptions{LanguageOptions: language}),
		a.options.SetLanguage(language),
		a.options.SetPruneUnusedColumns(true),
		a.options.SetErrorMessageMode(gsql.ErrorMessageModeErrorMessageMultiLineWithCaret),
	)
}

// column is a column of what a statement makes or answers.
type column struct {
	name, typ string
	node      gsql.Googlesql_TypeNode
}

// meaning is what the analyser made of a statement.
type meaning struct {
	columns []column
	reads   map[string][]string // the columns that are needed, by table or view, in the order of their names
	out     *gsql.AnalyzerOutput
}

// ofDataset is the name of a table as BigQuery takes it: "`project.dataset.table`" is the same as
// "`project`.`dataset`.`table`" (Lexical structure and syntax, Table names). So the table's own name is what
// its columns stand behind, and hides a column of the same name.
var ofDataset = regexp.MustCompile("`(my-project\\.whatif)\\.(\\w+)`")

// analyse reads a statement. The error says where it is wrong.
func (a *analyser) analyse(text string) (*meaning, error) {
	text = ofDataset.ReplaceAllString(text, "`$1`.$2")
	out, err := gsql.AnalyzeStatement(text, a.options, a.catalog, a.types)
	if err != nil {
		return nil, err
	}
	statement, err := out.ResolvedStatement()
	if err != nil {
		return nil, err
	}
	m := &meaning{out: out}
	if create, ok := statement.(*gsql.ResolvedCreateTableStmt); ok {
		m.columns, err = definitions(create)
		return m, err
	}
	outputs, err := outputsOf(statement)
	if err != nil {
		return nil, err
	}
	if m.columns, err = columnsOf(outputs); err != nil {
		return nil, err
	}
	m.reads, err = readBy(statement, outputs)
	return m, err
}

// outputsOf are the columns of a query's answer, or of the view or function that a statement makes.
func outputsOf(statement gsql.ResolvedStatementNode) ([]*gsql.ResolvedOutputColumn, error) {
	answering, ok := statement.(interface {
		OutputColumnList() ([]*gsql.ResolvedOutputColumn, error)
	})
	if !ok {
		return nil, nil
	}
	return answering.OutputColumnList()
}

func columnsOf(outputs []*gsql.ResolvedOutputColumn) (columns []column, err error) {
	for _, o := range outputs {
		name, err := o.Name()
		if err != nil {
			return nil, err
		}
		c, err := o.Column()
		if err != nil {
			return nil, err
		}
		node, err := c.Type()
		if err != nil {
			return nil, err
		}
		if columns, err = add(columns, name, node); err != nil {
			return nil, err
		}
	}
	return columns, nil
}

func definitions(s *gsql.ResolvedCreateTableStmt) (columns []column, err error) {
	list, err := s.ColumnDefinitionList()
	if err != nil {
		return nil, err
	}
	for _, d := range list {
		name, err := d.Name()
		if err != nil {
			return nil, err
		}
		node, err := d.Type()
		if err != nil {
			return nil, err
		}
		if columns, err = add(columns, name, node); err != nil {
			return nil, err
		}
	}
	return columns, nil
}

func add(columns []column, name string, node gsql.Googlesql_TypeNode) ([]column, error) {
	named, ok := node.(interface {
		TypeName(mode gsql.ProductMode) (string, error)
	})
	if !ok {
		return nil, fmt.Errorf("the type %T of column %s has no name", node, name)
	}
	typ, err := named.TypeName(gsql.ProductModeProductExternal)
	return append(columns, column{name, typ, node}), err
}

// keep puts a table or view into the catalog.
func (a *analyser) keep(name string, m *meaning) error {
	table, err := gsql.NewSimpleTable(name, 0)
	if err != nil {
		return err
	}
	a.held = append(a.held, table, m.out)
	for _, c := range m.columns {
		column, err := gsql.NewSimpleColumn(name, c.name, c.node, false, true)
		if err != nil {
			return err
		}
		a.held = append(a.held, column)
		if err := table.AddColumn2(column, false); err != nil {
			return err
		}
	}
	// Also by itself, as with a default dataset.
	return errors.Join(a.catalog.AddTable(table), a.dataset.AddTable(table))
}

// keepFunction puts a table function of texts into the catalog.
func (a *analyser) keepFunction(name string, arguments int, m *meaning) error {
	text, err := a.types.GetString()
	if err != nil {
		return err
	}
	var list []*gsql.FunctionArgumentType
	for range arguments {
		one, err := gsql.NewFunctionArgumentType3(text, 1)
		if err != nil {
			return err
		}
		list = append(list, one)
	}
	var columns []*gsql.TVFSchemaColumn
	for _, c := range m.columns {
		columns = append(columns, &gsql.TVFSchemaColumn{Name: c.name, Type_: c.node})
	}
	relation, err := gsql.NewTVFRelation(columns)
	if err != nil {
		return err
	}
	result, err := gsql.NewFunctionArgumentTypeRelationWithSchema(relation, false)
	if err != nil {
		return err
	}
	signature, err := gsql.NewFunctionSignature3(result, list, 0)
	if err != nil {
		return err
	}
	function, err := gsql.NewFixedOutputSchemaTVF([]string{name}, signature, relation, &gsql.TableValuedFunctionOptions{})
	if err != nil {
		return err
	}
	a.held = append(a.held, text, list, relation, result, signature, function, m.out)
	return errors.Join(a.catalog.AddTableValuedFunction2(name, function.TableValuedFunction), a.dataset.AddTableValuedFunction2(name, function.TableValuedFunction))
}

// equal compares names and types as BigQuery does.
func equal(a, b string) bool {
	return strings.EqualFold(strings.ReplaceAll(a, " ", ""), strings.ReplaceAll(b, " ", ""))
}

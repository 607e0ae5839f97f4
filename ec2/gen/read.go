package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// An SDK is what the source of service/ec2 says about its types.
type SDK struct {
	structs  map[string]*ast.StructType
	enums    map[string]bool
	requests wire
	answers  wire
}

// A wire holds the names that one direction uses.
type wire struct {
	names map[member]string // of parameters or elements
	lists map[member]string // the list shape that a member is, or ""
	items map[string]string // list shape → name of its items' elements
}

type member struct{ shape, field string }

func newWire() wire {
	return wire{names: map[member]string{}, lists: map[member]string{}, items: map[string]string{}}
}

// read parses the SDK in dir, as far as the operations need it.
func read(dir string, ops []string) (*SDK, error) {
	sdk := &SDK{
		structs:  map[string]*ast.StructType{},
		enums:    map[string]bool{},
		requests: newWire(),
		answers:  newWire(),
	}
	files := map[string]func(*ast.File){
		"types/types.go":   sdk.readTypes,
		"types/enums.go":   sdk.readTypes,
		"serializers.go":   func(f *ast.File) { sdk.requests.read(f, "awsEc2query_serialize", parameter) },
		"deserializers.go": func(f *ast.File) { sdk.answers.read(f, "awsEc2query_deserialize", element) },
	}
	for _, op := range ops {
		name := "api_op_" + op + ".go"
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return nil, fmt.Errorf("ops.txt: the SDK has no operation %s: %w", op, err)
		}
		files[name] = sdk.readTypes
	}
	for name, readFile := range files {
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, name), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		readFile(f)
	}
	return sdk, nil
}

func (s *SDK) readTypes(f *ast.File) {
	for _, d := range f.Decls {
		decl, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range decl.Specs {
			named, ok := spec.(*ast.TypeSpec)
			if !ok {
				continue
			}
			switch t := named.Type.(type) {
			case *ast.StructType:
				s.structs[named.Name.Name] = t
			case *ast.Ident:
				s.enums[named.Name.Name] = true
			}
		}
	}
}

// read records the name of every member that a function with the prefix (de)serializes.
// The functions are named prefix + "OpDocument" or "Document" + shape.
func (w wire) read(f *ast.File, prefix string, find func(ast.Node) (field, name string)) {
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || !strings.HasPrefix(fn.Name.Name, prefix) {
			continue
		}
		shape := strings.TrimPrefix(fn.Name.Name, prefix)
		shape = strings.TrimPrefix(strings.TrimPrefix(shape, "OpDocument"), "Document")
		ast.Inspect(fn.Body, func(n ast.Node) bool {
			field, name := find(n)
			switch {
			case field != "":
				w.names[member{shape, field}] = name
				w.lists[member{shape, field}] = callee(n, prefix+"Document")
				return false
			case name != "":
				w.items[shape] = name
			}
			return true
		})
	}
}

// parameter matches `if v.Field … { … object.Key("Name") … }` of a serializer.
func parameter(n ast.Node) (field, name string) {
	s, ok := n.(*ast.IfStmt)
	if !ok {
		return "", ""
	}
	field = selected(s.Cond, "v")
	ast.Inspect(s.Body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || name != "" || len(call.Args) != 1 {
			return name == ""
		}
		if fn, ok := call.Fun.(*ast.SelectorExpr); ok && isIdent(fn.X, "object") {
			name = literal(call.Args[0])
		}
		return name == ""
	})
	if name == "" {
		return "", ""
	}
	return field, name
}

// element matches `case strings.EqualFold("name", t.Name.Local): … sv.Field …` of a
// deserializer; in a list's there is no field, and the name is that of its items.
func element(n ast.Node) (field, name string) {
	clause, ok := n.(*ast.CaseClause)
	if !ok || len(clause.List) != 1 {
		return "", ""
	}
	call, ok := clause.List[0].(*ast.CallExpr)
	if !ok || len(call.Args) != 2 {
		return "", ""
	}
	for _, s := range clause.Body {
		if f := selected(s, "sv"); f != "" {
			field = f
		}
	}
	return field, literal(call.Args[0])
}

// selected is the last Field of an expression x.Field in n.
func selected(n ast.Node, x string) (field string) {
	ast.Inspect(n, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && isIdent(s.X, x) {
			field = s.Sel.Name
		}
		return true
	})
	return field
}

// callee is the shape whose function, named prefix + shape, is called in n.
func callee(n ast.Node, prefix string) (shape string) {
	ast.Inspect(n, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && shape == "" {
			if fn, ok := call.Fun.(*ast.Ident); ok {
				if s, ok := strings.CutPrefix(fn.Name, prefix); ok {
					shape = s
				}
			}
		}
		return shape == ""
	})
	return shape
}

func isIdent(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

func literal(e ast.Expr) string {
	lit, ok := e.(*ast.BasicLit)
	if !ok {
		return ""
	}
	s, _ := strconv.Unquote(lit.Value) // it parsed, so it unquotes
	return s
}

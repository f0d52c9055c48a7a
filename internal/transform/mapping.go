package transform

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/etlportal/etlportal/internal/etl"
)

// maxMapping is the length of the largest mapping file: 10,000 columns fit.
const maxMapping = 16 << 20

// The keys of a mapping file, in the order in which FormatMapping writes them.
var (
	mappingKeys   = []string{"columns", "filter", "on_bad_row"}
	columnKeys    = []string{"source", "destination", "type", "format", "transformations", "expression", "default", "null_values", "required"}
	transformKeys = []string{"fn", "args"}
	policyKeys    = []string{"mode", "max_rows", "max_ratio"}
)

// ParseMapping reads a mapping file. Unknown keys, wrong types and duplicates
// are Mistakes of code mapping_error that name file, line, column and the
// nearest valid word. Whether the columns exist is left to Compile.
func ParseMapping(text []byte, filename string) (etl.Mapping, error) {
	m, _, err := ReadMapping(text, filename)
	return m, err
}

// ReadMapping is ParseMapping, and says where the parts of the mapping stand,
// so that Locate can add that to an error of Compile.
func ReadMapping(text []byte, filename string) (etl.Mapping, *Positions, error) {
	r := mappingReader{file: filename, at: make(map[string]place)}
	m := r.read(text)
	if r.err != nil {
		return etl.Mapping{}, nil, r.err
	}
	return m, &Positions{file: filename, at: r.at}, nil
}

// mappingReader walks the YAML tree; its first error sticks.
type mappingReader struct {
	file string
	err  *etl.Error
	// at are the positions of what was read, by its path.
	at map[string]place
}

func (r *mappingReader) failf(n *yaml.Node, fix, format string, args ...any) {
	if r.err == nil {
		r.err = etl.Mistakef(CodeMapping, fix, "%s:%d:%d: %s", r.file, n.Line, n.Column, fmt.Sprintf(format, args...))
		r.err.Line = int64(n.Line)
	}
}

func (r *mappingReader) read(text []byte) (m etl.Mapping) {
	switch {
	case len(text) > maxMapping:
		r.err = etl.Mistakef(CodeMapping, "Check that it is the mapping file", "%s: the file is larger than %d MiB", r.file, maxMapping>>20)
		return m
	case !utf8.Valid(text):
		r.err = etl.Mistakef(CodeMapping, "Save it as UTF-8", "%s: the file is not UTF-8", r.file)
		return m
	}
	doc, err := r.document(text)
	if err != nil {
		what := strings.TrimPrefix(err.Error(), "yaml: ")
		r.err = etl.Mistakef(CodeMapping, "Check indentation, colons and quotes; texts with : or # or a leading - need quotes", "%s: %s", r.file, strings.ReplaceAll(what, "\n", " "))
		return m
	}
	if r.err != nil {
		return m
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) == 0 || isNull(doc.Content[0]) {
		r.err = etl.Mistakef(CodeMapping, "Write columns: and below it one item per column", "%s: the file is empty", r.file)
		return m
	}
	root := doc.Content[0]
	r.object(root, "", "the mapping", mappingKeys, func(key string, v *yaml.Node) {
		switch key {
		case "columns":
			for i, c := range r.list(v, key) {
				m.Columns = append(m.Columns, r.column(c, columnPath(i)))
			}
		case "filter":
			m.Filter = r.text(v, key)
		case "on_bad_row":
			m.OnBadRow = r.policy(v)
		}
	})
	if r.err == nil && len(m.Columns) == 0 {
		r.failf(root, "Write columns: and below it one item per column", "the mapping has no columns")
	}
	seen := make(map[string]bool)
	for i, c := range m.Columns {
		if r.err == nil && seen[c.Destination] {
			r.failf(r.destinationNode(root, i), "Remove one of them", "two mappings fill the column %q", cut(c.Destination, 80))
		}
		seen[c.Destination] = true
	}
	return m
}

// document reads the one YAML document of the file; a second one, which
// nothing would read, is an error unless it is empty.
func (r *mappingReader) document(text []byte) (first yaml.Node, err error) {
	d := yaml.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(&first); err != nil && !errors.Is(err, io.EOF) {
		return first, err
	}
	for {
		var next yaml.Node
		switch err := d.Decode(&next); {
		case errors.Is(err, io.EOF):
			return first, nil
		case err != nil:
			return first, err
		case len(next.Content) > 0 && !isNull(next.Content[0]):
			r.failf(next.Content[0], "Remove the line --- before it, or put it into a file of its own", "a second YAML document begins here; a mapping file is one")
			return first, nil
		}
	}
}

// destinationNode finds where the i-th column names its destination.
func (r *mappingReader) destinationNode(root *yaml.Node, i int) *yaml.Node {
	for k := 0; k+1 < len(root.Content); k += 2 {
		if root.Content[k].Value != "columns" {
			continue
		}
		c := resolve(resolve(root.Content[k+1]).Content[i])
		for j := 0; j+1 < len(c.Content); j += 2 {
			if c.Content[j].Value == "destination" {
				return c.Content[j+1]
			}
		}
		return c
	}
	return root
}

// resolve follows an alias; YAML's own decoder has bounded them.
func resolve(n *yaml.Node) *yaml.Node {
	for i := 0; n.Kind == yaml.AliasNode && n.Alias != nil && i < 100; i++ {
		n = n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// object calls set for each key of a YAML mapping, which stands at where; keys it does not know and repeats are errors.
func (r *mappingReader) object(n *yaml.Node, where, what string, keys []string, set func(key string, v *yaml.Node)) {
	n = resolve(n)
	r.note(where, n)
	if n.Kind != yaml.MappingNode {
		r.failf(n, "Write its keys as "+strings.Join(keys, ", "), "%s should be keys with values, not %s", what, describeNode(n))
		return
	}
	seen := make(map[string]int)
	for i := 0; i+1 < len(n.Content) && r.err == nil; i += 2 {
		k, v := n.Content[i], resolve(n.Content[i+1])
		if !slices.Contains(keys, k.Value) || k.Kind != yaml.ScalarNode {
			r.failf(k, didYouMean(k.Value, keys, "keys"), "%s has no key %q", what, cut(k.Value, 40))
			return
		}
		if line, ok := seen[k.Value]; ok {
			r.failf(k, "Remove one of them", "the key %s stands twice, first in line %d", k.Value, line)
			return
		}
		seen[k.Value] = k.Line
		if !isNull(v) {
			r.note(strings.TrimPrefix(where+"."+k.Value, "."), v)
			set(k.Value, v)
		}
	}
}

// note keeps where a part of the mapping stands.
func (r *mappingReader) note(where string, n *yaml.Node) {
	r.at[where] = place{n.Line, n.Column}
}

func describeNode(n *yaml.Node) string {
	switch n.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "keys with values"
	}
	switch n.ShortTag() {
	case "!!null":
		return "nothing"
	case "!!str":
		return "the text " + strconv.Quote(cut(n.Value, 40))
	}
	return cut(n.Value, 40)
}

func (r *mappingReader) list(n *yaml.Node, key string) []*yaml.Node {
	if n.Kind != yaml.SequenceNode {
		r.failf(n, "Write a list: - one item per line, or [a, b]", "%s should be a list, not %s", key, describeNode(n))
		return nil
	}
	return n.Content
}

// text reads a scalar as a text; a number or boolean is taken as it is written.
func (r *mappingReader) text(n *yaml.Node, key string) string {
	n = resolve(n)
	if n.Kind != yaml.ScalarNode || isNull(n) {
		r.failf(n, "Write a text, in quotes where it has special characters", "%s should be a text, not %s", key, describeNode(n))
		return ""
	}
	return n.Value
}

func (r *mappingReader) column(n *yaml.Node, where string) (c etl.ColumnMapping) {
	r.object(n, where, "a column", columnKeys, func(key string, v *yaml.Node) {
		switch key {
		case "source":
			c.Source = r.text(v, key)
		case "destination":
			c.Destination = r.text(v, key)
		case "type":
			c.Type = r.text(v, key)
		case "format":
			c.Format = r.text(v, key)
		case "expression":
			c.Expression = r.text(v, key)
		case "default":
			s := r.text(v, key)
			c.Default = &s
		case "required":
			c.Required = r.boolean(v, key)
		case "null_values":
			words := make([]string, 0, len(v.Content))
			for _, w := range r.list(v, key) {
				words = append(words, r.text(w, "an item of null_values"))
			}
			c.NullValues = &words
		case "transformations":
			for i, t := range r.list(v, key) {
				c.Transformations = append(c.Transformations, r.transform(resolve(t), where+"."+item(key, i)))
			}
		}
	})
	switch {
	case r.err != nil:
	case c.Destination == "":
		r.failf(resolve(n), "Add destination: the name of a column of the table", "a column has no destination")
	case c.Source == "" && c.Expression == "":
		r.failf(resolve(n), "Add a source, or an expression", "the column %q has neither source nor expression", cut(c.Destination, 80))
	}
	return c
}

func (r *mappingReader) boolean(n *yaml.Node, key string) bool {
	var b bool
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" || n.Decode(&b) != nil {
		r.failf(n, "Write true or false", "%s should be true or false, not %s", key, describeNode(n))
	}
	return b
}

// transform reads TRIM or {fn: REPLACE, args: [a, b]}.
func (r *mappingReader) transform(n *yaml.Node, where string) (t etl.Transform) {
	name := n
	r.note(where, n)
	if n.Kind == yaml.ScalarNode {
		t.Fn = r.text(n, "a transformation")
	} else {
		r.object(n, where, "a transformation", transformKeys, func(key string, v *yaml.Node) {
			if key == "fn" {
				name = v
				t.Fn = r.text(v, key)
				return
			}
			for i, a := range r.list(v, key) {
				r.note(where+"."+item(key, i), resolve(a))
				t.Args = append(t.Args, r.argument(resolve(a)))
			}
		})
	}
	if r.err != nil {
		return t
	}
	if f := functions[strings.ToLower(t.Fn)]; f == nil || !f.transformation {
		if before, _, ok := strings.Cut(t.Fn, "("); ok {
			r.failf(name, "Write {fn: "+strings.ToUpper(strings.TrimSpace(before))+", args: […]}", "a transformation with arguments needs fn and args")
			return t
		}
		r.failf(name, didYouMean(t.Fn, functionNames(true), "transformations"), "there is no transformation %q", cut(t.Fn, 40))
	}
	return t
}

// argument reads a scalar: a text, an int, a float64, a bool or nil.
func (r *mappingReader) argument(n *yaml.Node) any {
	if n.Kind != yaml.ScalarNode {
		r.failf(n, "Write a text, a number, true, false or null", "an argument should be one value, not %s", describeNode(n))
		return nil
	}
	switch n.ShortTag() {
	case "!!null":
		return nil
	case "!!bool":
		return r.boolean(n, "an argument")
	case "!!int":
		var i int
		if n.Decode(&i) == nil {
			return i
		}
	case "!!float":
		var f float64
		if n.Decode(&f) == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
			return f
		}
	}
	return n.Value
}

func (r *mappingReader) policy(n *yaml.Node) (p etl.BadRowPolicy) {
	r.object(n, "on_bad_row", "on_bad_row", policyKeys, func(key string, v *yaml.Node) {
		switch key {
		case "mode":
			p.Mode = r.text(v, key)
		case "max_rows":
			var i int64
			if v.ShortTag() != "!!int" || v.Decode(&i) != nil {
				r.failf(v, "Write a whole number", "max_rows should be a whole number, not %s", describeNode(v))
				return
			}
			p.MaxRows = &i
		case "max_ratio":
			var f float64
			if s := v.ShortTag(); s != "!!int" && s != "!!float" || v.Decode(&f) != nil {
				r.failf(v, "Write a share from 0 to 1: 0.05 is 5 %", "max_ratio should be a number, not %s", describeNode(v))
				return
			}
			p.MaxRatio = &f
		}
		if err := checkPolicy(p); err != nil {
			r.failf(v, err.Fix, "%s", err.Message)
		}
	})
	return p
}

// FormatMapping writes a mapping as YAML; ParseMapping gives back an equal one
// where Compile would take it. A transformation without arguments is written as its bare name.
func FormatMapping(m etl.Mapping) []byte {
	columns := sequence(0)
	for _, c := range m.Columns {
		columns.Content = append(columns.Content, columnNode(c))
	}
	root := &yaml.Node{Kind: yaml.MappingNode}
	add(root, "columns", columns)
	addText(root, "filter", m.Filter)
	if p := m.OnBadRow; p != (etl.BadRowPolicy{}) {
		policy := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
		addText(policy, "mode", p.Mode)
		if p.MaxRows != nil {
			add(policy, "max_rows", scalar(*p.MaxRows))
		}
		if p.MaxRatio != nil {
			add(policy, "max_ratio", scalar(*p.MaxRatio))
		}
		add(root, "on_bad_row", policy)
	}
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	// Writing scalars, lists and mappings into memory cannot fail.
	_ = e.Encode(root)
	_ = e.Close()
	return b.Bytes()
}

func columnNode(c etl.ColumnMapping) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	addText(n, "source", c.Source)
	add(n, "destination", scalar(c.Destination))
	addText(n, "type", c.Type)
	addText(n, "format", c.Format)
	if len(c.Transformations) > 0 {
		list := sequence(0)
		for _, t := range c.Transformations {
			if len(t.Args) == 0 {
				list.Content = append(list.Content, scalar(t.Fn))
				continue
			}
			args := sequence(yaml.FlowStyle)
			for _, a := range t.Args {
				args.Content = append(args.Content, scalar(a))
			}
			step := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
			add(step, "fn", scalar(t.Fn))
			add(step, "args", args)
			list.Content = append(list.Content, step)
		}
		add(n, "transformations", list)
	}
	addText(n, "expression", c.Expression)
	if c.Default != nil {
		add(n, "default", scalar(*c.Default))
	}
	if c.NullValues != nil {
		words := sequence(yaml.FlowStyle)
		for _, w := range *c.NullValues {
			words.Content = append(words.Content, scalar(w))
		}
		add(n, "null_values", words)
	}
	if c.Required {
		add(n, "required", scalar(true))
	}
	return n
}

func sequence(style yaml.Style) *yaml.Node { return &yaml.Node{Kind: yaml.SequenceNode, Style: style} }

func add(n *yaml.Node, key string, value *yaml.Node) {
	n.Content = append(n.Content, scalar(key), value)
}

func addText(n *yaml.Node, key, value string) {
	if value != "" {
		add(n, key, scalar(value))
	}
}

// scalar is a value as a YAML node that reads back as the same Go value.
func scalar(v any) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode}
	switch v := v.(type) {
	case nil:
		n.Tag, n.Value = "!!null", "null"
	case bool:
		n.Tag, n.Value = "!!bool", strconv.FormatBool(v)
	case float64:
		n.Tag, n.Value = "!!float", strconv.FormatFloat(v, 'g', -1, 64)
		if i := int64(v); float64(i) == v && math.Abs(v) < 1<<53 {
			n.Value = strconv.FormatInt(i, 10) + ".0"
		}
	case string:
		n.SetString(v)
		n.Tag = "!!str"
	default:
		n.Tag, n.Value = "!!int", fmt.Sprint(v)
	}
	return n
}

package transform

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

// Program is a compiled mapping; it may be shared by goroutines.
type Program struct {
	pool
	plans   []columnPlan
	filter  boolFunc
	targets []schema.Column
	notes   []string
}

// columnPlan is what Run does for one destination column.
type columnPlan struct {
	destination string
	// source is the field's index, -1 where there is none.
	source     int
	sourceName string
	nulls      nullRule
	// steps are the transformations; store puts what they give where it belongs.
	steps *expr
	store sink
	// parser reads the field's text, -1 where it stays text.
	parser int
	// emptyIsNull says that a field left empty by its transformations is NULL.
	emptyIsNull bool
	// finish makes the column's value out of the converted source and the row; nil where the converted source is it.
	finish sink
	// def takes the place of NULL.
	def     *schema.Value
	notNull bool
}

// Compile checks a mapping against the columns of a file and of a table and
// compiles it. With a nil target the types come from the mapping, its
// expressions or the source. Every error is a Mistake. Repeatable.
func Compile(m etl.Mapping, source []Source, target []schema.Column, o Options) (*Program, error) {
	if o.Location == nil {
		o.Location = time.UTC
	}
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	p := &Program{pool: pool{columns: source, loc: o.Location, now: o.Now}}
	b := builder{Program: p, mapping: m, target: target}
	if err := b.build(); err != nil {
		return nil, err
	}
	return p, nil
}

// Columns are the destination columns that a row fills, in the order of the mapping.
func (p *Program) Columns() []schema.Column { return p.targets }

// Notes are things worth telling a person.
func (p *Program) Notes() []string { return p.notes }

type builder struct {
	*Program
	mapping etl.Mapping
	target  []schema.Column
	// sourceOf is the source's index of each mapped column, -1 where it has none.
	sourceOf []int
}

func (b *builder) build() *etl.Error {
	if len(b.mapping.Columns) == 0 {
		return etl.Mistakef(CodeMapping, "List at least one column under columns", "the mapping has no columns")
	}
	if err := checkPolicy(b.mapping.OnBadRow); err != nil {
		return within(err, "on_bad_row")
	}
	for i, m := range b.mapping.Columns {
		if err := b.resolve(i, m); err != nil {
			return within(err, columnPath(i))
		}
	}
	if err := b.checkUnmapped(); err != nil {
		return within(err, "columns")
	}
	for i := range b.columns {
		b.readSource(i)
	}
	for i, m := range b.mapping.Columns {
		if err := b.column(i, m); err != nil {
			err.Column = m.Destination
			return within(err, columnPath(i))
		}
	}
	if b.mapping.Filter != "" {
		e, err := b.compileExpression(b.mapping.Filter, nil)
		if err == nil {
			c := &compiler{pool: &b.pool, source: b.mapping.Filter}
			b.filter = c.condition(e)
			err = c.err
		}
		if err != nil {
			err.Message = "filter: " + err.Message
			return within(err, "filter")
		}
	}
	b.noteUnused()
	return nil
}

// noteUnused tells which columns of the file go nowhere.
func (b *builder) noteUnused() {
	var unused []string
	for i, s := range b.columns {
		read := slices.ContainsFunc(b.sources, func(c sourceColumn) bool { return c.index == i })
		if !read && !slices.Contains(b.sourceOf, i) {
			unused = append(unused, quoteName(s.Name))
		}
	}
	if n := len(unused); n > 0 {
		const shown = 10
		list := strings.Join(unused[:min(n, shown)], ", ")
		if n > shown {
			list += " and " + itoa(n-shown) + " more"
		}
		b.notes = append(b.notes, "not used of the file: "+list)
	}
}

// checkPolicy says what is wrong with a bad-row policy, or nil.
func checkPolicy(p etl.BadRowPolicy) *etl.Error {
	switch {
	case p.Mode != "" && p.Mode != "fail" && p.Mode != "skip":
		return etl.Mistakef(CodeMapping, "Write fail or skip", "on_bad_row: mode is %q", cut(p.Mode, 40))
	case p.MaxRows != nil && *p.MaxRows < 0:
		return etl.Mistakef(CodeMapping, "Write a number from 0 up, or leave it out for no bound", "on_bad_row: max_rows is %d", *p.MaxRows)
	case p.MaxRatio != nil && !(*p.MaxRatio >= 0 && *p.MaxRatio <= 1):
		return etl.Mistakef(CodeMapping, "Write a share from 0 to 1: 0.05 is 5 %", "on_bad_row: max_ratio is %v", *p.MaxRatio)
	}
	return nil
}

// resolve finds the source and the destination of a mapped column.
func (b *builder) resolve(i int, m etl.ColumnMapping) *etl.Error {
	if m.Destination == "" {
		return etl.Mistakef(CodeMapping, "Add destination: the name of a column of the table", "column %d of the mapping has no destination", i+1)
	}
	name := quoteName(m.Destination)
	for _, other := range b.mapping.Columns[:i] {
		if other.Destination == m.Destination {
			return within(etl.Mistakef(CodeMapping, "Remove one of them", "two mappings fill the column %s", name), "destination")
		}
	}
	if m.Source == "" && m.Expression == "" {
		return etl.Mistakef(CodeMapping, "Add a source, or an expression; a constant is the expression 'text' or 0",
			"the mapping of column %s has neither source nor expression", name)
	}
	if m.Source == "" && len(m.Transformations) > 0 {
		return within(etl.Mistakef(CodeMapping, "Add a source, or use the functions of the same names in the expression",
			"the mapping of column %s has transformations but no source", name), "transformations")
	}
	if m.Source == "" && m.NullValues != nil {
		return within(etl.Mistakef(CodeMapping, "Add a source, or write nullif(x, 'word') in the expression",
			"the mapping of column %s has null_values but no source", name), "null_values")
	}
	at := -1
	if m.Source != "" {
		var what, fix string
		if at, what, fix = b.find(m.Source); at < 0 {
			return within(&etl.Error{
				Kind: etl.Mistake, Code: "unknown_column", Column: m.Source, Fix: fix,
				Message: "mapping of column " + name + ": " + what,
			}, "source")
		}
	}
	b.sourceOf = append(b.sourceOf, at)
	column := schema.Column{Name: m.Destination}
	if b.target != nil {
		j := slices.IndexFunc(b.target, func(c schema.Column) bool { return c.Name == m.Destination })
		if j < 0 {
			names := make([]string, len(b.target))
			for k, c := range b.target {
				names[k] = c.Name
			}
			return within(&etl.Error{
				Kind: etl.Mistake, Code: "unknown_column", Column: m.Destination,
				Message: "the table has no column " + name, Fix: didYouMean(m.Destination, names, "columns"),
			}, "destination")
		}
		column = b.target[j]
		switch {
		case column.Generated:
			return within(etl.Mistakef(CodeMapping, "Remove it from the mapping", "the database computes column %s itself (generated)", name), "destination")
		case column.Identity == "always":
			return within(etl.Mistakef(CodeMapping, "Remove it from the mapping", "the database numbers column %s itself (generated always as identity)", name), "destination")
		}
	}
	b.targets = append(b.targets, column)
	return nil
}

func (b *builder) checkUnmapped() *etl.Error {
	var missing []string
	for _, t := range b.target {
		mapped := slices.ContainsFunc(b.targets, func(c schema.Column) bool { return c.Name == t.Name })
		if !mapped && t.NotNull && !t.HasDefault && t.Identity == "" && !t.Generated {
			missing = append(missing, t.Name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	fix := "Map it"
	if n := b.sourceLike(missing[0]); n != "" {
		fix = "Map it, perhaps from " + quoteName(n)
	}
	err := etl.Mistakef(CodeMapping, fix+", or give the table's column a default",
		"column %s is NOT NULL and has no default, but nothing is mapped to it", quoteName(strings.Join(missing, `", "`)))
	err.Column = missing[0]
	return err
}

func (b *builder) sourceLike(name string) string {
	names := make([]string, len(b.columns))
	for i, c := range b.columns {
		names[i] = c.Name
	}
	return nearest(name, names)
}

// column plans one destination column.
func (b *builder) column(i int, m etl.ColumnMapping) *etl.Error {
	target := b.targets[i]
	if err := b.checkType(m, target); err != nil {
		return err
	}
	plan := columnPlan{destination: m.Destination, source: b.sourceOf[i], parser: -1, notNull: target.NotNull || m.Required}
	var value *expr
	var read reading
	if plan.source >= 0 {
		var err *etl.Error
		if read, err = b.sourceReading(i, m); err != nil {
			return err
		}
		if b.target == nil && m.Expression == "" {
			target.Type = read.t
		}
		if err := b.planSource(&plan, m, read); err != nil {
			return err
		}
		value = valueOf(read.t)
	}
	if m.Expression != "" {
		if err := b.planExpression(&plan, m, value, read, &target); err != nil {
			return within(err, "expression")
		}
	} else if read.t != target.Type {
		c := &compiler{pool: &b.pool, where: func(_, message string) *etl.Error {
			return etl.Mistakef(CodeMapping, "Leave type out, or give an expression that converts it", "column %s: type %q: %s", quoteName(m.Destination), read.t, message)
		}}
		if b.target != nil && m.Type == "" {
			c.where = func(fix, message string) *etl.Error {
				return etl.Mistakef(CodeMapping, fix, "column %s, read as %s: %s", quoteName(m.Destination), read.t, message)
			}
		}
		plan.finish = c.sink(*value, target.Type, "", true)
		if c.err != nil {
			return within(c.err, "type")
		}
	}
	if m.Default != nil {
		v, err := b.defaultValue(m, target.Type)
		if err != nil {
			return within(err, "default")
		}
		plan.def = v
	}
	if b.target == nil {
		target.MaxBytes = b.maxBytes(m, plan.source)
	}
	b.targets[i] = target
	b.plans = append(b.plans, plan)
	return nil
}

// keepsLength are the transformations that leave a text as it is, or shorter.
var keepsLength = map[string]bool{"trim": true, "ltrim": true, "rtrim": true, "substring": true, "left": true, "right": true, "split_part": true, "regex_extract": true, "nullif": true}

// maxBytes is what is known of the length of a mapped column's texts; 0 is nothing.
func (b *builder) maxBytes(m etl.ColumnMapping, source int) int {
	if source < 0 || m.Expression != "" || b.columns[source].MaxBytes == 0 {
		return 0
	}
	for _, t := range m.Transformations {
		if !keepsLength[strings.ToLower(t.Fn)] {
			return 0
		}
	}
	n := b.columns[source].MaxBytes
	if m.Default != nil {
		n = max(n, len(*m.Default))
	}
	return n
}

// planSource plans null words, transformations and conversion.
func (b *builder) planSource(plan *columnPlan, m etl.ColumnMapping, read reading) *etl.Error {
	found := b.columns[plan.source]
	plan.sourceName = found.Name
	isText := holdsEmpty(read.t)
	plan.nulls = newNullRule(m.NullValues, found.nullWords(isText), isText)
	plan.emptyIsNull = !isText && plan.nulls.empty
	if len(m.Transformations) > 0 {
		e, err := b.transformations(m, found, read)
		if err != nil {
			return err
		}
		plan.steps = &e
		if e.kind != kindText {
			c := &compiler{pool: &b.pool, where: func(fix, message string) *etl.Error {
				return etl.Mistakef(CodeTransform, fix, "column %s, after its transformations: %s", quoteName(m.Destination), message)
			}}
			plan.store = c.sink(e, read.t, "", false)
			if c.err != nil {
				return within(c.err, "transformations")
			}
			return nil
		}
	}
	if read.t.Kind != schema.Text {
		p, err := b.ownParser(read)
		if err != nil {
			return etl.Mistakef(CodeMapping, "Give the column another type or format", "column %s: %s", quoteName(m.Destination), err)
		}
		plan.parser = p
	}
	return nil
}

// planExpression plans the expression; without a table and a type, the expression decides the column's type.
func (b *builder) planExpression(plan *columnPlan, m etl.ColumnMapping, value *expr, read reading, target *schema.Column) *etl.Error {
	named := func(err *etl.Error) *etl.Error {
		err.Message = "column " + quoteName(m.Destination) + ": " + err.Message
		return err
	}
	e, err := b.compileExpression(m.Expression, value)
	if err != nil {
		return named(err)
	}
	format := ""
	if value == nil {
		format = m.Format
	}
	switch {
	case b.target != nil && m.Type != "" && value == nil:
		t, err := schema.ParseType(m.Type)
		if err != nil {
			return typeError(m, err)
		}
		if t != target.Type {
			return b.twice(plan, m, e, t, format, *target)
		}
	case b.target == nil && m.Type != "":
		if value != nil {
			target.Type = read.t
		} else if t, err := schema.ParseType(m.Type); err == nil {
			target.Type = t
		} else {
			return typeError(m, err)
		}
	case b.target == nil:
		target.Type = columnType(e.kind)
	}
	c := &compiler{pool: &b.pool, source: m.Expression}
	plan.finish = c.sink(e, target.Type, format, false)
	if c.err != nil {
		return named(c.err)
	}
	return nil
}

// twice converts an expression to the mapping's type and then, without loss, to the table's.
func (b *builder) twice(plan *columnPlan, m etl.ColumnMapping, e expr, t schema.Type, format string, target schema.Column) *etl.Error {
	c := &compiler{pool: &b.pool, source: m.Expression}
	first := c.sink(e, t, format, false)
	second := c.sink(*valueOf(t), target.Type, "", true)
	if c.err != nil {
		c.err.Message = "column " + quoteName(m.Destination) + ": " + c.err.Message
		return c.err
	}
	plan.finish = func(fr *frame, out *schema.Value) {
		first(fr, &fr.value)
		second(fr, out)
	}
	return nil
}

// valueOf is the converted source of a type as an expression.
func valueOf(t schema.Type) *expr {
	e := expr{kind: kindOf(t), n: &node{kind: nodeColumn, text: "value"}}
	read := func(fr *frame) *schema.Value {
		if fr.value.Kind == schema.VNull {
			return nil
		}
		return &fr.value
	}
	if e.kind != kindText {
		fromValue(&e, read)
		return &e
	}
	e.text = func(fr *frame) ([]byte, bool) {
		switch fr.value.Kind {
		case schema.VNull:
			return nil, false
		case schema.VText:
			return fr.value.Bytes, true
		}
		start := len(fr.buf)
		fr.buf = fr.value.AppendText(fr.buf, t)
		return fr.since(start)
	}
	return &e
}

func (b *builder) defaultValue(m etl.ColumnMapping, t schema.Type) (*schema.Value, *etl.Error) {
	text := *m.Default
	v := new(schema.Value)
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return nil, etl.Mistakef(CodeMapping, "Remove the character", "column %s: the default has a NUL or is not UTF-8", quoteName(m.Destination))
	}
	if t.Kind == schema.Text {
		v.Kind, v.Bytes = schema.VText, []byte(text)
		return v, nil
	}
	p, err := reading{t: t}.parser(b.loc)
	if err != nil {
		return nil, etl.Mistakef(CodeMapping, "Give the column another type", "column %s: %s", quoteName(m.Destination), err)
	}
	if err := p.Parse([]byte(text), v); err != nil {
		return nil, etl.Mistakef(CodeMapping, "Write it in the plain form of the type: 0, 12.50, true, 2024-01-31",
			"column %s: the default %q cannot be used: %s", quoteName(m.Destination), cut(text, 60), err.Reason)
	}
	v.Bytes = slices.Clone(v.Bytes)
	return v, nil
}

// transformations compiles the steps on a field's text.
func (b *builder) transformations(m etl.ColumnMapping, found Source, read reading) (expr, *etl.Error) {
	as := general(reading{found.Type, found.Format})
	if m.Format != "" && kindOf(read.t) != kindText {
		as = general(read)
	}
	e := textExpr(&node{kind: nodeColumn, text: found.Name}, func(fr *frame) ([]byte, bool) { return fr.field, !fr.fieldNull })
	e.as, e.column = &as, found.Name
	if _, err := as.parser(b.loc); err != nil {
		e.as = nil
	}
	for i, t := range m.Transformations {
		f := functions[strings.ToLower(t.Fn)]
		where := fmt.Sprintf("column %s, transformation %d", quoteName(m.Destination), i+1)
		path := item("transformations", i)
		if t.Fn == "" || f == nil || !f.transformation {
			return e, within(etl.Mistakef(CodeTransform, didYouMean(t.Fn, functionNames(true), "transformations"), "%s: there is no transformation %q", where, cut(t.Fn, 40)), path)
		}
		where += " (" + strings.ToUpper(f.name) + ")"
		c := &compiler{pool: &b.pool, where: func(fix, message string) *etl.Error {
			return etl.Mistakef(CodeTransform, "Its form is "+f.asTransformation()+". "+fix, "%s: %s", where, message)
		}}
		args := []expr{e}
		if n := len(t.Args) + 1; n < f.least || f.most >= 0 && n > f.most {
			most := f.most
			if most > 0 {
				most--
			}
			return e, within(etl.Mistakef(CodeTransform, "Its form is "+f.asTransformation(), "%s takes %s, not %d", where, arguments(f.least-1, most), len(t.Args)), path)
		}
		for j, a := range t.Args {
			arg, ok := literal(a)
			if !ok {
				return e, within(etl.Mistakef(CodeTransform, "Write a text, a number, true, false or null", "%s: argument %d is %T", where, j+1, a), path+"."+item("args", j))
			}
			if e.kind == kindText && arg.literal && (f.name == "coalesce" || f.name == "nullif") {
				arg = textLiteral(arg.n, arg.lit)
			}
			args = append(args, arg)
		}
		next := c.apply(f, &node{kind: nodeCall, text: f.name}, args)
		if c.err != nil {
			return e, within(c.err, path)
		}
		if f.keepsForm {
			next.as = e.as
		}
		next.column = e.column
		e = next
	}
	return e, nil
}

// asTransformation is the signature without the field, which is the first argument.
func (f *function) asTransformation() string {
	name, args, _ := strings.Cut(f.signature, "(")
	first, rest, more := strings.Cut(strings.TrimSuffix(args, ")"), ",")
	name = strings.ToUpper(name)
	switch {
	case f.most < 0:
		return name + "(" + args
	case !more:
		return name
	case strings.HasSuffix(first, "["):
		return name + "([" + strings.TrimSpace(rest) + ")"
	}
	return name + "(" + strings.TrimSpace(rest) + ")"
}

// literal is an argument from YAML or JSON as an expression.
func literal(a any) (expr, bool) {
	n := &node{kind: nodeText}
	s := fmt.Sprint(a)
	switch a := a.(type) {
	case nil:
		return null(&node{kind: nodeNull}), true
	case string:
		return textLiteral(n, a), utf8.ValidString(a) && !strings.ContainsRune(a, 0)
	case bool:
		t := truth(a)
		e := boolExpr(n, func(*frame) tri { return t })
		e.literal, e.lit = true, s
		return e, true
	case int, int64, uint64, float64:
		d, err := schema.ParseDecimal([]byte(s))
		return numberLiteral(n, d, d.String()), err == nil
	}
	return expr{}, false
}

package transform

import (
	"strings"
	"unicode/utf8"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

type nodeKind uint8

const (
	nodeNull nodeKind = iota
	nodeBool
	nodeNumber
	nodeText
	nodeColumn
	nodeCall
	nodeUnary
	nodeBinary
	nodeConditional
	nodeIn
	nodeBetween
	nodeIsNull
)

// node is one node of a parsed expression.
type node struct {
	kind nodeKind
	// pos and end are the byte offsets of its text; for operators those of the operator.
	pos, end int
	// text is the operator (in its first spelling), name or text.
	text   string
	number schema.Decimal
	flag   bool // the boolean; the negation of in, between and is null
	args   []*node
}

// Binding powers, loosest first.
const (
	bindConditional = iota + 1
	bindCoalesce
	bindOr
	bindAnd
	bindNot
	bindCompare
	bindAdd
	bindMultiply
	bindUnary
)

// infix are the binary operators: their power and the spelling that nodes have.
var infix = map[string]struct {
	power int
	text  string
}{
	"??": {bindCoalesce, "??"},
	"or": {bindOr, "or"}, "||": {bindOr, "||"},
	"and": {bindAnd, "and"}, "&&": {bindAnd, "and"},
	"==": {bindCompare, "=="}, "=": {bindCompare, "=="}, "!=": {bindCompare, "!="}, "<>": {bindCompare, "!="},
	"<": {bindCompare, "<"}, "<=": {bindCompare, "<="}, ">": {bindCompare, ">"}, ">=": {bindCompare, ">="},
	"matches": {bindCompare, "matches"}, "contains": {bindCompare, "contains"},
	"startswith": {bindCompare, "startsWith"}, "endswith": {bindCompare, "endsWith"},
	"like": {bindCompare, "like"}, "ilike": {bindCompare, "ilike"},
	"in": {bindCompare, "in"}, "between": {bindCompare, "between"}, "is": {bindCompare, "is"}, "not": {bindCompare, "not"},
	"+": {bindAdd, "+"}, "-": {bindAdd, "-"},
	"*": {bindMultiply, "*"}, "/": {bindMultiply, "/"}, "%": {bindMultiply, "%"},
}

type parser struct {
	lexer
	tok   token
	err   *etl.Error
	depth int
	nodes int
}

// parse reads an expression. It takes time linear in its length and never panics.
func parse(source string) (*node, *etl.Error) {
	switch {
	case len(source) > maxSource:
		return nil, expressionError(source[:excerptWidth], 0, 0, "Shorten it to 64 KiB",
			"it is "+itoa(len(source))+" bytes long")
	case !utf8.ValidString(source):
		bad := strings.IndexRune(strings.ToValidUTF8(source, "\ufffd"), utf8.RuneError)
		return nil, expressionError(source, bad, bad+1, "Save the expression as UTF-8", "it is not valid UTF-8")
	case strings.ContainsRune(source, 0):
		bad := strings.IndexByte(source, 0)
		return nil, expressionError(source, bad, bad+1, "Remove the character", "it has a NUL character")
	case strings.TrimSpace(source) == "":
		return nil, expressionError(source, 0, 0, "Write an expression such as amount * qty", "it is empty")
	}
	p := &parser{lexer: lexer{source: source}}
	p.advance()
	n := p.expression(bindConditional)
	if p.err == nil && p.tok.kind != tokenEnd {
		p.unexpected("an operator or the end")
	}
	if p.err != nil {
		return nil, p.err
	}
	return n, nil
}

func (p *parser) advance() {
	if p.err != nil {
		return
	}
	t, err := p.next()
	if err != nil {
		p.err = err
		t = token{kind: tokenEnd, pos: p.at, end: p.at}
	}
	p.tok = t
}

func (p *parser) fail(pos, end int, fix, message string) {
	if p.err == nil {
		p.err = expressionError(p.source, pos, end, fix, message)
		p.tok = token{kind: tokenEnd, pos: len(p.source), end: len(p.source)}
	}
}

func (p *parser) unexpected(wanted string) {
	t := p.tok
	if t.kind == tokenEnd {
		p.fail(t.pos, t.end, "Complete the expression", "it ends where "+wanted+" should follow")
		return
	}
	fix := "Check for a missing operator, comma, quote or parenthesis"
	if t.kind == tokenName {
		switch strings.ToLower(t.text) {
		case "when", "then", "else", "case", "end":
			fix = "Write condition ? a : b, or if(condition, a, b)"
		default:
			fix = "Check for a missing operator or comma; a column name with spaces is written col(\"Unit Price\")"
		}
	}
	p.fail(t.pos, t.end, fix, wanted+" should stand here, not "+cut(p.source[t.pos:t.end], 30))
}

func (p *parser) take(operator string) bool {
	if p.tok.kind == tokenOperator && p.tok.text == operator {
		p.advance()
		return true
	}
	return false
}

func (p *parser) expect(operator string) {
	if !p.take(operator) {
		p.unexpected("\"" + operator + "\"")
	}
}

func (p *parser) node(n node) *node {
	if p.nodes++; p.nodes > maxNodes {
		p.fail(n.pos, n.end, "Split it into several columns", "the expression has more than "+itoa(maxNodes)+" parts")
	}
	return &n
}

// missing stands where an error was found; no caller sees it.
func (p *parser) missing() *node { return &node{kind: nodeNull, pos: p.tok.pos, end: p.tok.end} }

// expression reads what binds at least as tightly as power.
func (p *parser) expression(power int) *node {
	if p.depth++; p.depth > maxDepth {
		p.fail(p.tok.pos, p.tok.end, "Split it into several columns", "the expression is nested more than "+itoa(maxDepth)+" deep")
	}
	defer func() { p.depth-- }()
	left := p.prefix()
	for p.err == nil {
		if power <= bindConditional && p.tok.kind == tokenOperator && p.tok.text == "?" {
			t := p.tok
			p.advance()
			yes := p.expression(bindConditional)
			p.expect(":")
			no := p.expression(bindConditional)
			left = p.node(node{kind: nodeConditional, pos: t.pos, end: t.end, text: "?", args: []*node{left, yes, no}})
			continue
		}
		if p.tok.kind != tokenOperator && p.tok.kind != tokenName {
			break
		}
		word := p.tok.text
		if p.tok.kind == tokenName {
			word = strings.ToLower(word)
		}
		op, ok := infix[word]
		if !ok || op.power < power {
			break
		}
		left = p.infix(left, op.power, op.text)
	}
	return left
}

func (p *parser) infix(left *node, power int, op string) *node {
	t := p.tok
	p.advance()
	negated := false
	if op == "not" {
		negated = true
		switch {
		case p.tok.is("in"), p.tok.is("between"), p.tok.is("like"), p.tok.is("ilike"),
			p.tok.is("matches"), p.tok.is("contains"), p.tok.is("startswith"), p.tok.is("endswith"):
			op = infix[strings.ToLower(p.tok.text)].text
			t.end = p.tok.end
			p.advance()
		default:
			p.unexpected("in, between, like, matches, contains, startsWith or endsWith after not")
			return left
		}
	}
	n := node{pos: t.pos, end: t.end, text: op, flag: negated}
	switch op {
	case "in":
		n.kind, n.args = nodeIn, append([]*node{left}, p.list()...)
	case "between":
		low := p.expression(bindAdd)
		if !p.tok.is("and") {
			p.unexpected("and (x between low and high)")
		}
		p.advance()
		n.kind, n.args = nodeBetween, []*node{left, low, p.expression(bindAdd)}
	case "is":
		if p.tok.is("not") {
			n.flag = true
			p.advance()
		}
		if !p.tok.is("null") {
			p.unexpected("null after is")
		}
		n.kind, n.end, n.args = nodeIsNull, p.tok.end, []*node{left}
		p.advance()
	default:
		n.kind, n.flag = nodeBinary, false
		n.args = []*node{left, p.expression(power + 1)}
		if negated {
			return p.node(node{kind: nodeUnary, pos: t.pos, end: t.end, text: "not", args: []*node{p.node(n)}})
		}
	}
	return p.node(n)
}

// list reads [a, b] or (a, b), at least one element.
func (p *parser) list() []*node {
	closing := "]"
	if !p.take("[") {
		if !p.take("(") {
			p.unexpected("a list such as ['a', 'b']")
			return nil
		}
		closing = ")"
	}
	if p.tok.is(closing) {
		p.fail(p.tok.pos, p.tok.end, "Put at least one value into the list", "the list is empty")
	}
	return p.items(closing)
}

// items reads expressions between commas up to the closing bracket.
func (p *parser) items(closing string) []*node {
	var items []*node
	for p.err == nil {
		items = append(items, p.expression(bindConditional))
		if !p.take(",") {
			break
		}
	}
	p.expect(closing)
	return items
}

func (p *parser) prefix() *node {
	t := p.tok
	switch t.kind {
	case tokenNumber:
		d, err := schema.ParseDecimal([]byte(t.text))
		if err != nil {
			p.fail(t.pos, t.end, "A number has at most 1000 digits and a point as its decimal mark", "this number cannot be used: "+err.Error())
		}
		p.advance()
		return p.node(node{kind: nodeNumber, pos: t.pos, end: t.end, text: t.text, number: d})
	case tokenText:
		p.advance()
		return p.node(node{kind: nodeText, pos: t.pos, end: t.end, text: t.text})
	case tokenName:
		return p.name(t)
	case tokenOperator:
		switch t.text {
		case "(":
			p.advance()
			n := p.expression(bindConditional)
			p.expect(")")
			return n
		case "-", "+":
			p.advance()
			return p.node(node{kind: nodeUnary, pos: t.pos, end: t.end, text: t.text, args: []*node{p.expression(bindUnary)}})
		case "!":
			p.advance()
			return p.node(node{kind: nodeUnary, pos: t.pos, end: t.end, text: "not", args: []*node{p.expression(bindUnary)}})
		}
	}
	p.unexpected("a value")
	return p.missing()
}

func (p *parser) name(t token) *node {
	p.advance()
	if p.tok.kind == tokenOperator && p.tok.text == "(" && !t.is("not") {
		return p.call(t)
	}
	switch {
	case t.is("null"):
		return p.node(node{kind: nodeNull, pos: t.pos, end: t.end, text: "null"})
	case t.is("true"), t.is("false"):
		return p.node(node{kind: nodeBool, pos: t.pos, end: t.end, text: strings.ToLower(t.text), flag: t.is("true")})
	case t.is("not"):
		return p.node(node{kind: nodeUnary, pos: t.pos, end: t.end, text: "not", args: []*node{p.expression(bindNot)}})
	case t.is("and"), t.is("or"):
		p.fail(t.pos, t.end, "Put a condition on both sides of "+strings.ToLower(t.text), "a value should stand before "+t.text)
	}
	return p.node(node{kind: nodeColumn, pos: t.pos, end: t.end, text: t.text})
}

func (p *parser) call(t token) *node {
	p.advance()
	n := node{kind: nodeCall, pos: t.pos, end: t.end, text: strings.ToLower(t.text)}
	if n.text == "extract" && p.tok.kind == tokenName {
		return p.extract(n)
	}
	if !p.take(")") {
		n.args = p.items(")")
	}
	if n.text != "col" {
		return p.node(n)
	}
	if len(n.args) != 1 || n.args[0].kind != nodeText {
		p.fail(t.pos, t.end, "Write col(\"Unit Price\")", "col takes the name of a column in quotes")
		return p.missing()
	}
	return p.node(node{kind: nodeColumn, pos: t.pos, end: n.args[0].end, text: n.args[0].text, flag: true})
}

// extract reads SQL's extract(year from x) after its parenthesis; extract('year', x) is an ordinary call.
func (p *parser) extract(n node) *node {
	unit := p.tok
	p.advance()
	if !p.tok.is("from") {
		p.fail(unit.pos, unit.end, "Write extract(year from d) or extract('year', d)", "extract takes a unit first")
		return p.missing()
	}
	p.advance()
	of := p.expression(bindConditional)
	p.expect(")")
	n.args = []*node{p.node(node{kind: nodeText, pos: unit.pos, end: unit.end, text: strings.ToLower(unit.text)}), of}
	return p.node(n)
}

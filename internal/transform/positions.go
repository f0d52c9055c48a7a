package transform

import (
	"errors"
	"fmt"
	"strings"

	"github.com/etlportal/etlportal/internal/etl"
)

// path is where in a mapping an error of Compile is: columns[2].format. It is
// the error's cause.
type path string

func (p path) Error() string { return string(p) }

// PathOf says where in the mapping an error of Compile is, in the words of the
// mapping file: columns[2].format, columns[0].transformations[1].args[0],
// filter; list items count from 0. It is "" where that is not known.
func PathOf(err error) string {
	p, _ := errors.AsType[path](err)
	return string(p)
}

// within puts where an error is before what was known of that.
func within(err *etl.Error, where string) *etl.Error {
	if inner := PathOf(err.Err); inner != "" {
		where += "." + inner
	}
	if span := SpanOf(err); span != nil {
		err.Err = placed{path(where), span}
	} else {
		err.Err = path(where)
	}
	return err
}

// Span is the part of an expression that an error of Compile is about. It is
// one of the error's causes.
type Span struct {
	// Line and Column, in characters, count from 1; Length is in characters.
	Line, Column, Length int
	// Message says what is wrong, without the excerpt that the error shows.
	Message string
}

func (s *Span) Error() string { return s.Message }

// SpanOf is the part of an expression that an error is about; nil where it is
// about none.
func SpanOf(err error) *Span {
	s, _ := errors.AsType[*Span](err)
	return s
}

// placed is a path and the part of an expression there.
type placed struct {
	path path
	span *Span
}

func (p placed) Error() string { return string(p.path) }

// Unwrap gives both.
func (p placed) Unwrap() []error { return []error{p.path, p.span} }

func columnPath(i int) string { return item("columns", i) }

func item(list string, i int) string { return list + "[" + itoa(i) + "]" }

// Positions says where the parts of a mapping stand in its file. The nil
// Positions knows none.
type Positions struct {
	file string
	at   map[string]place
}

// place is a line and a column of a file, both from 1.
type place struct{ line, column int }

// Locate puts file, line and column before the message of an error that
// Compile gave for the mapping, and returns any other error as it is. What has
// no place of its own has that of the nearest part around it. Repeatable.
func (p *Positions) Locate(err error) error {
	where := PathOf(err)
	e, ok := errors.AsType[*etl.Error](err)
	if p == nil || where == "" || !ok {
		return err
	}
	for where != "" {
		if at, ok := p.at[where]; ok {
			located := *e
			located.Message = fmt.Sprintf("%s:%d:%d: %s", p.file, at.line, at.column, e.Message)
			located.Line = int64(at.line)
			// What is located has no need of its path, and is not to be located twice.
			located.Err = nil
			return &located
		}
		where = where[:max(strings.LastIndexAny(where, ".["), 0)]
	}
	return err
}

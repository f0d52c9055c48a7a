// Package etl is the domain: mappings, runs, rejects, the errors that people
// see, and the ports that adapters fill. It knows no database and no cloud.
package etl

import (
	"errors"
	"fmt"
	"strings"
)

// Kind tells the three kinds of failure apart; a bad row is not among them,
// because a bad row is data (Reject).
type Kind uint8

const (
	// Internal is a defect of ours.
	Internal Kind = iota
	// Mistake is the caller's: the same call will fail again until something
	// is changed.
	Mistake
	// Weather passes: the same call may succeed later.
	Weather
	// Refused says that the run itself failed on its data (bad rows, a
	// constraint): the call was right, the rows were not.
	Refused
)

// Code names an error for programs, in snake_case; it never changes its meaning.
type Code string

// Error is what a person is shown: what happened, where, why, and what to do.
type Error struct {
	Kind Kind
	Code Code
	// Message says what and where, in one sentence without a full stop.
	Message string
	// Fix says what to do, in one sentence; may be empty only for Internal.
	Fix string
	// Line, Column and Value locate a fault in a source file; Line 0 means that it has no place.
	Line   int64
	Column string
	Value  string
	// Err is the cause, for logs.
	Err error
}

// Error gives message and fix in one line.
func (e *Error) Error() string {
	if e.Fix == "" {
		return e.Message
	}
	if strings.HasSuffix(e.Message, "?") {
		return e.Message + " " + e.Fix
	}
	return e.Message + ". " + e.Fix
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Mistakef makes a caller's mistake.
func Mistakef(code Code, fix, format string, args ...any) *Error {
	return &Error{Kind: Mistake, Code: code, Fix: fix, Message: fmt.Sprintf(format, args...)}
}

// KindOf is the kind of the first Error in err's chain; Internal where there is none.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

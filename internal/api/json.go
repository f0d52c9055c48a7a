package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
)

// strictJSON is JSON without what a database or a person could not take: other
// encodings than UTF-8, NUL in texts.
var strictJSON = huma.Format{Marshal: marshal, Unmarshal: unmarshal}

func marshal(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// unmarshal is called twice for a body: into an any to be validated, then into
// its type. Errors quote nothing of the body.
func unmarshal(data []byte, v any) error {
	generic, first := v.(*any)
	if first {
		if i := invalidUTF8(data); i >= 0 {
			return fmt.Errorf("byte %d is not UTF-8", i)
		}
	}
	if err := json.Unmarshal(data, v); err != nil {
		return worded(data, err)
	}
	if first {
		return noNUL(*generic, "body")
	}
	return nil
}

func worded(data []byte, err error) error {
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		before := data[:min(max(int(e.Offset)-1, 0), len(data))]
		line := 1 + bytes.Count(before, []byte("\n"))
		return fmt.Errorf("is not JSON: line %d, column %d: %s", line, len(before)-bytes.LastIndexByte(before, '\n'), strings.TrimPrefix(e.Error(), "json: "))
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		what := e.Value
		if strings.HasPrefix(what, "number") {
			what = "a number that is too large or not whole"
		}
		if e.Field != "" {
			return fmt.Errorf("%s holds %s", e.Field, what)
		}
		return fmt.Errorf("holds %s", what)
	}
	return errors.New("is not JSON that can be read")
}

func invalidUTF8(b []byte) int {
	for i := 0; i < len(b); {
		if b[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// noNUL names a text with a NUL, which PostgreSQL cannot store.
func noNUL(v any, where string) error {
	switch v := v.(type) {
	case string:
		if strings.Contains(v, "\x00") {
			return fmt.Errorf("%s holds NUL (U+0000)", where)
		}
	case []any:
		for i, item := range v {
			if err := noNUL(item, fmt.Sprintf("%s[%d]", where, i)); err != nil {
				return err
			}
		}
	case map[string]any:
		for key, item := range v {
			if strings.Contains(key, "\x00") {
				return fmt.Errorf("%s has a field name that holds NUL (U+0000)", where)
			}
			if err := noNUL(item, where+"."+key); err != nil {
				return err
			}
		}
	}
	return nil
}

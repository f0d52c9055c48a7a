package schema

import (
	"os"
	"strings"
	"testing"
)

// Each example of docs/formats.md does what it says.
func TestExamplesOfTheManual(t *testing.T) {
	text, err := os.ReadFile("../../docs/formats.md")
	if err != nil {
		t.Fatal(err)
	}
	examples, refusals := 0, false
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.ReplaceAll(strings.TrimSpace(line), `\|`, "\x00"), "|")
		if len(cells) != 6 {
			continue
		}
		for i := range cells {
			cells[i] = strings.ReplaceAll(strings.Trim(strings.TrimSpace(cells[i]), "`"), "\x00", "|")
		}
		switch {
		case cells[1] == "Type":
			refusals = cells[4] == "Reason"
			continue
		case strings.HasPrefix(cells[1], "-"):
			continue
		}
		examples++
		p := newParser(t, cells[1], cells[2])
		var v Value
		e := p.Parse([]byte(cells[3]), &v)
		switch {
		case e == nil && refusals:
			t.Errorf("%q is read as %q", line, v.AppendText(nil, p.Type()))
		case e != nil && (!refusals || e.Reason != cells[4]):
			t.Errorf("%q: %s", line, e.Reason)
		case e == nil && string(v.AppendText(nil, p.Type())) != cells[4]:
			t.Errorf("%q is read as %q", line, v.AppendText(nil, p.Type()))
		}
	}
	if examples < 70 {
		t.Errorf("found only %d examples", examples)
	}
}

package workflow_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/etlportal/etlportal/internal/workflow"
)

// TestSampleEndsInField: a record whose quoted field runs past the sample does
// not count, nor do the lines of that field; a stray quote hides no rows.
func TestSampleEndsInField(t *testing.T) {
	var table strings.Builder
	table.WriteString("id,note\n")
	for i := range 200 {
		fmt.Fprintf(&table, "%d,\"row %d\"\n", i, i)
	}
	for name, tc := range map[string]struct {
		rest string
		rows int64
		bad  int64
	}{
		"lines of text":     {"200,\"a letter\n\nDear Sir,\nyours, truly, and so on\nthe end is not in sight\n", 200, 0},
		"no line ends":      {"200,\"a letter without an en", 200, 0},
		"a record cut":      {"200,\"row", 200, 0},
		"a stray quote":     {"200,\"row 200\n201,x\n202,y\n203,z\n204,cut o", 204, 1},
		"a stray quote, up": {"200,\"a\n201,\"b\"\n202,\"c\"\n203,\"d\"\n204,\"e\"\n205,\"cut o", 205, 1},
	} {
		t.Run(name, func(t *testing.T) {
			in, _, err := workflow.InspectSample(t.Context(), "a.csv", []byte(table.String()+tc.rest), false, workflow.ReadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if in.Rows != tc.rows || in.Bad != tc.bad {
				t.Errorf("%d rows, %d bad (%+v); want %d and %d", in.Rows, in.Bad, in.FirstBad, tc.rows, tc.bad)
			}
			if got := in.Columns[0].Type.String(); got != "integer" {
				t.Errorf("id is %s: %q", got, in.Columns[0].Evidence)
			}
		})
	}
	in, _, err := workflow.InspectSample(t.Context(), "a.csv", []byte("id,v\x00\n1,a\n2,b\n"), true, workflow.ReadOptions{StripNUL: true})
	if err != nil || in.Sniff.Names[1] != "v" {
		t.Errorf("%+v %v", in, err)
	}
}

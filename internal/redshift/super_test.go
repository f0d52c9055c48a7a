package redshift_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/redshift"
	"github.com/etlportal/etlportal/internal/schema"
)

// A text within a JSON that SUPER does not take is refused with its line before
// anything is copied; what counts are its bytes as they are kept.
func TestLongTextsInSuper(t *testing.T) {
	each(t, []string{"CREATE TABLE t (id INTEGER, doc SUPER)"}, func(t *testing.T, s *etltest.RedshiftServer, r *redshift.Redshift) {
		t.Helper()
		const most = 65_535
		b := r.NewBatch(specOf(t, r, "t"))
		for unit, bytes := range map[string]int{"x": 1, "ä": 2, "€": 3, "🙂": 4, `\n`: 1, `\"`: 1, `\\`: 1, `\u0041`: 1, `\u00e4`: 2, `\u20AC`: 3, `\ud83d\ude42`: 4} {
			for _, form := range []string{`"%"`, `{"a": [1, "%"], "b": "x"}`, `{"short": "", "%": null}`} {
				for n, want := range map[int]bool{most / bytes: true, most/bytes + 1: false} {
					doc := strings.Replace(form, "%", strings.Repeat(unit, n), 1)
					if !json.Valid([]byte(doc)) {
						t.Fatalf("%s, %s", unit, form)
					}
					bad := b.Append(row(1, doc), 3, 2)
					if (bad == nil) != want || bad != nil && (bad.Code != "too_long" || bad.Line != 3 || bad.Column != "doc" || !strings.Contains(bad.Reason, "65535")) {
						t.Errorf("%d of %s in %s: %+v", n, unit, form, bad)
					}
					b.Reset()
				}
			}
		}
		// Several that are long together are no long text; half a text is left to COPY.
		some := strings.Repeat("x", most/2)
		for _, doc := range []string{`["` + some + `","` + some + `","` + some + `"]`, `"` + strings.Repeat(" ", most-1) + `\`, `"` + strings.Repeat(" ", most-2) + `\u1`} {
			if bad := b.Append(row(1, doc), 3, 2); bad != nil {
				t.Errorf("%.30s: %s", doc, bad.Reason)
			}
		}
		if _, err := load(t, r, specOf(t, r, "t"), row(1, "{}"), row(2, `{"a": "`+strings.Repeat("x", most+1)+`"}`)); err == nil || !strings.Contains(err.Error(), "65536 bytes") {
			t.Errorf("%v", err)
		}
		made := &schema.Table{Name: "made", Columns: []schema.Column{{Name: "doc", Type: schema.Type{Kind: schema.JSON}}}}
		if bad := r.NewBatch(etl.LoadSpec{Table: made, Columns: made.Columns, Create: true}).Append(row(`["`+strings.Repeat("x", most+1)+`"]`), 2, 1); bad == nil {
			t.Error("taken for a table that is made")
		}
		if n := s.Ran("COPY"); n != 0 {
			t.Errorf("%d COPYs", n)
		}
	})
}

package redshift_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/schema"
)

// A table that is too wide for the Data API is told so before a row is staged;
// a connection takes it.
func TestTooWide(t *testing.T) {
	var columns []schema.Column
	for n := range 700 {
		columns = append(columns, schema.Column{Name: fmt.Sprintf("%s_%03d", strings.Repeat("n", 50), n), Type: schema.Type{Kind: schema.Integer}})
	}
	spec := etl.LoadSpec{Table: &schema.Table{Name: "wide", Columns: columns}, Columns: columns, Create: true, Strategy: etl.Upsert, Keys: []string{columns[0].Name}}
	for name, connect := range roads {
		t.Run(name, func(t *testing.T) {
			s := etltest.Redshift(t, etltest.Blobs(t))
			road, err := connect(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			r := over(t, s, road)
			session, err := r.Begin(t.Context(), spec)
			prepared := r.Prepare(t.Context(), "wide-1", spec)
			if name == "wire" {
				if err := errors.Join(err, prepared); err != nil {
					t.Fatal(err)
				}
				if err := session.Abort(t.Context()); err != nil {
					t.Error(err)
				}
				return
			}
			for _, err := range []error{err, prepared} {
				if e, ok := errors.AsType[*etl.Error](err); !ok || e.Kind != etl.Mistake || e.Code != "statement_too_long" || !strings.Contains(e.Fix, "connection") {
					t.Errorf("%v", err)
				}
			}
		})
	}
}

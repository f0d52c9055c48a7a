package transform

import (
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

// Cells is Run for people who want to see every column of a row: it goes on
// after a column that is bad, and after a filter that drops the row. each gets
// the value of each of Columns, or why there is none; the value is valid until
// each returns. keep and bad are the filter's: bad is not nil where the filter
// itself cannot be computed.
func (r *Runner) Cells(fields [][]byte, quoted []bool, each func(column int, v *schema.Value, bad *etl.Reject)) (keep bool, bad *etl.Reject) {
	fr := &r.fr
	fr.begin(fields, quoted)
	keep, bad = r.kept()
	for i := range r.p.plans {
		fr.begin(fields, quoted)
		var v schema.Value
		each(i, &v, r.cell(i, &v))
	}
	return keep, bad
}

// kept asks the filter.
func (r *Runner) kept() (keep bool, bad *etl.Reject) {
	r.at = -1
	defer func() {
		if p := recover(); p != nil {
			keep, bad = false, r.defect(p)
		}
	}()
	if r.p.filter == nil {
		return true, nil
	}
	t := r.p.filter(&r.fr)
	if r.fr.failed {
		return false, r.reject(nil)
	}
	return t == yes, nil
}

// cell makes one column's value.
func (r *Runner) cell(i int, v *schema.Value) (bad *etl.Reject) {
	defer func() {
		if p := recover(); p != nil {
			bad = r.defect(p)
		}
	}()
	r.at = i
	return r.column(&r.p.plans[i], v)
}

// column runs the plan of one column.
func (r *Runner) column(plan *columnPlan, v *schema.Value) *etl.Reject {
	fr := &r.fr
	v.Kind = schema.VNull
	if plan.source >= 0 {
		to := v
		if plan.finish != nil {
			to = &fr.value
			to.Kind = schema.VNull
		}
		plan.read(fr, to)
	}
	if plan.finish != nil && !fr.failed {
		plan.finish(fr, v)
	}
	if fr.failed {
		return r.reject(plan)
	}
	if v.Kind != schema.VNull {
		return nil
	}
	if plan.def != nil {
		*v = *plan.def
	} else if plan.notNull {
		fr.fail(CodeNotNull, "the value is NULL, which the column does not take; a default in the mapping would fill it")
		return r.reject(plan)
	}
	return nil
}

package transform

import (
	"fmt"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

// Runner runs a Program; it belongs to one goroutine.
type Runner struct {
	p  *Program
	fr frame
	// at is the column being made, for the report of a defect.
	at int
}

// NewRunner makes a Runner with scratch memory of its own.
func (p *Program) NewRunner() *Runner {
	r := &Runner{p: p}
	r.fr.sources, r.fr.loc = p.sources, p.loc
	r.fr.cells = make([]cell, len(p.sources))
	r.fr.slots = make([]schema.Value, p.slots)
	r.fr.parsers = make([]*schema.Parser, len(p.parsers))
	for i, q := range p.parsers {
		// Compile has made each of them once, so there is no error.
		r.fr.parsers[i], _ = q.parser(p.loc)
	}
	return r
}

// Run converts one record into out, which has a Value for each of Columns.
// keep is false where the filter drops the row or where it is bad; bad lacks
// line, record and fields, which only the caller knows. Values may point into
// fields and into the Runner's scratch memory and are valid until the next
// call. A record shorter than the header counts as filled up with empty fields.
func (r *Runner) Run(fields [][]byte, quoted []bool, out []schema.Value) (keep bool, bad *etl.Reject) {
	defer func() {
		if p := recover(); p != nil {
			keep, bad = false, r.defect(p)
		}
	}()
	fr := &r.fr
	fr.begin(fields, quoted)
	r.at = -1
	if r.p.filter != nil {
		t := r.p.filter(fr)
		if fr.failed {
			return false, r.reject(nil)
		}
		if t != yes {
			return false, nil
		}
	}
	out = out[:len(r.p.plans)]
	for i := range out {
		r.at = i
		if bad := r.column(&r.p.plans[i], &out[i]); bad != nil {
			return false, bad
		}
	}
	return true, nil
}

// read converts the field of a column.
func (plan *columnPlan) read(fr *frame, to *schema.Value) {
	field, quoted := fr.at(plan.source)
	missing := plan.nulls.isNull(field, quoted)
	if plan.steps != nil {
		fr.field, fr.fieldNull = field, missing
		if plan.store != nil {
			plan.store(fr, to)
			return
		}
		var ok bool
		field, ok = plan.steps.text(fr)
		missing = !ok || fr.failed || plan.emptyIsNull && len(trimBlanks(field)) == 0
	}
	if missing {
		return
	}
	if plan.parser < 0 {
		to.Kind, to.Bytes = schema.VText, field
		return
	}
	if err := fr.parsers[plan.parser].Parse(field, to); err != nil {
		to.Kind = schema.VNull
		reason := err.Reason
		if len(trimBlanks(field)) == 0 {
			reason += `; put "" among null_values to make it NULL`
		}
		fr.failValue(etl.Code(err.Code), reason, plan.sourceName, field)
	}
}

// reject reports the frame's fault; without a column at fault it names the source, else the destination.
func (r *Runner) reject(plan *columnPlan) *etl.Reject {
	f := &r.fr.bad
	bad := &etl.Reject{Column: f.column, Value: cut(string(f.value[:min(len(f.value), 4*rejectValue)]), rejectValue), Code: f.code, Reason: f.reason}
	if bad.Column == "" && plan != nil {
		bad.Column = plan.destination
		if plan.source >= 0 {
			bad.Column = plan.sourceName
			field, _ := r.fr.at(plan.source)
			bad.Value = cut(string(field[:min(len(field), 4*rejectValue)]), rejectValue)
		}
	}
	return bad
}

// rejectValue is to how many characters a reject's value is cut.
const rejectValue = 200

func (r *Runner) defect(p any) *etl.Reject {
	bad := &etl.Reject{Code: CodeInternal, Reason: "a defect in the program stopped this row: " + cut(fmt.Sprint(p), 200)}
	if r.at >= 0 && r.at < len(r.p.plans) {
		bad.Column = r.p.plans[r.at].destination
	}
	return bad
}

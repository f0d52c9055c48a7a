package redshift

import (
	"context"
	"fmt"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
)

// lockFor is how long a transaction waits for another one that holds its lock, in
// milliseconds; whoever waits longer does so in the queue.
const lockFor = 5000

// lock adds a LOCK that does not wait for ever.
func (s *script) lock(table string) {
	s.briefly(func() { s.add("lock", "LOCK TABLE %s", table) })
}

// briefly has the statements that are added not wait for ever. The limit that was
// set before, by who runs the warehouse, counts for what comes then.
func (s *script) briefly(add func()) {
	s.add("patience", "SET statement_timeout TO %d", lockFor)
	add()
	s.add("patience again", "SET statement_timeout TO DEFAULT")
}

// mark names the table whose lock lets one load at a time into a target.
func (r *Redshift) mark(ctx context.Context, spec *etl.LoadSpec) (string, error) {
	in := spec.Table.Schema
	if in == "" {
		rows, err := r.ask(ctx, "asking for the schema", "SELECT CURRENT_SCHEMA()")
		if err != nil {
			return "", err
		}
		in = text(rows[0][0])
	}
	return markOf(in, spec.Table.Name), nil
}

// markOf is the same for whatever names one table; two that differ by case alone share it.
func markOf(schemaName, name string) string {
	return "target_" + fingerprint(lower(schemaName+"."+name))
}

// locked gives the RetryAfter of a publication that failed at its lock because
// another one holds it; nil where that failed for another reason.
//
// SQLSTATE 57014 tells that the wait was ended, by statement_timeout or by the
// road. The Data API may tell no SQLSTATE. There the lock's table is looked at: where it
// is there and the user may lock it, nothing but another's lock is left that
// LOCK could have waited for in vain.
func (p *publication) locked(ctx context.Context, err error) error {
	state := stateOf(err)
	if ctx.Err() != nil || state != "57014" && (state != "" || !p.lockable(ctx)) {
		return nil //nolint:nilerr // the caller has the error
	}
	return &etl.RetryAfter{Delay: lockFor * time.Millisecond, Reason: "another load is published into the table"}
}

// lockable says that the table of the target's lock is there and may be locked,
// for which LOCK wants the privilege to change it.
func (p *publication) lockable(ctx context.Context) bool {
	rows, err := p.r.ask(ctx, "looking at the target's lock", fmt.Sprintf(
		"SELECT CASE WHEN HAS_TABLE_PRIVILEGE(%s, 'delete') OR HAS_TABLE_PRIVILEGE(%s, 'update') THEN 1 ELSE 0 END FROM svv_tables WHERE table_schema = %s AND table_name = %s",
		literal(ownSchema+"."+p.mark), literal(ownSchema+"."+p.mark), literal(ownSchema), literal(p.mark)))
	return err == nil && len(rows) == 1 && text(rows[0][0]) == "1"
}

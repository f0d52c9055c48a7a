package redshift

import (
	"context"
	"fmt"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
)

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
	name := "target_" + fingerprint(p.spec.Table.Schema+"."+p.spec.Table.Name)
	rows, err := p.r.ask(ctx, "looking at the target's lock", fmt.Sprintf(
		"SELECT CASE WHEN HAS_TABLE_PRIVILEGE(%s, 'delete') OR HAS_TABLE_PRIVILEGE(%s, 'update') THEN 1 ELSE 0 END FROM svv_tables WHERE table_schema = %s AND table_name = %s",
		literal(ownSchema+"."+name), literal(ownSchema+"."+name), literal(ownSchema), literal(name)))
	return err == nil && len(rows) == 1 && text(rows[0][0]) == "1"
}

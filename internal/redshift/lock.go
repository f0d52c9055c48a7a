package redshift

import (
	"context"
	"fmt"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
)

// locked gives the RetryAfter of a publication whose target another one holds;
// nil where the lock failed for another reason.
//
// A connection tells by SQLSTATE 57014 that statement_timeout ended the wait.
// The Data API tells no SQLSTATE. There the lock's table is looked at: where it
// is there and the user may lock it, nothing but another's lock is left that
// LOCK could have waited for in vain.
func (p *publication) locked(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	switch stateOf(err) {
	case "57014":
	case "":
		if !p.lockable(ctx) {
			return nil
		}
	default:
		return nil
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

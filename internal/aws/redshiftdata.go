package aws

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	mathrand "math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata/types"

	"github.com/etlportal/etlportal/internal/etl"
)

// RedshiftData says which warehouse the Redshift Data API is asked for.
type RedshiftData struct {
	// Workgroup is of Serverless, Cluster a provisioned one; one of them is set.
	Workgroup, Cluster string
	Database           string
	// Secret is the ARN of a secret with user and password. Without it temporary
	// credentials are used: of User in a cluster, of the caller's role in a workgroup.
	Secret, User string
	// LockWait is how long a LOCK may wait; 0 means etl.LockWait.
	LockWait time.Duration
}

// name is the warehouse's, for people.
func (d *RedshiftData) name() string {
	if d.Workgroup != "" {
		return "workgroup " + d.Workgroup
	}
	return "cluster " + d.Cluster
}

// dataAPI is an etl.Statements over the Redshift Data API.
type dataAPI struct {
	client *redshiftdata.Client
	d      RedshiftData
	// first and longest are the waits between two looks at a statement.
	first, longest time.Duration
}

// The Data API's limits (https://docs.aws.amazon.com/redshift/latest/mgmt/data-api.html#data-api-calling-considerations).
// Those of results, 500 MB and 64 KB in a row, are the queries' to keep.
const (
	maxSQLs       = 40
	maxSQLBytes   = 100 << 10
	maxRun        = 24 * time.Hour
	cancelFor     = 5 * time.Second
	firstLook     = 50 * time.Millisecond
	longestLook   = 2 * time.Second
	throttleTries = 8
	// blindLooks are how many looks in a row may fail for Weather.
	blindLooks = 5
)

// NewRedshiftData makes the adapter; it does not call the API yet. Mistake: no_warehouse.
func NewRedshiftData(ctx context.Context, a Account, d RedshiftData) (etl.Statements, error) {
	if (d.Workgroup == "") == (d.Cluster == "") {
		return nil, noWarehouse("the Data API must be told one workgroup or one cluster")
	}
	loaded, err := a.load(ctx, "the Redshift Data API")
	if err != nil {
		return nil, err
	}
	d.LockWait = cmp.Or(d.LockWait, etl.LockWait)
	longest := min(longestLook, cmp.Or(a.Retry, longestLook))
	return &dataAPI{client: redshiftdata.NewFromConfig(loaded), d: d, first: min(firstLook, longest), longest: longest}, nil
}

// Close implements etl.Statements: there is nothing to free.
func (d *dataAPI) Close(context.Context) error { return nil }

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Takes implements etl.Bounded.
func (d *dataAPI) Takes(statements ...string) error {
	const fix = "Load fewer columns, or use a connection instead of the Data API."
	if len(statements) > maxSQLs {
		return etl.Mistakef("too_many_statements", fix, "a transaction has %d statements, and the Data API takes %d", len(statements), maxSQLs)
	}
	for _, sql := range statements {
		if len(sql) > maxSQLBytes {
			return etl.Mistakef("statement_too_long", fix, "a statement has %d bytes, and the Data API takes %d", len(sql), maxSQLBytes)
		}
	}
	return nil
}

// Run implements etl.Statements. A single statement is sent alone, several as
// one batch, which is one transaction.
func (d *dataAPI) Run(ctx context.Context, statements ...string) ([]etl.StatementResult, error) {
	if err := d.Takes(statements...); err != nil {
		return nil, err
	}
	id, err := d.start(ctx, statements)
	if err != nil {
		return nil, err
	}
	state, err := d.wait(ctx, id, statements)
	if err != nil {
		return nil, begun(err, statements)
	}
	if state.Status != types.StatusStringFinished {
		return nil, failure(state, len(statements))
	}
	if len(statements) == 1 {
		r, err := d.result(ctx, id, aws.ToBool(state.HasResultSet), state.ResultRows)
		return []etl.StatementResult{r}, err
	}
	out := make([]etl.StatementResult, len(statements))
	for i, sub := range state.SubStatements {
		if i >= len(out) {
			break
		}
		if out[i], err = d.result(ctx, aws.ToString(sub.Id), aws.ToBool(sub.HasResultSet), sub.ResultRows); err != nil {
			return nil, begun(err, statements)
		}
	}
	return out, nil
}

// begun is an error about a transaction that was sent. As it may have been
// committed, not even what the role lacks (to look at it) may end the load as a mistake.
func begun(err error, statements []string) error {
	e, ok := errors.AsType[*etl.Error](err)
	if !ok || e.Kind != etl.Mistake || len(statements) == 1 {
		return err
	}
	unknown := *e
	unknown.Kind = etl.Weather
	return &unknown
}

// start sends statements, the same request again where AWS has too many: by its
// token it runs once.
func (d *dataAPI) start(ctx context.Context, statements []string) (id string, err error) {
	token := rand.Text()
	err = d.patiently(ctx, "run statements in "+d.d.name(), d.toRun(), func() error {
		if len(statements) == 1 {
			out, err := d.client.ExecuteStatement(ctx, &redshiftdata.ExecuteStatementInput{
				Sql: &statements[0], ClientToken: &token, Database: &d.d.Database, WorkgroupName: optional(d.d.Workgroup), ClusterIdentifier: optional(d.d.Cluster),
				SecretArn: optional(d.d.Secret), DbUser: optional(d.d.User),
			})
			if err == nil {
				id = aws.ToString(out.Id)
			}
			return err
		}
		out, err := d.client.BatchExecuteStatement(ctx, &redshiftdata.BatchExecuteStatementInput{
			Sqls: statements, ClientToken: &token, Database: &d.d.Database, WorkgroupName: optional(d.d.Workgroup), ClusterIdentifier: optional(d.d.Cluster),
			SecretArn: optional(d.d.Secret), DbUser: optional(d.d.User),
		})
		if err == nil {
			id = aws.ToString(out.Id)
		}
		return err
	})
	return id, err
}

// patiently repeats what is throttled, which the Data API answers with status
// 400 like a mistake.
func (d *dataAPI) patiently(ctx context.Context, what, action string, do func() error) error {
	wait := d.first
	for try := 1; ; try++ {
		err := do()
		if err == nil {
			return nil
		}
		busy := hasCode(err, codesBusy...) || hasCode(err, codesDataBusy...)
		if !busy || try == throttleTries {
			return d.fault(what, action, busy, err)
		}
		// Those who were refused together do not come back together.
		if err := pause(ctx, wait/2+mathrand.N(wait/2+1)); err != nil { //nolint:gosec // spreads requests, no secret
			return err
		}
		wait = min(2*wait, d.longest)
	}
}

var (
	codesDataBusy = []string{"ActiveStatementsExceededException", "ActiveSessionsExceededException"}
	// codesDataAway are of a warehouse that the API did not reach, or not in time.
	codesDataAway = []string{"DatabaseConnectionException", "QueryTimeoutException"}
	// codesDataUnknown are of a request whose warehouse, database or secret there is not.
	codesDataUnknown = []string{"ValidationException", "ResourceNotFoundException"}
)

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func (d *dataAPI) fault(what, action string, busy bool, err error) error {
	if busy {
		return &etl.Error{Kind: etl.Weather, Code: "warehouse_busy", Err: err, Message: "cannot " + what + ": " + short(err), Fix: "Wait a little and try again; fewer loads at a time help."}
	}
	if hasCode(err, codesDataAway...) {
		return &etl.Error{Kind: etl.Weather, Code: "warehouse_unreachable", Err: err, Message: "the Data API cannot connect to the warehouse: " + short(err), Fix: "See that the cluster or workgroup runs, and that database, user and secret are right."}
	}
	e := fault(request{prefix: "warehouse", what: what, action: action, resource: d.d.name(), look: "the Redshift Data API"}, err)
	if refused, ok := errors.AsType[*etl.Error](e); ok && hasCode(err, codesDataUnknown...) {
		refused.Fix = "Check workgroup or cluster_identifier, region, database, user and secret."
	}
	return e
}

// toRun is what a role must be allowed for statements to be run: with them, to
// log in.
func (d *dataAPI) toRun() string {
	const run = "redshift-data:ExecuteStatement and redshift-data:BatchExecuteStatement, with "
	switch {
	case d.d.Secret != "":
		return run + "secretsmanager:GetSecretValue of its secret,"
	case d.d.Workgroup != "":
		return run + "redshift-serverless:GetCredentials,"
	case d.d.User != "":
		return run + "redshift:GetClusterCredentials of user " + d.d.User + ","
	}
	return run + "redshift:GetClusterCredentialsWithIAM,"
}

// wait looks until the statements have ended; they are cancelled where ctx ends
// first, or where a LOCK waits for too long. While the API does not answer they
// run on, and are looked at again.
func (d *dataAPI) wait(ctx context.Context, id string, statements []string) (*redshiftdata.DescribeStatementOutput, error) {
	pausing, lock := d.first, lockWatch{statements: statements, most: d.d.LockWait}
	for blind := 0; ; {
		var state *redshiftdata.DescribeStatementOutput
		err := d.patiently(ctx, "look at statements in "+d.d.name(), "redshift-data:DescribeStatement", func() (err error) {
			state, err = d.client.DescribeStatement(ctx, &redshiftdata.DescribeStatementInput{Id: &id})
			return err
		})
		switch {
		case err == nil:
			blind = 0
			switch state.Status {
			case types.StatusStringFinished:
				return state, nil
			case types.StatusStringFailed, types.StatusStringAborted:
				return state, lock.failure()
			}
			if lock.over(state) {
				d.cancel(ctx, id)
			}
		case ctx.Err() == nil && etl.KindOf(err) == etl.Weather && blind < blindLooks:
			blind++
			err = nil
		}
		if err == nil {
			err = pause(ctx, pausing)
			pausing = min(pausing*3/2, d.longest)
		}
		if err != nil {
			d.cancel(ctx, id)
			return nil, err
		}
	}
}

// lockWatch sees how long a LOCK among the statements of a batch waits.
type lockWatch struct {
	statements []string
	most       time.Duration
	// at is the statement that runs, since when.
	at    int
	since time.Time
	ended bool
}

// over says, once, that a LOCK has waited for too long.
func (l *lockWatch) over(state *redshiftdata.DescribeStatementOutput) bool {
	at := 0
	for at < len(state.SubStatements) && state.SubStatements[at].Status == types.StatementStatusStringFinished {
		at++
	}
	if state.Status != types.StatusStringStarted || at >= len(l.statements) || !strings.HasPrefix(l.statements[at], "LOCK ") {
		l.since = time.Time{}
		return false
	}
	if l.since.IsZero() || l.at != at {
		l.at, l.since = at, time.Now()
	}
	if l.ended || time.Since(l.since) < l.most {
		return false
	}
	l.ended = true
	return true
}

// failure is that of a LOCK that was ended.
func (l *lockWatch) failure() error {
	if !l.ended {
		return nil
	}
	return &etl.StatementError{Index: l.at, State: "57014", Message: "the lock was not free in time"}
}

// cancel stops statements that nobody waits for any more.
func (d *dataAPI) cancel(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelFor)
	defer cancel()
	_, _ = d.client.CancelStatement(ctx, &redshiftdata.CancelStatementInput{Id: &id})
}

// result reads all pages of a statement's rows.
func (d *dataAPI) result(ctx context.Context, id string, has bool, affected int64) (etl.StatementResult, error) {
	out := etl.StatementResult{Affected: affected}
	if !has {
		return out, nil
	}
	var next *string
	for {
		var page *redshiftdata.GetStatementResultOutput
		err := d.patiently(ctx, "read rows from "+d.d.name(), "redshift-data:GetStatementResult", func() (err error) {
			page, err = d.client.GetStatementResult(ctx, &redshiftdata.GetStatementResultInput{Id: &id, NextToken: next})
			return err
		})
		if err != nil {
			return out, err
		}
		for _, record := range page.Records {
			row := make([]*string, len(record))
			for i, field := range record {
				row[i] = cell(field)
			}
			out.Rows = append(out.Rows, row)
		}
		if next = page.NextToken; aws.ToString(next) == "" {
			return out, nil
		}
	}
}

// cell is a field as text; nil for NULL.
func cell(f types.Field) *string {
	var s string
	switch f := f.(type) {
	case *types.FieldMemberStringValue:
		s = f.Value
	case *types.FieldMemberLongValue:
		s = strconv.FormatInt(f.Value, 10)
	case *types.FieldMemberDoubleValue:
		s = strconv.FormatFloat(f.Value, 'g', -1, 64)
	case *types.FieldMemberBooleanValue:
		s = strconv.FormatBool(f.Value)
	case *types.FieldMemberBlobValue:
		s = string(f.Value)
	default:
		return nil
	}
	return &s
}

package etltest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"
)

// dataPage is how many rows a page of results has, so that every result of some
// size has several.
const dataPage = 2

// dataBatch is a request of the Data API: statements, run as one transaction
// (https://docs.aws.amazon.com/redshift-data/latest/APIReference/API_BatchExecuteStatement.html).
type dataBatch struct {
	id    string
	token string
	batch bool
	sqls  []string

	mu      sync.Mutex
	status  string
	failed  int
	failure string
	answers []replied
	session *redshiftSession
	// stopped is set once it was asked to be cancelled.
	stopped bool
}

// dataRequest are the fields of the API's requests that the stand-in knows.
type dataRequest struct {
	SQL         string   `json:"Sql"`
	SQLs        []string `json:"Sqls"`
	ClientToken string   `json:"ClientToken"`
	Database    string   `json:"Database"`
	Workgroup   string   `json:"WorkgroupName"`
	Cluster     string   `json:"ClusterIdentifier"`
	ID          string   `json:"Id"`
	NextToken   string   `json:"NextToken"`
}

// dataHandler serves the Data API: AWS JSON 1.1.
func (s *RedshiftServer) dataHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		target := r.Header.Get("X-Amz-Target")
		refuse := func(code, message string) {
			refusal := &apiRefusal{http.StatusBadRequest, code, message}
			if target == "" {
				refusal.xml(w)
				return
			}
			refusal.json(w)
		}
		if !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ") {
			refuse("IncompleteSignature", "the request is not signed")
			return
		}
		// What is beyond the rate has status 400
		// (https://docs.aws.amazon.com/redshift-data/latest/APIReference/CommonErrors.html).
		if s.throttled.Add(-1) >= 0 {
			refuse("ThrottlingException", "Rate exceeded")
			return
		}
		switch {
		case target == "RedshiftServerless.GetCredentials":
			out, refusal := s.serverlessCredentials(r)
			if refusal != nil {
				refusal.json(w)
				return
			}
			w.Header().Set("Content-Type", "application/x-amz-json-1.1")
			_ = json.NewEncoder(w).Encode(out)
			return
		case target == "" && r.ParseForm() == nil && strings.HasPrefix(r.PostForm.Get("Action"), "GetClusterCredentials"):
			s.clusterCredentials(w, r.PostForm)
			return
		}
		var q dataRequest
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			refuse("ValidationException", err.Error())
			return
		}
		var out any
		var err error
		switch action := strings.TrimPrefix(target, "RedshiftData."); action {
		case "ExecuteStatement":
			out, err = s.start(&q, []string{q.SQL}, false)
		case "BatchExecuteStatement":
			out, err = s.start(&q, q.SQLs, true)
		case "DescribeStatement":
			out, err = s.describe(q.ID)
		case "GetStatementResult":
			out, err = s.page(q.ID, q.NextToken)
		case "CancelStatement":
			out, err = s.stop(q.ID)
		default:
			err = fmt.Errorf("the stand-in does not know %s", action)
		}
		if err != nil {
			refuse("ValidationException", err.Error())
			return
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_ = json.NewEncoder(w).Encode(out)
	})
}

// start runs statements and does not wait for them.
func (s *RedshiftServer) start(q *dataRequest, sqls []string, batch bool) (any, error) {
	switch {
	case q.Database != s.Database:
		return nil, fmt.Errorf("database %q does not exist", q.Database)
	case (q.Workgroup != s.Workgroup || q.Cluster != "") && (q.Cluster != s.Cluster || q.Workgroup != ""):
		return nil, fmt.Errorf("there is no workgroup %q or cluster %q", q.Workgroup, q.Cluster)
	case len(sqls) == 0 || len(sqls) > 40:
		return nil, fmt.Errorf("%d statements; 1 to 40 are taken", len(sqls))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.batches {
		// A token asks for the same run again.
		if q.ClientToken != "" && b.token == q.ClientToken {
			return map[string]any{"Id": b.id}, nil
		}
	}
	b := &dataBatch{id: fmt.Sprintf("d9b6c0c9-0747-4bf4-b142-%012d", len(s.batches)+1), token: q.ClientToken, batch: batch, sqls: sqls, status: "STARTED", failed: -1}
	s.batches[b.id] = b
	go b.run(s)
	return map[string]any{"Id": b.id}, nil
}

// run is the transaction.
func (b *dataBatch) run(s *RedshiftServer) {
	ctx := context.Background()
	x, err := s.begin(ctx, false)
	if err != nil {
		b.end(s, "FAILED", -1, err)
		return
	}
	defer s.end(x)
	b.mu.Lock()
	b.session = x
	b.mu.Unlock()
	if b.batch {
		if _, err := x.exec(ctx, "BEGIN"); err != nil {
			b.end(s, "FAILED", -1, err)
			return
		}
	}
	for i, sql := range b.sqls {
		a, err := x.exec(ctx, sql)
		if err != nil {
			b.end(s, "FAILED", i, err)
			return
		}
		b.mu.Lock()
		b.answers = append(b.answers, a)
		b.mu.Unlock()
	}
	if b.batch {
		if _, err := x.exec(ctx, "COMMIT"); err != nil {
			b.end(s, "FAILED", -1, err)
			return
		}
	}
	b.end(s, "FINISHED", -1, nil)
}

func (b *dataBatch) end(s *RedshiftServer, status string, failed int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.status, b.failed = status, failed; status == "FAILED" && b.stopped {
		b.status = "ABORTED"
	}
	var e *pgconn.PgError
	switch {
	case errors.As(err, &e):
		b.failure = s.dataText(e)
	case err != nil:
		b.failure = err.Error()
	}
}

// find gives a request by its id, or that of one of its statements (from 1).
func (s *RedshiftServer) find(id string) (*dataBatch, int, error) {
	whole, part, sub := strings.Cut(id, ":")
	s.mu.Lock()
	b := s.batches[whole]
	s.mu.Unlock()
	if b == nil {
		return nil, 0, fmt.Errorf("query %q does not exist", id)
	}
	n := 1
	if sub {
		n, _ = strconv.Atoi(part)
	}
	if n < 1 || n > len(b.sqls) || sub != b.batch {
		return b, 0, nil
	}
	return b, n, nil
}

func (s *RedshiftServer) describe(id string) (any, error) {
	b, _, err := s.find(id)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	out := map[string]any{"Id": b.id, "Status": b.status, "HasResultSet": false, "ResultRows": -1}
	if b.failure != "" {
		out["Error"] = s.batchError(b)
	}
	var subs []map[string]any
	for i := range b.sqls {
		sub := map[string]any{"Id": fmt.Sprintf("%s:%d", b.id, i+1), "Status": "SUBMITTED", "HasResultSet": false, "ResultRows": -1}
		switch {
		case b.failed >= 0 && (i >= b.failed || s.BatchErrors != BatchFailed):
			if sub["Status"], sub["Error"] = s.substatement(b, i); sub["Error"] == "" {
				delete(sub, "Error")
			}
		case i < len(b.answers):
			a := b.answers[i]
			sub["Status"], sub["HasResultSet"], sub["ResultRows"] = "FINISHED", len(a.columns) > 0, len(a.rows)
			if !b.batch {
				out["HasResultSet"], out["ResultRows"] = len(a.columns) > 0, len(a.rows)
			}
		}
		subs = append(subs, sub)
	}
	if b.batch {
		out["SubStatements"] = subs
	}
	return out, nil
}

// page gives some rows, and a token where there are more.
func (s *RedshiftServer) page(id, next string) (any, error) {
	b, n, err := s.find(id)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.status != "FINISHED" || n == 0 || len(b.answers[n-1].columns) == 0 {
		return nil, errors.New("query does not have result")
	}
	a := b.answers[n-1]
	from := 0
	if next != "" {
		if from, err = strconv.Atoi(next); err != nil {
			return nil, err
		}
	}
	until := min(from+dataPage, len(a.rows))
	records := [][]map[string]any{}
	for _, row := range a.rows[from:until] {
		var record []map[string]any
		for i, v := range row {
			record = append(record, dataField(a.columns[i].DataTypeOID, v))
		}
		records = append(records, record)
	}
	out := map[string]any{"Records": records, "TotalNumRows": len(a.rows)}
	if until < len(a.rows) {
		out["NextToken"] = strconv.Itoa(until)
	}
	return out, nil
}

// dataField is a cell in the API's form
// (https://docs.aws.amazon.com/redshift-data/latest/APIReference/API_Field.html).
func dataField(oid uint32, v *string) map[string]any {
	if v == nil {
		return map[string]any{"isNull": true}
	}
	switch oid {
	case 16:
		return map[string]any{"booleanValue": *v == "t"}
	case 20, 21, 23:
		n, _ := strconv.ParseInt(*v, 10, 64)
		return map[string]any{"longValue": n}
	case 700, 701:
		f, _ := strconv.ParseFloat(*v, 64)
		return map[string]any{"doubleValue": f}
	}
	return map[string]any{"stringValue": *v}
}

func (s *RedshiftServer) stop(id string) (any, error) {
	b, _, err := s.find(id)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	x := b.session
	b.stopped = true
	b.mu.Unlock()
	if x != nil {
		_ = x.pg.CancelRequest(context.Background())
	}
	return map[string]any{"Status": true}, nil
}

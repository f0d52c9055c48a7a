package aws_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/etlportal/etlportal/internal/aws"
	"github.com/etlportal/etlportal/internal/etl"
)

// dataStandIn answers as the Data API: each operation gives its answers in
// turn, the last one again. An answer that begins with a digit is an error,
// "400 Code".
type dataStandIn struct {
	*httptest.Server

	mu      sync.Mutex
	answers map[string][]string
	asked   map[string]int
	// looked is closed once statements were looked at.
	looked chan struct{}
}

func newDataStandIn(t *testing.T, answers map[string][]string) *dataStandIn {
	t.Helper()
	s := &dataStandIn{answers: answers, asked: map[string]int{}, looked: make(chan struct{})}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		operation := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "RedshiftData.")
		s.mu.Lock()
		left := s.answers[operation]
		if s.asked[operation]++; operation == "DescribeStatement" && s.asked[operation] == 1 {
			close(s.looked)
		}
		if len(left) > 1 {
			s.answers[operation] = left[1:]
		}
		s.mu.Unlock()
		answer := `{"Id": "1"}`
		if len(left) > 0 {
			answer = left[0]
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		var status int
		var code string
		if n, _ := fmt.Sscanf(answer, "%d %s", &status, &code); n == 2 {
			w.WriteHeader(status)
			answer = `{"__type": "` + code + `", "message": "what AWS says"}`
		}
		_, _ = w.Write([]byte(answer))
	}))
	t.Cleanup(s.Close)
	return s
}

// count says how often an operation was asked for.
func (s *dataStandIn) count(operation string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[operation]
}

func dataRoad(t *testing.T, s *dataStandIn, d aws.RedshiftData) etl.Statements {
	t.Helper()
	d.Database = "shop"
	road, err := aws.NewRedshiftData(t.Context(), elsewhere(s.URL), d)
	if err != nil {
		t.Fatal(err)
	}
	return road
}

const finished = `{"Id": "1", "Status": "FINISHED", "HasResultSet": false}`

// state is the answer of DescribeStatement for statements with these statuses.
func state(t *testing.T, whole, failure string, hours int64, subs ...string) string {
	t.Helper()
	type sub struct {
		ID     string `json:"Id"`
		Status string
		Error  string `json:",omitempty"`
	}
	answer := struct {
		ID            string `json:"Id"`
		Status, Error string
		Duration      int64
		SubStatements []sub `json:",omitempty"`
	}{ID: "1", Status: whole, Error: failure, Duration: hours * 3_600_000_000_000}
	for i, status := range subs {
		x := sub{ID: fmt.Sprintf("1:%d", i+1), Status: status}
		if status == "FAILED" {
			x.Error = failure
		}
		answer.SubStatements = append(answer.SubStatements, x)
	}
	text, err := json.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestDataAPIFailures tells which statement failed, and what of its SQLSTATE and
// number the API's statuses and texts tell.
func TestDataAPIFailures(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		want   etl.StatementError
	}{
		"a statement":       {state(t, "FAILED", "ERROR: relation \"x\" does not exist", 0, "FINISHED", "FAILED", "ABORTED"), etl.StatementError{Index: 1, State: "42P01", Message: `relation "x" does not exist`}},
		"the others undone": {state(t, "FAILED", "ERROR: permission denied for relation x", 0, "ABORTED", "FAILED", "ABORTED"), etl.StatementError{Index: 1, State: "42501", Message: "permission denied for relation x"}},
		"told by number": {
			state(t, "FAILED", "Query #2 failed with ERROR: division by zero", 0, "ABORTED", "ABORTED", "ABORTED"), etl.StatementError{Index: 1, Message: "division by zero"},
		},
		"with a number": {
			state(t, "FAILED", "ERROR: 1023\n  Detail: Serializable isolation violation", 0, "FINISHED", "FAILED", "ABORTED"), etl.StatementError{Index: 1, Number: 1023, Message: "1023\n  Detail: Serializable isolation violation"},
		},
		"as drivers say it": {
			state(t, "FAILED", "ERROR: Invalid operation: 1023 Details: Serializable isolation violation", 0, "FINISHED", "FAILED", "ABORTED"),
			etl.StatementError{Index: 1, Number: 1023, Message: "1023 Details: Serializable isolation violation"},
		},
		"without its number": {state(t, "FAILED", "Serializable isolation violation on table", 0, "FAILED"), etl.StatementError{Index: 0, Number: 1023, Message: "Serializable isolation violation on table"}},
		"a number in a text": {state(t, "FAILED", "ERROR: 12 errors in x", 0, "FAILED"), etl.StatementError{Index: 0, Message: "12 errors in x"}},
		"ended":              {state(t, "FAILED", "ERROR: Query (150) cancelled on user's request", 0, "FINISHED", "FAILED"), etl.StatementError{Index: 1, State: "57014", Message: "Query (150) cancelled on user's request"}},
		"COMMIT":             {state(t, "FAILED", "ERROR: 1023", 0, "FINISHED", "FINISHED", "FINISHED"), etl.StatementError{Index: 3, Number: 1023, Message: "1023"}},
		"none of them":       {state(t, "FAILED", "connection lost", 0, "FINISHED", "SUBMITTED", "SUBMITTED"), etl.StatementError{Index: 3, State: "08006", Message: "connection lost"}},
		"all of them":        {state(t, "FAILED", "connection lost", 0, "ABORTED", "ABORTED", "ABORTED"), etl.StatementError{Index: 3, State: "08006", Message: "connection lost"}},
		"cancelled":          {state(t, "ABORTED", "", 1, "FINISHED", "ABORTED", "ABORTED"), etl.StatementError{Index: 1, State: "57014"}},
		"not even one":       {state(t, "FAILED", "", 0), etl.StatementError{Index: 3, State: "08006"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newDataStandIn(t, map[string][]string{"DescribeStatement": {c.answer}})
			_, err := dataRoad(t, s, aws.RedshiftData{Workgroup: "wg"}).Run(t.Context(), "SELECT 1", "SELECT 2", "SELECT 3")
			e, ok := errors.AsType[*etl.StatementError](err)
			if !ok {
				t.Fatal(err)
			}
			e.Err = nil
			if *e != c.want {
				t.Errorf("%+v, want %+v", *e, c.want)
			}
		})
	}
}

// TestDataAPIAnswers has the API fail in the ways it can.
func TestDataAPIAnswers(t *testing.T) {
	single := aws.RedshiftData{Workgroup: "wg"}
	long := strings.Repeat("x", 100<<10+1)
	for name, c := range map[string]struct {
		d          aws.RedshiftData
		answers    map[string][]string
		statements []string
		kind       etl.Kind
		code       etl.Code // "": none
		fix        string
	}{
		"busy for a while": {
			d: single, answers: map[string][]string{
				"ExecuteStatement": {"400 ThrottlingException", "400 ActiveStatementsExceededException", `{"Id": "1"}`}, "DescribeStatement": {"400 ThrottlingException", `{"Id": "1", "Status": "PICKED"}`, finished},
			},
		},
		"away for a while": {d: single, answers: map[string][]string{"DescribeStatement": {"500 InternalServerException", "500 InternalServerException", "500 InternalServerException", "500 InternalServerException", "500 InternalServerException", finished}}},
		"busy":             {d: single, answers: map[string][]string{"ExecuteStatement": {"400 ActiveStatementsExceededException"}}, kind: etl.Weather, code: "warehouse_busy", fix: "fewer loads"},
		"away":             {d: single, answers: map[string][]string{"DescribeStatement": {"500 InternalServerException"}}, kind: etl.Weather, code: "warehouse_unavailable", fix: "Try again"},
		"asleep":           {d: single, answers: map[string][]string{"ExecuteStatement": {"400 DatabaseConnectionException"}}, kind: etl.Weather, code: "warehouse_unreachable", fix: "runs"},
		"slow":             {d: single, answers: map[string][]string{"ExecuteStatement": {"400 QueryTimeoutException"}}, kind: etl.Weather, code: "warehouse_unreachable", fix: "runs"},
		"unknown":          {d: single, answers: map[string][]string{"ExecuteStatement": {"400 ValidationException"}}, kind: etl.Mistake, code: "warehouse_refused", fix: "Check workgroup"},
		"expired":          {d: single, answers: map[string][]string{"ExecuteStatement": {"400 ExpiredTokenException"}}, kind: etl.Mistake, code: "warehouse_expired", fix: "Renew"},
		"denied":           {d: single, answers: map[string][]string{"ExecuteStatement": {"400 AccessDeniedException"}}, kind: etl.Mistake, code: "warehouse_denied", fix: "redshift-serverless:GetCredentials, on workgroup wg"},
		"denied a user":    {d: aws.RedshiftData{Cluster: "main", User: "loader"}, answers: map[string][]string{"ExecuteStatement": {"400 AccessDeniedException"}}, kind: etl.Mistake, code: "warehouse_denied", fix: "redshift:GetClusterCredentials of user loader, on cluster main"},
		"denied a cluster": {d: aws.RedshiftData{Cluster: "main"}, answers: map[string][]string{"ExecuteStatement": {"400 AccessDeniedException"}}, kind: etl.Mistake, code: "warehouse_denied", fix: "redshift:GetClusterCredentialsWithIAM, on cluster main"},
		"denied a secret":  {d: aws.RedshiftData{Cluster: "main", Secret: "arn:x"}, answers: map[string][]string{"ExecuteStatement": {"400 AccessDeniedException"}}, kind: etl.Mistake, code: "warehouse_denied", fix: "secretsmanager:GetSecretValue"},
		"a day":            {d: single, answers: map[string][]string{"DescribeStatement": {state(t, "FAILED", "ERROR: ended", 24)}}, kind: etl.Mistake, code: "statement_too_slow", fix: "less at a time"},
		"a long statement": {d: single, statements: []string{"SELECT 1", long}, kind: etl.Mistake, code: "statement_too_long", fix: "fewer columns"},
		"many statements":  {d: single, statements: strings.Split(strings.Repeat("x;", 40)+"x", ";"), kind: etl.Mistake, code: "too_many_statements", fix: "connection"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newDataStandIn(t, c.answers)
			if _, there := s.answers["DescribeStatement"]; !there {
				s.answers = map[string][]string{"ExecuteStatement": s.answers["ExecuteStatement"], "DescribeStatement": {finished}}
			}
			if c.statements == nil {
				c.statements = []string{"SELECT 1"}
			}
			_, err := dataRoad(t, s, c.d).Run(t.Context(), c.statements...)
			if c.code == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if e := is(t, err, c.kind, c.code); !strings.Contains(e.Fix, c.fix) {
				t.Errorf("%q: %s", e.Message, e.Fix)
			}
			if name == "away" && s.count("CancelStatement") == 0 {
				t.Error("statements that nobody waits for run on")
			}
		})
	}
}

// TestDataAPICancels ends what runs when its context does.
func TestDataAPICancels(t *testing.T) {
	s := newDataStandIn(t, map[string][]string{"DescribeStatement": {`{"Id": "1", "Status": "STARTED"}`}})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	road := dataRoad(t, s, aws.RedshiftData{Workgroup: "wg"})
	go func() {
		_, err := road.Run(ctx, "SELECT 1")
		ended <- err
	}()
	<-s.looked
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if s.count("CancelStatement") != 1 {
		t.Error("the statement was not cancelled")
	}
}

// The road must be told one warehouse.
func TestOneWarehouse(t *testing.T) {
	for _, d := range []aws.RedshiftData{{}, {Workgroup: "wg", Cluster: "main"}} {
		_, err := aws.NewRedshiftData(t.Context(), elsewhere("http://127.0.0.1"), d)
		is(t, err, etl.Mistake, "no_warehouse")
		_, err = aws.NewRedshiftLogin(t.Context(), elsewhere("http://127.0.0.1"), d)
		is(t, err, etl.Mistake, "no_warehouse")
	}
}

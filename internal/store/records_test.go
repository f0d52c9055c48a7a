package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

func TestSources(t *testing.T) {
	s, ctx := open(t, Options{}), t.Context()
	made, err := s.CreateSource(ctx, etl.Source{Filename: "größe.csv", Size: 10, UploadID: "u", PartSize: 8})
	require.NoError(t, err)
	require.True(t, isUUID(made.ID))
	require.Equal(t, etl.SourceUploading, made.State)
	require.EqualValues(t, 1, made.Version)

	full := made
	full.State, full.Object = etl.SourceComplete, etl.ObjectRef{Key: "k", Size: 10, ETag: `"e"`, VersionID: "v"}
	full.Encoding, full.Names, full.RowCount, full.BytesProfiled = "windows-1252", []string{"a", "b"}, 7, 10
	full.Dialect = csv.Dialect{Delimiter: "||", Quote: '\'', Escape: '\\', Comment: '#', SkipLines: 1, Header: 2, Newline: csv.NewlineCR, SkipInitialSpace: true, TrailingDelimiter: true}
	full.Inspection, full.Overrides = []byte(`{"z": 1, "a": "\u0000"}`), []byte(`{"types":{"a":"text"}}`)
	updated, err := s.UpdateSource(ctx, full)
	require.NoError(t, err)
	full.Version, full.UpdatedAt = 2, updated.UpdatedAt
	require.Equal(t, full, updated)
	read, err := s.Source(ctx, made.ID)
	require.NoError(t, err)
	require.Equal(t, full, read)

	_, err = s.UpdateSource(ctx, made)
	refused(t, err, CodeVersionConflict, "version 1", "version 2")
	failed := read
	failed.State, failed.Error = etl.SourceFailed, &etl.Error{Kind: etl.Mistake, Code: "binary_file", Message: "it is a PNG", Fix: "Upload a CSV file."}
	failed, err = s.UpdateSource(ctx, failed)
	require.NoError(t, err)
	require.Equal(t, "binary_file", string(failed.Error.Code))
	failed.State = etl.SourceSampled
	_, err = s.UpdateSource(ctx, failed)
	refused(t, err, CodeInvalidValue, "sources_error_check")

	require.NoError(t, s.SourceProgress(ctx, made.ID, 30))
	require.NoError(t, s.SourceProgress(ctx, made.ID, 20))
	read, err = s.Source(ctx, made.ID)
	require.NoError(t, err)
	require.EqualValues(t, 30, read.BytesProfiled)

	for _, id := range []string{"", "x", "00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-00000000000g", "000000000000-0000-0000-000000000000-"} {
		_, err = s.Source(ctx, id)
		refused(t, err, CodeNotFound)
		refused(t, s.DeleteSource(ctx, id), CodeNotFound)
		refused(t, s.SourceProgress(ctx, id, 1), CodeNotFound)
		refused(t, s.SaveSpans(ctx, id, nil), CodeNotFound)
		_, err = s.UpdateSource(ctx, etl.Source{ID: id, State: etl.SourceUploading})
		refused(t, err, CodeNotFound)
	}
	_, err = s.CreateSource(ctx, etl.Source{Filename: "nul\x00"})
	refused(t, err, CodeInvalidText)
	_, err = s.CreateSource(ctx, etl.Source{ID: made.ID, Filename: "again"})
	require.Equal(t, etl.Mistake, etl.KindOf(err))
	require.NoError(t, s.DeleteSource(ctx, made.ID))

	for range 3 {
		source(t, s)
	}
	first, err := s.Sources(ctx, etl.Page{Limit: 2})
	require.NoError(t, err)
	source(t, s)
	second, err := s.Sources(ctx, etl.Page{Limit: 2, Cursor: first.Next})
	require.NoError(t, err)
	require.Len(t, second.Items, 1)
	require.Empty(t, second.Next)
	require.NotContains(t, first.Items, second.Items[0])
}

func TestSpans(t *testing.T) {
	s, ctx := open(t, Options{}), t.Context()
	id := source(t, s).ID
	spans := []csv.Span{
		{Start: 4, End: 100, Rows: 3, FirstRow: 0, FirstLine: 2},
		{Start: 100, End: 100, Rows: 0, FirstRow: 3, FirstLine: 9},
		{Start: 100, End: 250, Rows: 2, FirstRow: 3, FirstLine: 9},
	}
	for range 2 {
		require.NoError(t, s.SaveSpans(ctx, id, spans))
	}
	got, err := s.Spans(ctx, id)
	require.NoError(t, err)
	require.Equal(t, spans, got)
	for row, want := range map[int64]int{0: 0, 2: 0, 3: 2, 4: 2} {
		at, err := s.SpanAt(ctx, id, row)
		require.NoError(t, err)
		require.Equal(t, spans[want], at, row)
	}
	for _, row := range []int64{-1, 5, 1 << 60} {
		_, err := s.SpanAt(ctx, id, row)
		refused(t, err, CodeNotFound)
	}
	err = s.SaveSpans(ctx, id, []csv.Span{spans[0], {Start: 101, End: 250, Rows: 2, FirstRow: 3, FirstLine: 9}})
	require.Equal(t, etl.Internal, etl.KindOf(err))
	got, err = s.Spans(ctx, id)
	require.NoError(t, err)
	require.Equal(t, spans, got)
}

func TestCredentials(t *testing.T) {
	s, ctx := open(t, Options{}), t.Context()
	c := credential(t, s)
	require.Equal(t, 4, c.MaxParallel)
	secret, err := s.CredentialSecret(ctx, c.ID)
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf("sealed for %d", c.ID), string(secret.Ciphertext), "sealed with the id that it got")

	changed := c
	changed.Host, changed.Options, changed.MaxParallel = "other", map[string]string{"ca": "pem"}, 2
	changed, err = s.UpdateCredential(ctx, changed, nil)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"ca": "pem"}, changed.Options)
	kept, err := s.CredentialSecret(ctx, c.ID)
	require.NoError(t, err)
	require.Equal(t, secret, kept)
	_, err = s.UpdateCredential(ctx, c, nil)
	refused(t, err, CodeVersionConflict)
	changed, err = s.UpdateCredential(ctx, changed, func(context.Context, int64) (etl.Sealed, error) {
		return etl.Sealed{Ciphertext: []byte("new"), KeyVersion: "2"}, nil
	})
	require.NoError(t, err)
	read, err := s.Credential(ctx, c.ID)
	require.NoError(t, err)
	require.Equal(t, changed, read)

	double := c
	_, err = s.CreateCredential(ctx, double, seal)
	refused(t, err, CodeDuplicateName)
	locked := errors.New("no key")
	_, err = s.CreateCredential(ctx, double, func(context.Context, int64) (etl.Sealed, error) { return etl.Sealed{}, locked })
	require.ErrorIs(t, err, locked)

	old := credential(t, s)
	todo, err := s.CredentialsToRotate(ctx, "2", 10)
	require.NoError(t, err)
	require.Equal(t, []etl.Credential{old}, todo)
	secret, err = s.CredentialSecret(ctx, old.ID)
	require.NoError(t, err)
	sealed := etl.Sealed{Ciphertext: []byte("anew"), KeyVersion: "2"}
	ok, err := s.RotateCredential(ctx, old.ID, secret, sealed)
	require.NoError(t, err)
	require.True(t, ok)
	ok, err = s.RotateCredential(ctx, old.ID, secret, sealed)
	require.NoError(t, err)
	require.False(t, ok, "it is not what it was")
	todo, err = s.CredentialsToRotate(ctx, "2", 10)
	require.NoError(t, err)
	require.Empty(t, todo)

	l, err := s.Credentials(ctx, etl.Page{Limit: 1})
	require.NoError(t, err)
	require.Equal(t, old.ID, l.Items[0].ID)
	l, err = s.Credentials(ctx, etl.Page{Limit: 1, Cursor: l.Next})
	require.NoError(t, err)
	require.Equal(t, c.ID, l.Items[0].ID)
	require.Empty(t, l.Next)
	require.NoError(t, s.DeleteCredential(ctx, old.ID))
	refused(t, s.DeleteCredential(ctx, old.ID), CodeNotFound)
	_, err = s.CredentialSecret(ctx, old.ID)
	refused(t, err, CodeNotFound)
	_, err = s.UpdateCredential(ctx, old, nil)
	refused(t, err, CodeNotFound)
}

func TestJobs(t *testing.T) {
	s, ctx := open(t, Options{}), t.Context()
	rows, ratio, empty, none := int64(5), 0.25, "", []string{}
	words := []string{"NA", ""}
	j := etl.Job{
		Name: "nightly", FileID: source(t, s).ID, CredentialID: credential(t, s).ID, Schema: "public", Table: "sales", CreateTable: true,
		Strategy: etl.Upsert, UpsertKeys: []string{"id", "day"}, DuplicateKeys: "first", BatchSize: 1000,
		Orchestrator: etl.EngineAirflow,
		TableOptions: schema.TableOptions{DistKey: "id", SortKeys: []string{"id"}, Encodings: map[string]string{"id": "AZ64"}},
		Mapping: etl.Mapping{
			Filter:   `amount > 0`,
			OnBadRow: etl.BadRowPolicy{Mode: "skip", MaxRows: &rows, MaxRatio: &ratio},
			Columns: []etl.ColumnMapping{
				{Source: "z", Destination: "id", Type: "integer", Required: true, NullValues: &none},
				{Source: "a", Destination: "day", Format: "DD.MM.YYYY", NullValues: &words, Default: &empty, Transformations: []etl.Transform{
					{Fn: "TRIM"}, {Fn: "REPLACE", Args: []any{"\x00", "é"}}, {Fn: "SUBSTRING", Args: []any{1, 2.5, true, nil, 1e300}},
				}},
				{Destination: "total", Expression: `qty * price`},
			},
		},
	}
	made, err := s.CreateJob(ctx, j)
	require.NoError(t, err)
	read, err := s.Job(ctx, made.ID)
	require.NoError(t, err)
	require.Equal(t, made, read)
	j.ID, j.Version, j.CreatedAt, j.UpdatedAt = made.ID, 1, made.CreatedAt, made.UpdatedAt
	require.Equal(t, j, read, "all of it, exactly")
	run := newRun(t, s, read)
	require.Equal(t, j, run.Job)

	changed := read
	changed.Table, changed.Mapping.Columns = "other", changed.Mapping.Columns[:1]
	changed, err = s.UpdateJob(ctx, changed)
	require.NoError(t, err)
	require.EqualValues(t, 2, changed.Version)
	again, err := s.Job(ctx, made.ID)
	require.NoError(t, err)
	require.Equal(t, changed, again)
	_, err = s.UpdateJob(ctx, read)
	refused(t, err, CodeVersionConflict, "version 1", "version 2")
	run, err = s.Run(ctx, run.ID)
	require.NoError(t, err)
	require.Equal(t, j, run.Job, "a run keeps its version")

	versions, err := s.JobVersions(ctx, made.ID, etl.Page{Limit: 1})
	require.NoError(t, err)
	require.Equal(t, changed, versions.Items[0].Job)
	versions, err = s.JobVersions(ctx, made.ID, etl.Page{Limit: 1, Cursor: versions.Next})
	require.NoError(t, err)
	require.Equal(t, j, versions.Items[0].Job)
	require.Empty(t, versions.Next)
	_, err = s.JobVersions(ctx, 999, etl.Page{})
	refused(t, err, CodeNotFound)

	for what, wrong := range map[string]struct {
		change func(*etl.Job)
		code   etl.Code
	}{
		"name taken":    {func(*etl.Job) {}, CodeDuplicateName},
		"no file":       {func(j *etl.Job) { j.FileID = "00000000-0000-0000-0000-000000000000" }, CodeNotFound},
		"no uuid":       {func(j *etl.Job) { j.FileID = "' OR 1=1" }, CodeNotFound},
		"no credential": {func(j *etl.Job) { j.CredentialID = -1 }, CodeNotFound},
		"no keys":       {func(j *etl.Job) { j.UpsertKeys = nil }, CodeInvalidValue},
		"strategy":      {func(j *etl.Job) { j.Strategy = "MERGE" }, CodeInvalidValue},
		"two columns":   {func(j *etl.Job) { j.Mapping.Columns = append(j.Mapping.Columns, j.Mapping.Columns[0]) }, CodeInvalidValue},
		"NUL":           {func(j *etl.Job) { j.Mapping.Filter = "\x00" }, CodeInvalidText},
	} {
		bad := j
		if what != "name taken" {
			bad.Name = what
		}
		wrong.change(&bad)
		_, err := s.CreateJob(ctx, bad)
		require.Equal(t, wrong.code, codeOf(err), "%s: %v", what, err)
		bad.Version = 2
		if what == "name taken" {
			bad.Name = newJob(t, s).Name
		}
		_, err = s.UpdateJob(ctx, bad)
		require.Equal(t, wrong.code, codeOf(err), "%s: %v", what, err)
	}

	l, err := s.Jobs(ctx, etl.JobFilter{}, etl.Page{Limit: 1})
	require.NoError(t, err)
	require.Len(t, l.Items[0].Mapping.Columns, 2)
	l, err = s.Jobs(ctx, etl.JobFilter{}, etl.Page{Limit: 1, Cursor: l.Next})
	require.NoError(t, err)
	require.Equal(t, changed, l.Items[0])

	refused(t, s.DeleteSource(ctx, j.FileID), CodeInUse, `"nightly"`)
	refused(t, s.DeleteCredential(ctx, j.CredentialID), CodeInUse, `"nightly"`)
	refused(t, s.DeleteJob(ctx, made.ID), CodeInUse, fmt.Sprintf("run %d", run.ID))
	_, err = s.CancelRun(ctx, run.ID)
	require.NoError(t, err)
	require.NoError(t, s.DeleteJob(ctx, made.ID))
	_, err = s.Run(ctx, run.ID)
	refused(t, err, CodeNotFound)
	require.NoError(t, s.DeleteSource(ctx, j.FileID))
	require.NoError(t, s.DeleteCredential(ctx, j.CredentialID))
	refused(t, s.DeleteJob(ctx, made.ID), CodeNotFound)
	_, err = s.UpdateJob(ctx, j)
	refused(t, err, CodeNotFound)
}

func TestActiveRunKeepsItsFile(t *testing.T) {
	s, ctx := open(t, Options{}), t.Context()
	j := newJob(t, s)
	other := frozen(j)
	other.FileID = source(t, s).ID
	r, _, err := s.CreateRun(ctx, other, etl.IdempotencyKey{})
	require.NoError(t, err)
	refused(t, s.DeleteSource(ctx, other.FileID), CodeInUse, fmt.Sprintf("run %d", r.ID))
	_, err = s.FailRun(ctx, r.ID, 1, nil, nil)
	require.NoError(t, err)
	require.NoError(t, s.DeleteSource(ctx, other.FileID))
	r, err = s.Run(ctx, r.ID)
	require.NoError(t, err)
	require.Equal(t, other.FileID, r.FileID, "it still says what it read")
}

// A lease that is given back just when another has found all of them taken
// sends that one away for a moment, and fails nothing.
func TestLeaseGivenBackMeanwhile(t *testing.T) {
	s := open(t, Options{})
	id := credential(t, s).ID
	a, err := s.AcquireLease(t.Context(), id, "a", 1, time.Minute)
	require.NoError(t, err)
	given := false
	ctx := etl.WithFaults(t.Context(), func(step string) error {
		require.Equal(t, "all leases are taken", step)
		given = true
		return s.ReleaseLease(t.Context(), a)
	})
	_, err = s.AcquireLease(ctx, id, "b", 1, time.Minute)
	wait, ok := errors.AsType[*etl.RetryAfter](err)
	require.Truef(t, ok, "%v", err)
	require.Equal(t, 100*time.Millisecond, wait.Delay)
	require.True(t, given)
	_, err = s.AcquireLease(t.Context(), id, "b", 1, time.Minute)
	require.NoError(t, err)
}

func TestHeldRuns(t *testing.T) {
	c := newClock()
	s, ctx := open(t, Options{Now: c.Now}), t.Context()
	r := loading(t, s, 1)
	load(t, s, r, 0)
	take := func(want bool) {
		t.Helper()
		held, err := s.HoldRun(ctx, r.ID, r.Attempt, time.Minute)
		require.NoError(t, err)
		require.Equal(t, want, held)
	}
	take(true)
	take(false)
	stalled := func(want int) {
		t.Helper()
		found, err := s.Stalled(ctx, time.Minute)
		require.NoError(t, err)
		found = slices.DeleteFunc(found, func(x etl.Stalled) bool { return x.Message.RunID != r.ID })
		require.Len(t, found, want)
	}
	c.pass(90 * time.Second)
	stalled(0)
	require.NoError(t, s.KeepRun(ctx, r.ID, r.Attempt, time.Minute))
	take(false)
	c.pass(119 * time.Second)
	stalled(0)
	c.pass(time.Second)
	stalled(1)
	take(true)
	require.NoError(t, s.KeepRun(ctx, r.ID, r.Attempt, 0))
	take(true)
	held, err := s.HoldRun(ctx, r.ID, r.Attempt+1, time.Minute)
	require.NoError(t, err)
	require.False(t, held, "another attempt")
	_, err = s.FailRun(ctx, r.ID, r.Attempt, nil, nil)
	require.NoError(t, err)
	require.NoError(t, s.KeepRun(ctx, r.ID, r.Attempt, 0))
	take(false)
}

func TestLeases(t *testing.T) {
	c := newClock()
	s, ctx := open(t, Options{Now: c.Now}), t.Context()
	id := credential(t, s).ID
	a, err := s.AcquireLease(ctx, id, "a", 2, time.Minute)
	require.NoError(t, err)
	require.Equal(t, c.Now().Add(time.Minute), a.ExpiresAt)
	c.pass(time.Second)
	_, err = s.AcquireLease(ctx, id, "b", 2, time.Minute)
	require.NoError(t, err)
	_, err = s.AcquireLease(ctx, id, "c", 2, time.Minute)
	wait, ok := errors.AsType[*etl.RetryAfter](err)
	require.Truef(t, ok, "%v", err)
	require.Equal(t, longestWait, wait.Delay)
	same, err := s.AcquireLease(ctx, id, "a", 2, time.Minute)
	require.NoError(t, err)
	require.Equal(t, c.Now().Add(time.Minute), same.ExpiresAt, "renewed")
	_, err = s.AcquireLease(ctx, id, "c", 3, time.Minute)
	require.NoError(t, err)
	for range 2 {
		require.NoError(t, s.ReleaseLease(ctx, a))
	}
	_, err = s.AcquireLease(ctx, id, "d", 2, time.Minute)
	require.Error(t, err, "the limit is lower now, and two are at work")
	_, err = s.RenewLease(ctx, a, time.Minute)
	refused(t, err, "lease_lost")
	b := etl.Lease{CredentialID: id, Holder: "b"}
	c.pass(time.Minute - 1*time.Microsecond)
	b, err = s.RenewLease(ctx, b, time.Hour)
	require.NoError(t, err)
	c.pass(time.Second)
	_, err = s.AcquireLease(ctx, id, "d", 2, time.Minute)
	require.NoError(t, err, "c's has expired, b's has not")
	c.pass(time.Hour)
	_, err = s.RenewLease(ctx, b, time.Hour)
	refused(t, err, "lease_lost")
	require.NoError(t, s.Sweep(ctx, time.Hour))
	var left int
	require.NoError(t, s.pool.QueryRow(ctx, `SELECT count(*) FROM leases`).Scan(&left))
	require.Zero(t, left)
	_, err = s.AcquireLease(ctx, 999, "a", 1, time.Minute)
	refused(t, err, CodeNotFound)
	_, err = s.AcquireLease(ctx, id, "a", 0, time.Minute)
	require.Equal(t, etl.Internal, etl.KindOf(err))
}

func TestLeasesAreNeverTooMany(t *testing.T) {
	s, ctx := open(t, Options{}), t.Context()
	id := credential(t, s).ID
	got := make(chan bool)
	for i := range 20 {
		go func() {
			_, err := s.AcquireLease(ctx, id, fmt.Sprint("holder ", i), 3, time.Hour)
			_, full := errors.AsType[*etl.RetryAfter](err)
			if err != nil && !full {
				t.Error(err)
			}
			got <- err == nil
		}()
	}
	n := 0
	for range 20 {
		if <-got {
			n++
		}
	}
	require.Equal(t, 3, n)
}

func TestLogs(t *testing.T) {
	s, ctx := open(t, Options{}), t.Context()
	r := newRun(t, s, newJob(t, s))
	chunk := 3
	require.NoError(t, s.AppendLog(ctx))
	require.NoError(t, s.AppendLog(ctx, etl.LogEntry{RunID: r.ID, Message: "begun\x00"}, etl.LogEntry{RunID: r.ID, Level: "warn", Message: "slow", Chunk: &chunk, Attributes: map[string]any{"rows": 5.0}}))
	require.NoError(t, s.AppendLog(ctx, etl.LogEntry{RunID: r.ID, Level: "error", Message: "over"}))
	l, err := s.Logs(ctx, r.ID, etl.Page{Limit: 2})
	require.NoError(t, err)
	require.Equal(t, "begun\uFFFD", l.Items[0].Message)
	require.Equal(t, "info", l.Items[0].Level)
	require.Equal(t, &chunk, l.Items[1].Chunk)
	require.Equal(t, map[string]any{"rows": 5.0}, l.Items[1].Attributes)
	rest, err := s.Logs(ctx, r.ID, etl.Page{Limit: 2, Cursor: l.Next})
	require.NoError(t, err)
	require.Len(t, rest.Items, 1)
	require.Empty(t, rest.Next)
	tail, err := s.LogTail(ctx, r.ID, 2)
	require.NoError(t, err)
	require.Equal(t, []etl.LogEntry{l.Items[1], rest.Items[0]}, tail)
	after, err := s.LogsAfter(ctx, r.ID, tail[0].ID, 10)
	require.NoError(t, err)
	require.Equal(t, rest.Items, after)
	refused(t, s.AppendLog(ctx, etl.LogEntry{RunID: 999, Message: "m"}), CodeNotFound)
	refused(t, s.AppendLog(ctx, etl.LogEntry{RunID: r.ID, Level: "loud"}), CodeInvalidValue)
	err = s.AppendLog(ctx, etl.LogEntry{RunID: r.ID, Attributes: map[string]any{"f": func() {}}})
	require.Equal(t, etl.Internal, etl.KindOf(err))
}

func TestRejects(t *testing.T) {
	s, ctx := open(t, Options{}), t.Context()
	r := loading(t, s, 2)
	load(t, s, r, 1,
		etl.Reject{Line: 15, Record: 15, Column: "a", Value: "x", Code: "not_numeric", Reason: "r15", Fields: []string{"x", "", "=1+1"}},
		etl.Reject{Line: 12, Record: 12, Column: "a", Value: "y", Code: "not_numeric", Reason: "r12", Fields: []string{"y"}})
	load(t, s, r, 0,
		etl.Reject{Line: 3, Record: 3, Code: "invalid_utf8", Reason: "r3", Value: "\xff", Raw: []byte("a,\xff\x00")},
		etl.Reject{Line: 3, Record: 3, Column: "b", Value: "nul\x00", Code: "not_numeric", Reason: "r3b", Fields: []string{"nul\x00"}})
	var lines []string
	p := etl.Page{Limit: 3}
	for {
		l, err := s.Rejects(ctx, r.ID, etl.RejectFilter{}, p)
		require.NoError(t, err)
		for _, reject := range l.Items {
			lines = append(lines, reject.Reason)
		}
		if p.Cursor = l.Next; p.Cursor == "" {
			break
		}
	}
	require.Equal(t, []string{"r3", "r3b", "r12", "r15"}, lines, "in file order")
	a, whole := "a", ""
	l, err := s.Rejects(ctx, r.ID, etl.RejectFilter{Code: "not_numeric", Column: &a}, etl.Page{})
	require.NoError(t, err)
	require.Len(t, l.Items, 2)
	require.Equal(t, 1, *l.Items[0].Chunk)
	require.Equal(t, []string{"x", "", "=1+1"}, l.Items[1].Fields)
	require.Nil(t, l.Items[1].Raw)
	l, err = s.Rejects(ctx, r.ID, etl.RejectFilter{Column: &whole}, etl.Page{})
	require.NoError(t, err)
	require.Len(t, l.Items, 1)
	require.Equal(t, []byte("a,\xff\x00"), l.Items[0].Raw, "the bytes as they are")
	require.Nil(t, l.Items[0].Fields)
	groups, err := s.RejectGroups(ctx, r.ID)
	require.NoError(t, err)
	require.Equal(t, []etl.RejectGroup{
		{Code: "not_numeric", Column: "a", Count: 2, FirstLine: 12, Value: "y", Reason: "r12"},
		{Code: "invalid_utf8", Count: 1, FirstLine: 3, Value: "\uFFFD", Reason: "r3"},
		{Code: "not_numeric", Column: "b", Count: 1, FirstLine: 3, Value: "nul\uFFFD", Reason: "r3b"},
	}, groups)
}

func TestTokens(t *testing.T) {
	c := newClock()
	s, ctx := open(t, Options{Now: c.Now}), t.Context()
	end := c.Now().Add(time.Hour)
	made, err := s.CreateToken(ctx, etl.Token{Name: "ci", Role: etl.Editor, CreatedBy: "owner", ExpiresAt: &end}, hash("secret"))
	require.NoError(t, err)
	require.Nil(t, made.LastUsedAt)
	_, err = s.TokenByHash(ctx, hash("secret"))
	require.NoError(t, err)
	c.pass(59 * time.Second)
	found, err := s.TokenByHash(ctx, hash("secret"))
	require.NoError(t, err)
	require.Equal(t, c.Now().Add(-59*time.Second), *found.LastUsedAt, "kept to the minute")
	c.pass(time.Second)
	_, err = s.TokenByHash(ctx, hash("secret"))
	require.NoError(t, err)
	l, err := s.Tokens(ctx, etl.Page{})
	require.NoError(t, err)
	require.Equal(t, c.Now(), *l.Items[0].LastUsedAt)
	_, err = s.TokenByHash(ctx, hash("guess"))
	refused(t, err, CodeNotFound)
	c.pass(time.Hour)
	_, err = s.TokenByHash(ctx, hash("secret"))
	refused(t, err, CodeNotFound)
	_, err = s.CreateToken(ctx, etl.Token{Name: "twice", Role: etl.Viewer}, hash("secret"))
	refused(t, err, CodeDuplicateName)
	_, err = s.CreateToken(ctx, etl.Token{Name: "role", Role: "root"}, hash("r"))
	refused(t, err, CodeInvalidValue)
	_, err = s.CreateToken(ctx, etl.Token{Name: "plain", Role: etl.Viewer}, []byte("not a hash"))
	refused(t, err, CodeInvalidValue, "api_tokens_hash_check")
	require.NoError(t, s.DeleteToken(ctx, made.ID))
	refused(t, s.DeleteToken(ctx, made.ID), CodeNotFound)
}

func TestAudit(t *testing.T) {
	s, ctx := open(t, Options{}), t.Context()
	who := etl.Principal{Kind: "token", ID: "7", Name: "ci", Role: etl.Editor}
	for i := range 3 {
		require.NoError(t, s.Audit(ctx, etl.AuditEntry{Principal: who, Action: "update", Object: "job", ObjectID: fmt.Sprint(i % 2), RequestID: "r", Before: []byte(`{"a":1}`), After: []byte(`{"a":2}`)}))
	}
	l, err := s.Audits(ctx, etl.AuditFilter{Object: "job", ObjectID: "0"}, etl.Page{Limit: 1})
	require.NoError(t, err)
	require.Equal(t, who, l.Items[0].Principal)
	require.JSONEq(t, `{"a":2}`, string(l.Items[0].After))
	next, err := s.Audits(ctx, etl.AuditFilter{Object: "job", ObjectID: "0"}, etl.Page{Limit: 1, Cursor: l.Next})
	require.NoError(t, err)
	require.Less(t, next.Items[0].ID, l.Items[0].ID)
	require.Empty(t, next.Next)
	_, err = s.Audits(ctx, etl.AuditFilter{}, etl.Page{Cursor: l.Next})
	refused(t, err, CodeBadCursor)
}

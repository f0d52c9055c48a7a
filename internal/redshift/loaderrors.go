package redshift

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/etl"
)

// loadError is a row that COPY refused, as the warehouse tells it.
type loadError struct {
	file           string
	line           int64
	column, reason string
}

// refusals finds the rows that a COPY refused which failed with cause. It is nil
// where they may be left out, and then p.refused has them.
func (p *publication) refusals(ctx context.Context, cause error) error {
	if conflict(cause) || worded(cause, passing) {
		return p.copyFailure(ctx, cause)
	}
	found, err := p.loadErrors(ctx, told(cause))
	if err != nil {
		return errors.Join(cause, err)
	}
	if len(found) == 0 {
		return p.copyFailure(ctx, cause)
	}
	if p.spec.SkipRefused {
		if found, err = p.tally(ctx, found); err != nil {
			return err
		}
	}
	rejects, err := p.locate(ctx, found)
	if err != nil {
		if gone, asked := p.lost(ctx); asked == nil && gone != nil {
			return gone
		}
		return err
	}
	if !p.spec.SkipRefused {
		r := rejects.First()
		return &etl.RowsRefused{Rows: rejects, Err: &etl.Error{
			Kind: etl.Refused, Code: r.Code, Err: cause, Line: r.Line, Column: r.Column, Value: r.Value,
			Message: fmt.Sprintf("line %d: Redshift refused the row: column %q: %s", r.Line, r.Column, r.Reason),
			Fix:     "Correct the row, or let such rows be skipped (--on-bad-row skip --rejects FILE).",
		}}
	}
	if p.spec.AllowRefused != nil {
		if err := p.spec.AllowRefused(rejects.Len()); err != nil {
			return &etl.RowsRefused{Err: err, Rows: rejects}
		}
	}
	err = p.refused.Close()
	p.refused = rejects
	return err
}

// tally finds all that is refused by a copy that is not kept: COPY stopped at the first.
func (p *publication) tally(ctx context.Context, first []loadError) ([]loadError, error) {
	s := p.begin()
	p.copyInto(s, int(p.r.most))
	s.add("taken", "SELECT count(*) FROM %s", p.stage())
	p.end(s, p.stage())
	results, err := p.r.transaction(ctx, s.sql...)
	if err != nil && s.failed(err) == "copy" && !conflict(err) {
		if gone, asked := p.lost(ctx); asked != nil || gone != nil {
			return nil, cmp.Or(asked, gone)
		}
		// It failed by their number, or of something else.
		if told(err) == perhaps {
			return nil, p.copyFailure(ctx, err)
		}
		if _, asked := p.loadErrors(ctx, p.r.most); asked != nil {
			return nil, errors.Join(err, asked)
		}
		rejects, lost := p.locate(ctx, first[:1])
		if lost != nil {
			return nil, errors.Join(err, lost)
		}
		one := rejects.First()
		e := &etl.Error{
			Kind: etl.Refused, Code: etl.TooManyBadRows, Err: err, Line: one.Line, Column: one.Column, Value: one.Value,
			Message: fmt.Sprintf("Redshift refused %d rows or more, as many as COPY counts; one of them is line %d, column %q: %s", p.r.most, one.Line, one.Column, one.Reason),
			Fix:     "Correct the file or the mapping; nothing was loaded.",
		}
		return nil, &etl.RowsRefused{Err: e, Rows: rejects}
	}
	if err != nil {
		return nil, err
	}
	taken, err := strconv.ParseInt(text(results[s.at["taken"]].Rows[0][0]), 10, 64)
	if err != nil {
		return nil, defect("the number of rows that COPY took: %v", err)
	}
	return p.loadErrors(ctx, p.rows-taken)
}

// copyFailed is the code of a COPY that refused no row and failed: Weather where
// S3 failed it, else a Mistake.
const copyFailed etl.Code = "copy_failed"

// copyFailure is what is wrong with a COPY that refused no row.
func (p *publication) copyFailure(ctx context.Context, cause error) error {
	if lost, err := p.lost(ctx); err != nil || lost != nil {
		return cmp.Or(err, lost)
	}
	if stateOf(cause) != "" && stateOf(cause) != "XX000" || conflict(cause) {
		return cause
	}
	if worded(cause, passing) {
		return &etl.Error{
			Kind: etl.Weather, Code: copyFailed, Err: cause, Message: "S3 did not serve COPY: " + limit(strings.Join(strings.Fields(cause.Error()), " "), 600),
			Fix: "Try again; " + unchanged,
		}
	}
	return &etl.Error{
		Kind: etl.Mistake, Code: copyFailed, Err: cause, Message: "COPY from the staging bucket failed: " + limit(strings.Join(strings.Fields(cause.Error()), " "), 600),
		Fix: fmt.Sprintf("See that the role %s is attached to the cluster or namespace and may read s3://%s/%s* (s3:GetObject, and s3:ListBucket on the bucket), and that the bucket is in the warehouse's region.",
			p.r.o.Staging.Role, p.r.o.Staging.Bucket, p.r.o.Staging.Prefix),
	}
}

// lost finds parts that are in the store no more, as after the time that its
// lifecycle rule gives them; their chunks are to be loaded again.
func (p *publication) lost(ctx context.Context) (lost, err error) {
	var chunks []int
	for _, x := range p.parts {
		_, err := p.r.o.Staging.Blobs.Head(ctx, x.Key)
		if e, known := errors.AsType[*etl.Error](err); known && e.Code == "object_not_found" {
			if n := len(chunks); n == 0 || chunks[n-1] != x.chunk {
				chunks = append(chunks, x.chunk)
			}
			continue
		}
		if err != nil {
			return nil, err
		}
	}
	switch {
	case chunks == nil:
		return nil, nil
	case p.load == "" || p.direct:
		return &etl.Error{Kind: etl.Weather, Code: "parts_gone", Message: "staged files were deleted before COPY had read them", Fix: "Let the bucket's lifecycle rule keep them for a day at least, then try again."}, nil
	}
	return &etl.ChunksMissing{Chunks: chunks}, nil
}

func stateOf(err error) string {
	if e, ok := errors.AsType[*etl.StatementError](err); ok {
		return e.State
	}
	return ""
}

// The views of load errors: SYS_LOAD_ERROR_DETAIL has them of clusters and of
// Serverless (https://docs.aws.amazon.com/redshift/latest/dg/SYS_LOAD_ERROR_DETAIL.html),
// STL_LOAD_ERRORS (https://docs.aws.amazon.com/redshift/latest/dg/r_STL_LOAD_ERRORS.html)
// those of clusters that do not show the former to this user. Keys of parts are
// used once, so that a file's name says which load it is; of several COPYs the last counts.
const (
	errorDetail = `SELECT TRIM(file_name), line_number, TRIM(column_name), TRIM(error_message) FROM sys_load_error_detail
WHERE LEFT(file_name, %[1]d) = %[2]s AND query_id = (SELECT MAX(query_id) FROM sys_load_error_detail WHERE LEFT(file_name, %[1]d) = %[2]s)
ORDER BY 1, 2 LIMIT %[3]d`
	errorLog = `SELECT TRIM(filename), line_number, TRIM(colname), TRIM(err_reason) FROM stl_load_errors
WHERE LEFT(filename, %[1]d) = %[2]s AND query = (SELECT MAX(query) FROM stl_load_errors WHERE LEFT(filename, %[1]d) = %[2]s)
ORDER BY 1, 2 LIMIT %[3]d`
)

var errorViews = [...]string{errorDetail, errorLog}

// errorsEvery is how often load errors are looked for.
const errorsEvery = 500 * time.Millisecond

// How many refused rows are looked for where their number is not known.
const (
	// perhaps there are none: COPY may have failed of something else.
	perhaps int64 = 0
	// some there are.
	some int64 = -1
)

// told says whether a COPY failed because of rows, as far as it tells: then there are some.
func told(err error) int64 {
	if worded(err, refusing) {
		return some
	}
	return perhaps
}

// loadErrors gives the rows that the last COPY of the publication's parts
// refused: want of them, or those that are shown first. Views show errors late,
// and those of an earlier COPY, which may have read other parts, sooner.
//
// Errors: Weather load_errors_missing, and the Mistake load_errors_unreadable,
// neither where there may be none.
func (p *publication) loadErrors(ctx context.Context, want int64) ([]loadError, error) {
	at := p.r.location(p.prefix)
	own := make(map[string]bool, len(p.parts))
	for _, x := range p.parts {
		own[p.r.location(x.Key)] = true
	}
	allowed := p.r.o.Errors
	if want != perhaps {
		allowed *= 6 // they are there, and nothing goes on without them
	}
	deadline := time.Now().Add(allowed)
	// The last look begins when the time is over: one that began before may have
	// taken longer, and not have seen what was shown in time.
	for last := false; ; last = time.Now().After(deadline) {
		for _, view := range errorViews {
			if p.unreadable[view] {
				continue
			}
			rows, err := p.r.ask(ctx, "reading the load errors", fmt.Sprintf(view, len(at), literal(at), maxErrors))
			if ctx.Err() != nil {
				return nil, err
			}
			if err != nil {
				p.hidden(view, err)
				continue
			}
			found, err := loadErrorsOf(rows, own)
			if err != nil || len(found) > 0 && (want <= 0 || int64(len(found)) == want) {
				return found, err
			}
		}
		if len(p.unreadable) == len(errorViews) || last {
			return nil, p.notShown(want)
		}
		if err := pause(ctx, errorsEvery); err != nil {
			return nil, err
		}
	}
}

// hidden takes note of a view that the user may not read, or that the warehouse
// has not: asked again it would cost a connection each time.
func (p *publication) hidden(view string, err error) {
	if state := stateOf(err); state != "42501" && state != "42P01" {
		return
	}
	if p.unreadable == nil {
		p.unreadable = map[string]bool{}
	}
	p.unreadable[view] = true
}

// notShown is the error of refused rows that no view shows.
func (p *publication) notShown(want int64) error {
	rows := "rows"
	switch {
	case want == perhaps:
		return nil
	case want > 0:
		rows = fmt.Sprintf("%d rows", want)
	}
	if len(p.unreadable) == len(errorViews) {
		return etl.Mistakef("load_errors_unreadable", "Let an administrator run GRANT SELECT ON sys_load_error_detail TO the user.",
			"COPY refused %s, and the user may read neither SYS_LOAD_ERROR_DETAIL nor STL_LOAD_ERRORS, which tell them", rows)
	}
	return &etl.Error{
		Kind: etl.Weather, Code: "load_errors_missing", Message: "COPY refused " + rows + ", and neither SYS_LOAD_ERROR_DETAIL nor STL_LOAD_ERRORS shows them",
		Fix: "Try again; see that the user may read one of these views.",
	}
}

// loadErrorsOf reads those of own files.
func loadErrorsOf(rows [][]*string, own map[string]bool) ([]loadError, error) {
	var out []loadError
	for _, row := range rows {
		if !own[text(row[0])] {
			continue
		}
		line, err := strconv.ParseInt(text(row[1]), 10, 64)
		if err != nil {
			return nil, defect("a load error's line: %v", err)
		}
		e := loadError{text(row[0]), line, text(row[2]), strings.TrimSpace(text(row[3]))}
		// A row is one reject, however much is wrong with it.
		if n := len(out); n == 0 || out[n-1].file != e.file || out[n-1].line != e.line {
			out = append(out, e)
		}
	}
	return out, nil
}

// locate finds, in the parts, the user's lines and values of rows that COPY refused.
func (p *publication) locate(ctx context.Context, found []loadError) (*etl.Rejects, error) {
	rejects := &etl.Rejects{Most: p.spec.KeepRefused}
	for len(found) > 0 {
		file := found[0].file
		n := slices.IndexFunc(found, func(e loadError) bool { return e.file != file })
		if n < 0 {
			n = len(found)
		}
		if err := p.inPart(ctx, strings.TrimPrefix(file, p.r.location("")), found[:n], rejects); err != nil {
			return nil, errors.Join(err, rejects.Close())
		}
		found = found[n:]
	}
	return rejects, nil
}

// partDialect is how batch writes rows.
var partDialect = csv.Dialect{Delimiter: ",", Quote: '"'}

// inPart adds those of one part, which are in the order of its lines.
func (p *publication) inPart(ctx context.Context, key string, found []loadError, rejects *etl.Rejects) error {
	body, err := p.r.read(ctx, key)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	rows, err := csv.NewReader(body, partDialect, csv.Options{Start: csv.Position{Line: 1, Record: 1}, Width: len(p.columns) + 2, MaxRecord: maxRow})
	if err != nil {
		return defect("reading parts: %v", err)
	}
	for len(found) > 0 {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return defect("part %s ends before line %d", key, found[0].line)
		}
		if err == nil && row.Bad != nil {
			err = row.Bad
		}
		if err != nil {
			return defect("part %s: %v", key, err)
		}
		if n := len(row.Fields); n != len(p.columns)+2 {
			return defect("part %s: line %d has %d fields", key, row.Pos.Line, n)
		}
		// A row of several lines is found by any of them.
		if last := row.Pos.Line + int64(bytes.Count(row.Raw, []byte{'\n'})); found[0].line > last {
			continue
		}
		bad := p.reject(row.Fields, found[0])
		if err := rejects.Add(&bad); err != nil {
			return err
		}
		found = found[1:]
	}
	return nil
}

func (p *publication) reject(row [][]byte, e loadError) etl.Reject {
	r := etl.Reject{Column: e.column, Code: "invalid_value", Reason: e.reason}
	for i, c := range p.columns {
		if c.name == e.column && string(row[i]) != p.null {
			r.Value = limit(string(row[i]), 200)
		}
	}
	n := len(p.columns)
	r.Record, _ = strconv.ParseInt(string(row[n]), 10, 64)
	r.Line, _ = strconv.ParseInt(string(row[n+1]), 10, 64)
	return r
}

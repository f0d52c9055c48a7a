package etltest

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/klauspost/compress/zstd"
)

var copyForm = regexp.MustCompile(`(?is)^\s*COPY\s+((?:"[^"]+"|[\w.]+)+)\s*(?:\(([^)]*)\)\s*)?FROM\s+'([^']*)'\s+(.*)$`)

// copyOption is one of COPY's parameters, with its value where it has one
// (https://docs.aws.amazon.com/redshift/latest/dg/r_COPY-parameters.html).
var copyOption = regexp.MustCompile(`(?is)^\s*(IAM_ROLE\s+(?:default|'([^']*)')|REGION\s+(?:AS\s+)?'([^']*)'|MANIFEST|(?:FORMAT\s+(?:AS\s+)?)?CSV|ZSTD|GZIP|NULL\s+(?:AS\s+)?'([^']*)'|(?:DATEFORMAT|TIMEFORMAT)\s+'auto'|MAXERROR\s+(?:AS\s+)?(\d+)|COMPUPDATE\s+\w+|STATUPDATE\s+\w+|NOLOAD)(?:\s+|$)`)

// copyStatement is a COPY as far as the stand-in does it.
type copyStatement struct {
	table, from, role, null string
	columns                 []string
	manifest, noload        bool
	packed                  string
	maxErrors               int
}

func syntaxError(what, page string) error {
	return &pgconn.PgError{Code: "42601", Message: "syntax error at or near " + strconv.Quote(what), Detail: awsDocs + page}
}

func parseCopy(sql string) (*copyStatement, error) {
	m := copyForm.FindStringSubmatch(sql)
	if m == nil {
		return nil, syntaxError("COPY", "r_COPY.html")
	}
	c := &copyStatement{table: m[1], from: m[3], null: `\N`, role: "?"}
	if m[2] != "" {
		for name := range strings.SplitSeq(m[2], ",") {
			c.columns = append(c.columns, strings.Trim(strings.TrimSpace(name), `"`))
		}
	}
	for rest := m[4]; strings.TrimSpace(rest) != ""; {
		o := copyOption.FindStringSubmatch(rest)
		if o == nil {
			return nil, syntaxError(strings.Fields(rest)[0], "r_COPY-parameters.html")
		}
		switch word := strings.ToUpper(strings.Fields(o[1])[0]); word {
		case "IAM_ROLE":
			c.role = cmp.Or(o[2], "default")
		case "MANIFEST":
			c.manifest = true
		case "ZSTD", "GZIP":
			c.packed = word
		case "NULL":
			c.null = o[4]
		case "NOLOAD":
			c.noload = true
		case "MAXERROR":
			c.maxErrors, _ = strconv.Atoi(o[5])
			if c.maxErrors > 100000 {
				return nil, &pgconn.PgError{Code: "XX000", Message: "MAXERROR is at most 100000", Detail: awsDocs + "copy-parameters-data-load.html#copy-maxerror"}
			}
		}
		rest = rest[len(o[0]):]
	}
	if !c.manifest {
		return nil, &pgconn.PgError{Code: "0A000", Message: "the stand-in copies from a manifest only"}
	}
	return c, nil
}

// target is a column that COPY fills.
type copyTarget struct {
	name, typ string
	notNull   bool
	bytes     int
}

// badRow is a row that COPY does not take.
type badRow struct {
	file, column, reason string
	line                 int64
	code                 int
}

// copy does COPY FROM a manifest: with the role that the warehouse has, from
// the bucket, all parts or none.
func (x *redshiftSession) copy(ctx context.Context, sql string) (replied, error) {
	c, err := parseCopy(sql)
	if err != nil {
		return replied{}, err
	}
	s := x.s
	if c.role != s.Role {
		// https://docs.aws.amazon.com/redshift/latest/dg/copy-usage_notes-access-permissions.html
		return replied{}, &pgconn.PgError{Code: "XX000", Message: "User arn:aws:redshift:us-east-1:123456789012:dbuser:" + s.Workgroup + "/" + s.User + " is not authorized to assume IAM Role " + c.role}
	}
	targets, err := x.targets(ctx, c)
	if err != nil {
		return replied{}, err
	}
	manifest, err := s.object(ctx, c.from)
	if err != nil {
		return replied{}, err
	}
	var m struct {
		Entries []struct {
			URL       string `json:"url"`
			Mandatory bool   `json:"mandatory"`
			Meta      struct {
				ContentLength *int64 `json:"content_length"`
			} `json:"meta"`
		} `json:"entries"`
	}
	if err := json.Unmarshal(manifest, &m); err != nil || len(m.Entries) == 0 {
		return replied{}, &pgconn.PgError{Code: "XX000", Message: "Manifest file is not in correct json format", Detail: awsDocs + "loading-data-files-using-manifest.html"}
	}
	sizes := make(map[string]*int64, len(m.Entries))
	for _, e := range m.Entries {
		sizes[e.URL] = e.Meta.ContentLength
	}
	if err := x.stream(ctx, c, targets, sizes); !errors.Is(err, errSlowly) {
		return replied{tag: "COPY"}, err
	}
	var good [][]string
	var bad []badRow
	for _, e := range m.Entries {
		text, err := s.object(ctx, e.URL)
		if err != nil {
			return replied{}, err
		}
		if n := e.Meta.ContentLength; n != nil && *n != int64(len(text)) {
			return replied{}, &pgconn.PgError{Code: "XX000", Message: fmt.Sprintf("%s has %d bytes, the manifest says %d", e.URL, len(text), *n)}
		}
		rows, wrong, err := x.rows(ctx, c, targets, e.URL, text)
		if err != nil {
			return replied{}, err
		}
		good, bad = append(good, rows...), append(bad, wrong...)
	}
	if len(bad) > 0 {
		// The load fails once there are as many errors as MAXERROR says
		// (https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-data-load.html#copy-maxerror).
		over := len(bad) >= max(c.maxErrors, 1)
		if over {
			bad = bad[:max(c.maxErrors, 1)]
		}
		if err := s.logErrors(ctx, bad); err != nil {
			return replied{}, err
		}
		if over {
			return replied{}, &pgconn.PgError{Code: "XX000", Message: "Load into table '" + strings.Trim(c.table, `"`) + "' failed. Check 'sys_load_error_detail' system table for details."}
		}
	}
	if c.noload {
		return replied{tag: "COPY"}, nil
	}
	return replied{tag: "COPY"}, x.fill(ctx, c, targets, good)
}

// object reads what an S3 URL of the bucket names.
func (s *RedshiftServer) object(ctx context.Context, at string) ([]byte, error) {
	key, ok := strings.CutPrefix(at, "s3://"+s.Bucket+"/")
	if !ok {
		return nil, &pgconn.PgError{Code: "XX000", Message: "S3ServiceException: Access Denied, Status 403, Error AccessDenied, for " + at}
	}
	ref, err := s.Blobs.Head(ctx, key)
	if err != nil {
		return nil, &pgconn.PgError{Code: "XX000", Message: "S3ServiceException: The specified key does not exist., Status 404, Error NoSuchKey, for " + at}
	}
	body, err := s.Blobs.Range(ctx, ref, 0, -1)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(body)
	return text, errors.Join(err, body.Close())
}

// targets describes the columns that are filled, in their order.
func (x *redshiftSession) targets(ctx context.Context, c *copyStatement) ([]copyTarget, error) {
	a, err := x.forward(ctx, `SELECT a.attname, format_type(a.atttypid, NULL), a.attnotnull, CASE WHEN a.atttypid IN ('varchar'::regtype, 'bpchar'::regtype) AND a.atttypmod > 4 THEN a.atttypmod - 4 ELSE 0 END
FROM pg_attribute a WHERE a.attrelid = '`+strings.ReplaceAll(c.table, "'", "''")+`'::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`)
	if err != nil {
		return nil, err
	}
	var all []copyTarget
	for _, row := range a.rows {
		n, _ := strconv.Atoi(*row[3])
		all = append(all, copyTarget{*row[0], *row[1], *row[2] == "t", n})
	}
	if c.columns == nil {
		return all, nil
	}
	var chosen []copyTarget
	for _, name := range c.columns {
		for _, t := range all {
			if t.name == name {
				chosen = append(chosen, t)
			}
		}
	}
	if len(chosen) != len(c.columns) {
		return nil, &pgconn.PgError{Code: "42703", Message: "a column of COPY does not exist"}
	}
	return chosen, nil
}

// rows reads a part and tells the rows that its table does not take.
func (x *redshiftSession) rows(ctx context.Context, c *copyStatement, targets []copyTarget, file string, packed []byte) (good [][]string, bad []badRow, err error) {
	var in io.Reader = bytes.NewReader(packed)
	switch c.packed {
	case "ZSTD":
		d, err := zstd.NewReader(in)
		if err != nil {
			return nil, nil, err
		}
		defer d.Close()
		in = d
	case "GZIP":
		if in, err = gzip.NewReader(in); err != nil {
			return nil, nil, err
		}
	}
	r := newCopyReader(in)
	var lines []int64
	var read [][]string
	for {
		row, line, err := r.read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, &pgconn.PgError{Code: "XX000", Message: "Invalid quote formatting for CSV in " + file + ": " + err.Error()}
		}
		read, lines = append(read, row), append(lines, line)
	}
	wrong := make([]*badRow, len(read))
	for i, row := range read {
		if len(row) != len(targets) {
			wrong[i] = &badRow{column: "", reason: "Delimiter not found", code: 1214}
			continue
		}
		for k, t := range targets {
			if b := x.refusal(t, row[k], c.null); b != nil && wrong[i] == nil {
				wrong[i] = b
			}
		}
	}
	for k, t := range targets {
		if err := x.valid(ctx, t, k, read, c.null, wrong); err != nil {
			return nil, nil, err
		}
	}
	for i, row := range read {
		if b := wrong[i]; b != nil {
			b.file, b.line = file, lines[i]
			bad = append(bad, *b)
			continue
		}
		good = append(good, row)
	}
	return good, bad, nil
}

// refusal is why a value is not taken; nil where only its type can tell.
func (x *redshiftSession) refusal(t copyTarget, v, null string) *badRow {
	b := fits(t, v, null)
	if b == nil && x.s.Refuses != nil && v != null {
		if reason := x.s.Refuses(t.name, v); reason != "" {
			b = &badRow{column: t.name, reason: reason, code: 1207}
		}
	}
	return b
}

// fits checks what the stand-in knows better than PostgreSQL.
func fits(t copyTarget, v, null string) *badRow {
	switch {
	case v == null && t.notNull:
		return &badRow{column: t.name, reason: "Missing data for not-null field", code: 1213}
	case v != null && t.bytes > 0 && len(v) > t.bytes:
		return &badRow{column: t.name, reason: "String length exceeds DDL length", code: 1204}
	case v != null && t.typ == "character" && strings.IndexFunc(v, func(r rune) bool { return r >= utf8.RuneSelf }) >= 0:
		return &badRow{column: t.name, reason: "Multibyte character not supported for CHAR (Hint: try using VARCHAR)", code: 1220}
	}
	return nil
}

// valid asks PostgreSQL which values of a column are none of its type.
func (x *redshiftSession) valid(ctx context.Context, t copyTarget, k int, rows [][]string, null string, wrong []*badRow) error {
	if strings.HasPrefix(t.typ, "character") || t.typ == "bytea" {
		return nil
	}
	var values [][]byte
	for i, row := range rows {
		if wrong[i] != nil || row[k] == null {
			values = append(values, nil)
			continue
		}
		values = append(values, []byte(row[k]))
	}
	const each = 1000
	for start := 0; start < len(values); start += each {
		var list []string
		for _, v := range values[start:min(start+each, len(values))] {
			if v == nil {
				list = append(list, "NULL")
				continue
			}
			list = append(list, "E'"+strings.ReplaceAll(strings.ReplaceAll(string(v), `\`, `\\`), "'", "''")+"'")
		}
		a, err := x.forward(ctx, "SELECT n FROM unnest(ARRAY["+strings.Join(list, ",")+"]::text[]) WITH ORDINALITY AS u(v, n) WHERE v IS NOT NULL AND NOT pg_input_is_valid(v, '"+t.typ+"')")
		if err != nil {
			return err
		}
		for _, row := range a.rows {
			n, _ := strconv.Atoi(*row[0])
			wrong[start+n-1] = &badRow{column: t.name, reason: "Invalid value for type " + t.typ, code: 1207}
		}
	}
	return nil
}

// logErrors keeps what was refused, whatever becomes of the transaction.
func (s *RedshiftServer) logErrors(ctx context.Context, bad []badRow) error {
	conn, err := pgconn.Connect(ctx, s.postgres)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	quoted := func(v string) string { return "'" + strings.ReplaceAll(v, "'", "''") + "'" }
	var values []string
	query := s.queries.Add(1)
	for i, b := range bad {
		late := s.LoadErrorsLate
		if i >= (len(bad)+1)/2 {
			late *= 2
		}
		values = append(values, fmt.Sprintf("(%d, %s, %d, %s, %d, %s, clock_timestamp() + interval '%d milliseconds')", query, quoted(b.file), b.line, quoted(b.column), b.code, quoted(b.reason), late.Milliseconds()))
	}
	_, err = conn.Exec(ctx, "INSERT INTO rs.load_errors VALUES "+strings.Join(values, ",")).ReadAll()
	return err
}

// fill puts rows into the table.
func (x *redshiftSession) fill(ctx context.Context, c *copyStatement, targets []copyTarget, rows [][]string) error {
	var text bytes.Buffer
	out := bufio.NewWriter(&text)
	for _, row := range rows {
		copyRow(out, c, targets, row)
	}
	_ = out.Flush() // into memory
	_, err := x.pg.CopyFrom(ctx, &text, copyIn(c, targets))
	return err
}

// copyIn is PostgreSQL's COPY.
func copyIn(c *copyStatement, targets []copyTarget) string {
	names := make([]string, len(targets))
	for i, t := range targets {
		names[i] = `"` + t.name + `"`
	}
	return "COPY " + c.table + " (" + strings.Join(names, ",") + ") FROM STDIN (FORMAT csv)"
}

// copyRow writes a row as PostgreSQL reads it. Errors stay with out.
func copyRow(out *bufio.Writer, c *copyStatement, targets []copyTarget, row []string) {
	for k, v := range row {
		if k > 0 {
			_ = out.WriteByte(',')
		}
		switch {
		case v == c.null:
		case targets[k].typ == "bytea":
			_, _ = out.WriteString(`"\x` + v + `"`)
		default:
			_ = out.WriteByte('"')
			_, _ = out.WriteString(strings.ReplaceAll(v, `"`, `""`))
			_ = out.WriteByte('"')
		}
	}
	_ = out.WriteByte('\n')
}

package redshift

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
)

// The columns that a staged row has beside the file's.
const (
	rowColumn  = "_etl_row"
	lineColumn = "_etl_line"
)

// publication moves staged parts into their table, in one transaction:
//
//  1. the lock of the target, then the proof that the load is not published yet;
//  2. the table of LoadSpec.Create, a temporary stage, COPY into it from a
//     manifest, the proof that as many rows arrived as were written;
//  3. for UPSERT one row of each key, by file order; the counts;
//  4. INSERT, MERGE, or DELETE and INSERT (TRUNCATE would commit what came before
//     it: https://docs.aws.amazon.com/redshift/latest/dg/r_TRUNCATE.html);
//  5. the entry among the published loads.
//
// The lock comes before whatever reads or changes anything: a snapshot taken
// before it would not see what the one before committed, and under snapshot
// isolation, where nothing else keeps two transactions from inserting the same
// key, both would commit (https://docs.aws.amazon.com/redshift/latest/dg/c_serial_isolation.html).
type publication struct {
	r       *Redshift
	spec    *etl.LoadSpec
	columns []stored
	// load is the load's id; "" for what only looks: that has no lock and no entry.
	load string
	// mark is the table of the target's lock.
	mark string
	// direct is a load of one process, which has what was staged to itself.
	direct bool
	// prefix is what the keys of all its parts begin with.
	prefix string
	null   string
	parts  []part
	rows   int64
	// refused are the rows that COPY refuses and that are left out.
	refused *etl.Rejects
	notes   []string

	manifest string
	// nonce tells its manifest and temporary tables from all others: a name that
	// a table of the customer's has would mean that one once the temporary is gone.
	nonce string
	// list is where the refused rows are kept; "" where there are none.
	list string
	// unknown says that a transaction was sent of which is not known how it ended.
	unknown bool
	// unreadable are the views of load errors that the user may not read.
	unreadable map[string]bool
}

// script is a transaction whose statements are found again by name.
type script struct {
	sql []string
	at  map[string]int
}

func (s *script) add(name, format string, args ...any) {
	if s.at == nil {
		s.at = map[string]int{}
	}
	s.at[name] = len(s.sql)
	s.sql = append(s.sql, fmt.Sprintf(format, args...))
}

// failed names the statement that an error is of; "" where none is.
func (s *script) failed(err error) string {
	at := failedAt(err)
	for name, i := range s.at {
		if i == at {
			return name
		}
	}
	return ""
}

func (p *publication) marker() string { return qualified(ownSchema, p.mark) }

func ledger() string { return quote(ownSchema) + "." + quote("loads") }

// write puts the manifest (https://docs.aws.amazon.com/redshift/latest/dg/loading-data-files-using-manifest.html).
func (p *publication) write(ctx context.Context) error {
	type entry struct {
		URL       string `json:"url"`
		Mandatory bool   `json:"mandatory"`
		Meta      any    `json:"meta"`
	}
	m := struct {
		Entries []entry `json:"entries"`
	}{Entries: []entry{}}
	for _, x := range p.parts {
		m.Entries = append(m.Entries, entry{p.r.location(x.Key), true, map[string]int64{"content_length": x.Size, "record_count": x.Rows}})
	}
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	p.nonce = nonce()
	p.manifest = p.prefix + "manifest-" + p.nonce + ".json"
	_, err = p.r.o.Staging.Blobs.Put(ctx, p.manifest, bytes.NewReader(text))
	return err
}

// stage, final and counts are the names of temporary tables.
func (p *publication) stage() string  { return quote("etl_stage_" + p.nonce) }
func (p *publication) final() string  { return quote("etl_final_" + p.nonce) }
func (p *publication) counts() string { return quote("etl_counts_" + p.nonce) }

// copyInto adds the stage and what fills it. maxErrors 0 lets no row be refused.
func (p *publication) copyInto(s *script, maxErrors int) {
	lines := make([]string, 0, len(p.columns)+2)
	types := p.types()
	for i, c := range p.columns {
		line := quote(c.name) + " " + types[i]
		if c.notNull {
			line += " NOT NULL"
		}
		lines = append(lines, line)
	}
	lines = append(lines, rowColumn+" BIGINT NOT NULL", lineColumn+" BIGINT NOT NULL")
	s.add("stage", "CREATE TEMP TABLE %s (%s)", p.stage(), strings.Join(lines, ", "))
	if len(p.parts) == 0 {
		return
	}
	region := ""
	if p.r.o.Staging.Region != "" {
		region = " REGION '" + p.r.o.Staging.Region + "'"
	}
	role := "'" + p.r.o.Staging.Role + "'"
	if p.r.o.Staging.Role == "default" {
		role = "default"
	}
	failing := ""
	if maxErrors > 0 {
		failing = " MAXERROR " + strconv.Itoa(maxErrors)
	}
	s.add("copy", "COPY %s FROM '%s' IAM_ROLE %s%s MANIFEST FORMAT AS CSV ZSTD NULL AS '%s' DATEFORMAT 'auto' TIMEFORMAT 'auto' COMPUPDATE OFF STATUPDATE OFF%s",
		p.stage(), p.r.location(p.manifest), role, region, p.null, failing)
}

// assert adds a statement that fails where a condition does not hold.
func (s *script) assert(name, condition, from string) {
	s.add(name, "SELECT 1 / (CASE WHEN %s THEN 1 ELSE 0 END) FROM %s", condition, from)
}

// count adds what is about the rows as they were staged.
func (p *publication) count(s *script) {
	s.assert("count", fmt.Sprintf("count(*) = %d", p.rows-p.refused.Len()), p.stage())
	from, nulls, met := p.stage(), "0", "SELECT 0 AS matched, 0 AS touched"
	if p.spec.Strategy == etl.Upsert {
		from = p.final()
		if p.nullable() {
			nulls = "count(CASE WHEN " + p.anyNull("") + " THEN 1 END)"
		}
		// What is sorted is as narrow as can be: rows wider than 65,535 bytes cannot be.
		s.add("final", "CREATE TEMP TABLE %s AS SELECT %s, %s, %s FROM %s WHERE %s IN (SELECT %s FROM (%s) AS numbered WHERE _etl_nth = 1 OR %s)",
			p.final(), p.names(), rowColumn, lineColumn, p.stage(), rowColumn, rowColumn, p.numbered(p.order()), p.anyNull(""))
		if p.spec.DuplicateKeys == "fail" {
			s.assert("duplicates", fmt.Sprintf("count(*) = %d", p.rows-p.refused.Len()), p.final())
		}
		if !p.spec.Create {
			// One join of the keys tells the rows of the file that meet some of the
			// table, and these, which are more where the table has a key twice.
			met = fmt.Sprintf("SELECT count(DISTINCT %s%s) AS matched, count(*) AS touched FROM %s AS _etl_s JOIN %s AS t ON %s", source, rowColumn, p.final(), p.target(), p.equal("t."))
		}
	}
	s.add("counts", "CREATE TEMP TABLE %s AS SELECT own.final, own.unkeyed, met.matched, met.touched FROM (SELECT count(*) AS final, %s AS unkeyed FROM %s) AS own CROSS JOIN (%s) AS met",
		p.counts(), nulls, from, met)
}

// move adds what changes the table.
func (p *publication) move(s *script) {
	if p.spec.Strategy == etl.TruncateInsert && !p.spec.Create {
		s.add("empty", "DELETE FROM %s", p.target())
	}
	if p.spec.Strategy != etl.Upsert {
		s.add("insert", "INSERT INTO %s (%s) SELECT %s FROM %s", p.target(), p.names(), p.names(), p.stage())
		return
	}
	if sql := p.merge(p.final()); sql != "" {
		s.add("merge", "%s", sql)
		return
	}
	// MERGE needs something to update: with nothing but keys, what is there stays.
	s.add("insert", "INSERT INTO %s (%s) SELECT %s FROM %s AS _etl_s WHERE NOT EXISTS (SELECT 1 FROM %s AS t WHERE %s)",
		p.target(), p.names(), p.names(), p.final(), p.target(), p.equal("t."))
}

// merge is the MERGE from a source (https://docs.aws.amazon.com/redshift/latest/dg/r_MERGE.html);
// "" where there is no column to update. Columns of the table have its whole
// name before them, as it has no alias and another table may be named like it.
func (p *publication) merge(from string) string {
	var sets, values []string
	for _, c := range p.columns {
		values = append(values, source+quote(c.name))
		if !slices.Contains(p.spec.Keys, c.name) {
			sets = append(sets, quote(c.name)+" = "+source+quote(c.name))
		}
	}
	if len(sets) == 0 {
		return ""
	}
	return fmt.Sprintf("MERGE INTO %s USING %s AS _etl_s ON %s WHEN MATCHED THEN UPDATE SET %s WHEN NOT MATCHED THEN INSERT (%s) VALUES (%s)",
		p.target(), from, p.equal(p.target()+"."), strings.Join(sets, ", "), p.names(), strings.Join(values, ", "))
}

func (p *publication) target() string { return qualified(p.spec.Table.Schema, p.spec.Table.Name) }

func (p *publication) names() string {
	all := make([]string, len(p.columns))
	for i, c := range p.columns {
		all[i] = c.name
	}
	return names(all)
}

func (p *publication) order() string {
	if p.spec.DuplicateKeys == "first" {
		return "ASC"
	}
	return "DESC"
}

// source is before the columns of a staged row, where a table of the customer's
// is beside it.
const source = "_etl_s."

// equal compares the keys of a row of the table with those of one staged.
func (p *publication) equal(table string) string {
	all := make([]string, len(p.spec.Keys))
	for i, k := range p.spec.Keys {
		all[i] = table + quote(k) + " = " + source + quote(k)
	}
	return strings.Join(all, " AND ")
}

// numbered is a query of the staged rows' keys, each with the number that it
// has among those of its key.
func (p *publication) numbered(order string) string {
	return fmt.Sprintf("SELECT %s, %s, ROW_NUMBER() OVER (PARTITION BY %s ORDER BY %s %s) AS _etl_nth FROM %s", names(p.spec.Keys), rowColumn, names(p.spec.Keys), rowColumn, order, p.stage())
}

// anyNull is true of a key that equals no other.
func (p *publication) anyNull(prefix string) string {
	all := make([]string, len(p.spec.Keys))
	for i, k := range p.spec.Keys {
		all[i] = prefix + quote(k) + " IS NULL"
	}
	return strings.Join(all, " OR ")
}

// maxErrors is the most that COPY's MAXERROR takes
// (https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-data-load.html#copy-maxerror).
const maxErrors = 100000

// begin starts a transaction about the table or its columns. Names with
// capitals are kept as they are, which Redshift folds else, quoted or not
// (https://docs.aws.amazon.com/redshift/latest/dg/r_enable_case_sensitive_identifier.html);
// tables that are made here have none.
func (p *publication) begin() *script {
	s := &script{}
	if p.cased() {
		s.add("names", "SET enable_case_sensitive_identifier TO true")
	}
	return s
}

// end sweeps a transaction's temporary tables, and what begin has set.
func (p *publication) end(s *script, tables ...string) {
	for _, table := range tables {
		s.add("sweep "+table, "DROP TABLE %s", table)
	}
	if p.cased() {
		s.add("names again", "RESET enable_case_sensitive_identifier")
	}
}

// cased says that the table, or a column that is filled, has a capital in its name.
func (p *publication) cased() bool {
	t := p.spec.Table
	return lower(t.Schema) != t.Schema || lower(t.Name) != t.Name || slices.ContainsFunc(p.columns, func(c stored) bool { return lower(c.name) != c.name })
}

// lock adds what makes it the only one that loads into the table, and the proof
// that it has not done so yet.
func (p *publication) lock(s *script) {
	s.lock(p.marker())
	s.assert("once", "count(*) = 0", p.marker()+" WHERE load = "+literal(p.load))
	s.add("mark", "INSERT INTO %s (load) VALUES (%s)", p.marker(), literal(p.load))
}

// full is the whole transaction.
func (p *publication) full() *script {
	s := p.begin()
	if p.load != "" {
		p.lock(s)
	}
	if p.spec.Create && !p.spec.DryRun {
		s.add("create", "%s", p.r.CreateTableSQL(p.made()))
	}
	allowed := 0
	if n := p.refused.Len(); n > 0 {
		allowed = int(n) + 1
	}
	p.copyInto(s, allowed)
	p.count(s)
	if p.spec.DryRun {
		p.compare(s)
	} else {
		p.move(s)
	}
	counts := []string{"final", "unkeyed", "matched", "touched"}
	for _, o := range p.observations() {
		counts = append(counts, "CASE WHEN "+o.holds+" THEN 1 ELSE 0 END")
	}
	s.add("result", "SELECT %s FROM %s", strings.Join(counts, ", "), p.counts())
	if p.load != "" {
		s.add("entry", "INSERT INTO %s (load, target, staged, inserted, updated, refused, notes, at) SELECT %s, %s, %d, final - matched, matched, %s, %s, TIMESTAMP %s FROM %s",
			ledger(), literal(p.load), literal(limit(p.target(), 400)), p.rows-p.refused.Len(), literal(p.kept()), p.notesOf(),
			literal(time.Now().UTC().Format("2006-01-02 15:04:05")), p.counts())
	}
	tables := []string{p.stage(), p.counts()}
	if p.spec.Strategy == etl.Upsert {
		tables = append(tables, p.final())
	}
	p.end(s, tables...)
	return s
}

// refusedList is what the ledger says of refused rows: where they are, as a
// statement has no room for many.
type refusedList struct {
	Object string `json:"object"`
	Rows   int64  `json:"rows"`
}

// keep puts the refused rows where who comes after a lost COMMIT finds them.
func (p *publication) keep(ctx context.Context) error {
	if p.refused.Len() == 0 || p.load == "" || p.direct {
		return nil
	}
	p.list = p.prefix + "refused-" + p.nonce + ".json"
	return p.r.putRefused(ctx, p.list, p.refused)
}

func (p *publication) kept() string {
	if p.list == "" {
		return ""
	}
	text, err := json.Marshal(refusedList{p.list, p.refused.Len()})
	if err != nil {
		return ""
	}
	return string(text)
}

// copyTries is how often a COPY is run that fails without refusing a row: faults
// of S3 pass, and are told apart from a role's mistakes by their text alone.
const copyTries = 3

// errPublished says that the load is published already.
var errPublished = &etl.Error{Kind: etl.Internal, Code: "published", Message: "the load is published already"}

// publish runs it, once more without the rows that COPY refuses, where they may be left out.
func (p *publication) publish(ctx context.Context) (etl.LoadResult, error) {
	what := "publishing the rows of " + p.target()
	if err := p.write(ctx); err != nil {
		return etl.LoadResult{}, err
	}
	s, results, err := p.send(ctx)
	for try := 1; err != nil && s.failed(err) == "copy" && !conflict(err); try++ {
		why := p.refusals(ctx, err)
		switch e, known := errors.AsType[*etl.Error](why); {
		case why == nil:
			why = p.keep(ctx)
		case try < copyTries && known && e.Code == copyFailed:
			why = pause(ctx, 10*p.r.o.Retry)
		}
		if why != nil || try == copyTries {
			return etl.LoadResult{}, explain(ctx, cmp.Or(why, err), what)
		}
		s, results, err = p.send(ctx)
	}
	if err != nil {
		return etl.LoadResult{}, p.failure(ctx, s, err, what)
	}
	row := results[s.at["result"]].Rows
	observations := p.observations()
	if len(row) != 1 || len(row[0]) != 4+len(observations) {
		return etl.LoadResult{}, defect("the counts of a load are %d rows", len(row))
	}
	counts := counted{text(row[0][0]), text(row[0][1]), text(row[0][2]), text(row[0][3])}
	final, err1 := strconv.ParseInt(counts.final, 10, 64)
	matched, err2 := strconv.ParseInt(counts.matched, 10, 64)
	if err := cmp.Or(err1, err2); err != nil {
		return etl.LoadResult{}, defect("the counts of a load: %v", err)
	}
	result := etl.LoadResult{
		Inserted: final - matched, Updated: matched, Deduplicated: p.rows - p.refused.Len() - final, Refused: p.refused, Notes: p.notes,
	}
	for i, o := range observations {
		if text(row[0][4+i]) == "1" {
			result.Notes = append(slices.Clip(result.Notes), o.text(counts))
		}
	}
	if p.spec.Create {
		result.Created = p.r.CreateTableSQL(p.made())
	}
	if p.spec.DryRun && p.spec.Sample > 0 {
		result.Comparison, err = p.comparison(s, results)
	}
	return result, err
}

// send runs the whole transaction.
func (p *publication) send(ctx context.Context) (*script, []etl.StatementResult, error) {
	s := p.full()
	results, err := p.r.transaction(ctx, s.sql...)
	p.unknown = p.unknown || outcomeUnknown(err)
	return s, results, err
}

// outcomeUnknown says that an error of a transaction does not tell how it ended:
// it is neither a statement's nor that of a road which none went over. A session
// that ended may have ended after its COMMIT.
func outcomeUnknown(err error) bool {
	if e, failed := errors.AsType[*etl.StatementError](err); failed || err == nil {
		return failed && (strings.HasPrefix(e.State, "08") || strings.HasPrefix(e.State, "57P"))
	}
	e, known := errors.AsType[*etl.Error](err)
	return !known || e.Kind != etl.Mistake && !slices.Contains(notConnected, e.Code)
}

// tooWide is the number of the error of a query over rows that are longer than
// Redshift processes.
const tooWide = 8001

// failure explains the statement that failed.
func (p *publication) failure(ctx context.Context, s *script, err error, what string) error {
	if ctx.Err() != nil {
		return explain(ctx, err, what)
	}
	if conflict(err) && p.load != "" {
		return &etl.RetryAfter{Delay: lockFor * time.Millisecond, Reason: "other transactions were in the way of the load, " + strconv.Itoa(tries) + " times"}
	}
	if e, failed := errors.AsType[*etl.StatementError](err); failed && e.Number == tooWide {
		return &etl.Error{
			Kind: etl.Mistake, Code: "rows_too_wide", Err: err, Message: "the rows of " + p.target() + " are too wide for Redshift to process: " + limit(strings.Join(strings.Fields(e.Message), " "), 600),
			Fix: "Map fewer of the wide columns, or choose narrower key columns; " + unchanged,
		}
	}
	switch s.failed(err) {
	case "lock":
		if later := p.locked(ctx, err); later != nil {
			return later
		}
	case "once":
		return errPublished
	case "count":
		return &etl.Error{
			Kind: etl.Internal, Code: "count_mismatch", Err: err,
			Message: fmt.Sprintf("COPY did not take the %d rows that were staged for %s; nothing was published", p.rows-p.refused.Len(), p.target()),
		}
	case "duplicates":
		return p.duplicate(ctx, err)
	}
	return explain(ctx, err, what)
}

// duplicate names the first row whose key another has.
func (p *publication) duplicate(ctx context.Context, cause error) error {
	s := p.begin()
	allowed := 0
	if n := p.refused.Len(); n > 0 {
		allowed = int(n) + 1
	}
	p.copyInto(s, allowed)
	s.add("find", "SELECT %s, %s FROM %s WHERE %s = (SELECT MIN(%s) FROM (%s) AS numbered WHERE _etl_nth > 1 AND NOT (%s))",
		lineColumn, names(p.spec.Keys), p.stage(), rowColumn, rowColumn, p.numbered("ASC"), p.anyNull(""))
	p.end(s, p.stage())
	e := &etl.Error{
		Kind: etl.Refused, Code: "duplicate_key", Err: cause, Column: strings.Join(p.spec.Keys, ", "),
		Message: "several rows of the file have the same key (" + strings.Join(p.spec.Keys, ", ") + ")",
		Fix:     "Remove one of them, or choose which counts (duplicate_keys first or last, --duplicate-keys on the command line).",
	}
	results, err := p.r.transaction(ctx, s.sql...)
	if err != nil {
		return e
	}
	if found := results[s.at["find"]].Rows; len(found) == 1 {
		e.Line, _ = strconv.ParseInt(text(found[0][0]), 10, 64)
		values := make([]string, len(p.spec.Keys))
		for i := range values {
			values[i] = text(found[0][i+1])
		}
		e.Value = limit(strings.Join(values, ", "), 200)
		e.Message = fmt.Sprintf("line %d has a key (%s)=(%s) that a row before it has, too", e.Line, strings.Join(p.spec.Keys, ", "), e.Value)
	}
	return e
}

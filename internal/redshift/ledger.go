package redshift

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

// The warehouse keeps, in the schema etl_portal:
//
//   - loads: which loads were published, with what result; only ever added to;
//   - stages: which loads are open, by entries of load/name;
//   - target_<fingerprint>, one for each table loaded into: its lock, and which
//     loads are in it. Keys are not enforced in Redshift
//     (https://docs.aws.amazon.com/redshift/latest/dg/t_Defining_constraints.html),
//     so that the lock together with a look decides what a unique key would.
//
// A transaction that publishes reads nothing that one of another table writes:
// it would meet error 1023 with it.

var loadID = regexp.MustCompile(`^[a-z0-9_-]{1,40}$`)

func stages() string { return quote(ownSchema) + "." + quote("stages") }

// fingerprint is a name that is short enough for a table's.
func fingerprint(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:8])
}

// ledgers makes what is kept, as far as it is not there: IF NOT EXISTS wants
// the privilege all the same, which the user of a schema that an administrator
// made has not.
func (r *Redshift) ledgers(ctx context.Context, mark string) error {
	all := []string{"loads", "stages", mark}
	there, err := r.there(ctx, all)
	if err != nil {
		return err
	}
	if there == nil {
		if err := r.create(ctx, "CREATE SCHEMA IF NOT EXISTS "+quote(ownSchema), all); err != nil {
			return err
		}
	}
	for _, table := range [...]struct{ name, sql string }{
		{"loads", "CREATE TABLE IF NOT EXISTS " + ledger() + ` (load VARCHAR(64) NOT NULL, target VARCHAR(512), staged BIGINT, inserted BIGINT, updated BIGINT, refused VARCHAR(65535), notes VARCHAR(65535), at TIMESTAMP)`},
		{"stages", "CREATE TABLE IF NOT EXISTS " + stages() + " (load VARCHAR(64) NOT NULL)"},
		{mark, "CREATE TABLE IF NOT EXISTS " + qualified(ownSchema, mark) + " (load VARCHAR(64) NOT NULL)"},
	} {
		if there[table.name] {
			continue
		}
		if err := r.create(ctx, table.sql, all); err != nil {
			return err
		}
	}
	return nil
}

// create makes something that another process may make at the same time, one of
// all that a load needs.
func (r *Redshift) create(ctx context.Context, sql string, all []string) error {
	wait := r.o.Retry
	for try := 1; ; try++ {
		_, err := r.transaction(ctx, sql)
		if err == nil {
			return nil
		}
		e := explain(ctx, err, "making the schema "+ownSchema)
		if stateOf(err) == "42501" {
			return cmp.Or(r.entitled(ctx, nil, all...), e)
		}
		if _, failed := errors.AsType[*etl.StatementError](err); !failed || try == 3 {
			return e
		}
		if err := pause(ctx, wait); err != nil {
			return e
		}
		wait *= 2
	}
}

// Prepare implements etl.FanOut.
func (r *Redshift) Prepare(ctx context.Context, load string, spec etl.LoadSpec) error {
	if !loadID.MatchString(load) {
		return defect("%q is no load id", load)
	}
	published, err := r.Published(ctx, load)
	if err != nil || published != nil {
		return err
	}
	if err := r.check(ctx, &spec); err != nil {
		return err
	}
	if err := r.fits(&spec); err != nil {
		return err
	}
	mark, err := r.mark(ctx, &spec)
	if err != nil {
		return err
	}
	if err := r.entitled(ctx, &spec, "loads", "stages", mark); err != nil {
		return err
	}
	if err := r.ledgers(ctx, mark); err != nil {
		return err
	}
	// The entry comes first, so that whatever is staged is found and swept, and
	// another one after the stage: the load may have been dropped in between, and
	// what drops it may remove the first one at any time after.
	all, err := r.entries(ctx, load)
	if err != nil {
		return entering(ctx, err)
	}
	if len(all) == 0 {
		if err := r.enter(ctx, load); err != nil {
			return err
		}
	}
	for {
		_, ok, err := r.stage(ctx, load)
		if err != nil || ok {
			return err
		}
		if err := r.put(ctx, r.stageKey(load), openStage{Nonce: nonce()}); err != nil {
			return err
		}
		if err := r.enter(ctx, load); err != nil {
			return err
		}
	}
}

// entries are those of a load among the open ones, each under a name of its own:
// who closes a load removes those that it has seen, however late.
func (r *Redshift) entries(ctx context.Context, load string) ([]string, error) {
	s := &script{}
	s.briefly(func() {
		s.add("look", "SELECT load FROM %s WHERE SPLIT_PART(load, '/', 1) = %s", stages(), literal(load))
	})
	results, err := r.transaction(ctx, s.sql...)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, row := range results[s.at["look"]].Rows {
		all = append(all, text(row[0]))
	}
	return all, nil
}

// enter puts a load among those that are open.
func (r *Redshift) enter(ctx context.Context, load string) error {
	s := &script{}
	s.lock(stages())
	s.add("enter", "INSERT INTO %s (load) VALUES (%s)", stages(), literal(load+"/"+nonce()))
	_, err := r.transaction(ctx, s.sql...)
	return entering(ctx, err)
}

// entering explains an error of enter, whose statements wait for others alone.
func entering(ctx context.Context, err error) error {
	if stateOf(err) == "57014" && ctx.Err() == nil {
		return &etl.RetryAfter{Delay: lockFor * time.Millisecond, Reason: "the list of open loads is locked"}
	}
	return explain(ctx, err, "preparing the load")
}

// check says whether a load could be published as things are.
func (r *Redshift) check(ctx context.Context, spec *etl.LoadSpec) error {
	t, err := r.Table(ctx, spec.Table.Schema, spec.Table.Name)
	e, known := errors.AsType[*etl.Error](err)
	missing := known && e.Code == "table_not_found"
	switch {
	case spec.Create && missing:
	case err != nil:
		return err
	case spec.Create:
		return etl.Mistakef("table_exists", "Load into it without creating it, or choose another name.", "table %s exists already", t.QualifiedName())
	}
	problems := unstageable(spec.Columns, true)
	if spec.Create {
		problems = r.CheckTable(spec.Table)
	}
	if err := etl.TableMistake(problems); err != nil {
		return err
	}
	if spec.Strategy != etl.Upsert {
		return nil
	}
	for _, key := range spec.Keys {
		found := false
		for _, c := range spec.Columns {
			found = found || c.Name == key
		}
		if !found && slices.ContainsFunc(spec.Table.Columns, func(c schema.Column) bool { return c.Name == key && c.Identity == "always" }) {
			return etl.Mistakef("key_not_mapped", "Choose other columns as the key, by which the file's rows are known; in Redshift any may be.", "Redshift numbers the key column %q itself, so that no row of a file has its value", key)
		}
		if !found {
			return etl.Mistakef("key_not_mapped", "Map a column of the file to it.", "the key column %q is not among those that rows fill", key)
		}
	}
	if len(spec.Keys) == 0 {
		return etl.Mistakef("no_keys", "Name the key columns.", "UPSERT needs the columns by which rows are recognised")
	}
	return nil
}

// Published implements etl.FanOut.
func (r *Redshift) Published(ctx context.Context, load string) (*etl.LoadResult, error) {
	look := "SELECT staged, inserted, updated, refused, notes FROM " + ledger() + " WHERE load = " + literal(load)
	results, err := r.transaction(ctx, look)
	if _, failed := errors.AsType[*etl.StatementError](err); failed {
		if there, err := r.initialised(ctx); err != nil || !there {
			return nil, err // not published, where it is known
		}
		// Another process may have made it meanwhile.
		results, err = r.transaction(ctx, look)
	}
	if err != nil {
		return nil, explain(ctx, err, "looking for the published load")
	}
	if len(results[0].Rows) == 0 {
		return nil, nil //nolint:nilnil // not published
	}
	row := results[0].Rows[0]
	var n [3]int64
	for i := range n {
		if n[i], err = strconv.ParseInt(text(row[i]), 10, 64); err != nil {
			return nil, defect("the entry of load %s: %v", load, err)
		}
	}
	result := &etl.LoadResult{Inserted: n[1], Updated: n[2], Deduplicated: n[0] - n[1] - n[2]}
	if err := json.Unmarshal([]byte(text(row[4])), &result.Notes); err != nil {
		return nil, defect("the entry of load %s: %v", load, err)
	}
	return result, r.refused(ctx, load, text(row[3]), result)
}

// refused reads the rows that a published load left out.
func (r *Redshift) refused(ctx context.Context, load, kept string, result *etl.LoadResult) error {
	if kept == "" {
		return nil
	}
	var list refusedList
	if err := json.Unmarshal([]byte(kept), &list); err != nil {
		return defect("the entry of load %s: %v", load, err)
	}
	result.Refused = &etl.Rejects{}
	there, err := r.getRefused(ctx, list.Object, result.Refused)
	if err != nil {
		return errors.Join(err, result.Refused.Close())
	}
	result.Refused.Count(max(0, list.Rows-result.Refused.Len()))
	if !there {
		result.Notes = append(result.Notes, fmt.Sprintf("%d rows were refused by Redshift; which is not known any more, as the staged files are gone", list.Rows))
	}
	return nil
}

// initialised says whether the ledgers are there.
func (r *Redshift) initialised(ctx context.Context) (bool, error) {
	rows, err := r.ask(ctx, "looking for the schema "+ownSchema, "SELECT COUNT(*) FROM svv_tables WHERE table_schema = "+literal(ownSchema)+" AND table_name = 'loads'")
	return err == nil && len(rows) == 1 && text(rows[0][0]) != "0", err
}

// Publish implements etl.FanOut.
func (r *Redshift) Publish(ctx context.Context, load string, spec etl.LoadSpec, chunks []etl.ChunkClaim) (etl.LoadResult, error) {
	if done, err := r.Published(ctx, load); err != nil || done != nil {
		if err != nil {
			return etl.LoadResult{}, err
		}
		return r.over(ctx, load, *done), nil
	}
	if err := etl.Reached(ctx, "before the marker"); err != nil {
		return etl.LoadResult{}, err
	}
	s, ok, err := r.stage(ctx, load)
	if err != nil {
		return etl.LoadResult{}, err
	}
	if !ok {
		// Whoever published it meanwhile has closed its stage.
		if done, err := r.Published(ctx, load); err != nil || done != nil {
			if err != nil {
				return etl.LoadResult{}, err
			}
			return r.over(ctx, load, *done), nil
		}
		return etl.LoadResult{}, loadGone(load)
	}
	all, rows, err := r.staged(ctx, load, s, chunks)
	if err != nil {
		return etl.LoadResult{}, err
	}
	mark, err := r.mark(ctx, &spec)
	if err != nil {
		return etl.LoadResult{}, err
	}
	p := &publication{
		r: r, spec: &spec, columns: storages(&spec), load: load, mark: mark, prefix: r.home(load) + s.Nonce + "/", null: s.null(), parts: all, rows: rows, notes: notes(&spec),
	}
	result, err := p.publish(ctx)
	if errors.Is(err, errPublished) {
		done, err := r.Published(ctx, load)
		if err != nil || done == nil {
			return etl.LoadResult{}, errors.Join(err, defect("load %s is marked as published and has no entry", load))
		}
		return r.over(ctx, load, *done), nil
	}
	if lost, ok := errors.AsType[*etl.ChunksMissing](err); ok {
		// Without its entry a chunk is loaded again.
		for _, n := range lost.Chunks {
			err = errors.Join(err, r.o.Staging.Blobs.Delete(ctx, r.chunkKey(load, s, n)))
		}
	}
	if err != nil {
		return etl.LoadResult{}, err
	}
	if err := etl.Reached(ctx, "after the publishing commit"); err != nil {
		return result, err
	}
	return r.over(ctx, load, result), nil
}

// over closes the stage of a load that is published. Whatever is in the way of
// that is no failure of the load: the stage is swept later.
func (r *Redshift) over(ctx context.Context, load string, result etl.LoadResult) etl.LoadResult {
	if err := r.end(ctx, load); err != nil {
		result.Notes = append(slices.Clip(result.Notes), "the load is published, its stage could not be closed yet: "+explain(ctx, err, "closing it").Error())
	}
	return result
}

// notes are what is worth telling of a load: a key that nothing enforces is
// taken for one by who plans queries
// (https://docs.aws.amazon.com/redshift/latest/dg/t_Defining_constraints.html).
func notes(spec *etl.LoadSpec) []string {
	var out []string
	for _, u := range spec.Table.Unique {
		// Rows that differ in these keys differ in those of the table.
		if spec.Strategy == etl.Upsert && !slices.ContainsFunc(spec.Keys, func(k string) bool { return !slices.Contains(u.Columns, k) }) {
			continue
		}
		whose := "rows of the file"
		if spec.Strategy != etl.TruncateInsert && !spec.Create {
			whose = "rows, of the file or the table,"
		}
		out = append(out, fmt.Sprintf("Redshift does not enforce the key (%s), and trusts it: where several %s have the same one, all are kept, and queries may give wrong results", strings.Join(u.Columns, ", "), whose))
	}
	return out
}

// end closes a load's stage. Its parts are left to the bucket's lifecycle rule.
func (r *Redshift) end(ctx context.Context, load string) error {
	all, unread := r.entries(ctx, load)
	if err := r.o.Staging.Blobs.Delete(ctx, r.stageKey(load)); err != nil {
		return err
	}
	err := unread
	if len(all) > 0 {
		s := &script{}
		s.lock(stages())
		s.add("forget", "DELETE FROM %s WHERE load IN (%s)", stages(), literals(all))
		_, err = r.transaction(ctx, s.sql...)
	}
	if err != nil {
		if there, asked := r.initialised(ctx); asked == nil && !there {
			return nil
		}
		return explain(ctx, err, "closing the load")
	}
	return nil
}

// Drop implements etl.FanOut.
func (r *Redshift) Drop(ctx context.Context, load string) error { return r.end(ctx, load) }

// Stages implements etl.FanOut.
func (r *Redshift) Stages(ctx context.Context) ([]string, error) {
	if there, err := r.initialised(ctx); err != nil || !there {
		return nil, err
	}
	rows, err := r.ask(ctx, "listing the staged loads", "SELECT DISTINCT SPLIT_PART(load, '/', 1) FROM "+stages()+" ORDER BY 1")
	if err != nil {
		return nil, err
	}
	loads := make([]string, len(rows))
	for i, row := range rows {
		loads[i] = text(row[0])
	}
	return loads, nil
}

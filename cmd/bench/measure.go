package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// againstCopy loads one file by \copy and by etlportal, alternating.
func (b *bench) againstCopy(ctx context.Context) error {
	file, mappingFile, err := b.prepare(b.rows)
	if err != nil {
		return err
	}
	if err := b.db.exec(ctx, "CREATE TABLE copied ("+columnTypes+")", "CREATE TABLE loaded ("+columnTypes+", total numeric(14,2))"); err != nil {
		return err
	}
	fmt.Fprintf(b.out, "\nLoad of %s rows, %s\n", thousands(b.rows), sizeOf(file))
	var copied, loaded series
	for pair := range b.pairs + 1 {
		c, err := b.timed(ctx, "copied", func() (outcome, error) { return b.copyIn(ctx, file, "copied") })
		if err != nil {
			return err
		}
		l, err := b.timed(ctx, "loaded", func() (outcome, error) { return b.loadMapped(ctx, file, mappingFile, b.rows) })
		if err != nil {
			return err
		}
		if pair == 0 {
			fmt.Fprintf(b.out, "  warm-up  \\copy %s  etlportal %s\n", seconds(c.elapsed), seconds(l.elapsed))
			continue
		}
		copied, loaded = append(copied, c), append(loaded, l)
		fmt.Fprintf(b.out, "  pair %-3d \\copy %s  etlportal %s  %.2f× as fast, peak %s\n", pair, seconds(c.elapsed), seconds(l.elapsed), ratio(c, l), mebibytes(l.peak))
	}
	if err := b.sameRows(ctx, "copied", "loaded"); err != nil {
		return err
	}
	b.rep.add("`\\copy`, "+thousands(b.rows)+" rows", copied.median(), "1", copied.peak())
	b.rep.add("`etlportal load` with TRIM, UPPER and a calculated column", loaded.median(), fmt.Sprintf("**%.2f×** as fast as `\\copy` (goal 1.5)", medianRatio(copied, loaded)), loaded.peak())
	return nil
}

// sameRows compares the table of \copy, transformed by SQL, with ours.
func (b *bench) sameRows(ctx context.Context, copied, loaded string) error {
	want, err := b.db.fingerprint(ctx, copied, "btrim(customer)", "upper(city)", "amount * qty")
	if err != nil {
		return err
	}
	got, err := b.db.fingerprint(ctx, loaded, "customer", "city", "total")
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("the tables differ (rows and sums): \\copy %s, etlportal %s", want, got)
	}
	fmt.Fprintln(b.out, "  both tables hold the same rows (TRIM, UPPER and amount * qty done to \\copy's by SQL)")
	return nil
}

// againstMerge updates every row of a table with a primary key: etlportal from
// the file, PostgreSQL from a table that holds the file already.
func (b *bench) againstMerge(ctx context.Context) error {
	base, err := dataFile(b.data, b.rows, 1)
	if err != nil {
		return err
	}
	change, err := dataFile(b.data, b.rows, 2)
	if err != nil {
		return err
	}
	if err := b.db.exec(ctx, "CREATE TABLE base ("+columnTypes+")", "CREATE UNLOGGED TABLE staged ("+columnTypes+")",
		"CREATE TABLE merged ("+columnTypes+", PRIMARY KEY (id))", "CREATE TABLE upserted ("+columnTypes+", PRIMARY KEY (id))"); err != nil {
		return err
	}
	for table, file := range map[string]string{"base": base, "staged": change} {
		if _, err := b.copyIn(ctx, file, table); err != nil {
			return err
		}
	}
	if err := b.db.exec(ctx, "VACUUM ANALYZE base", "VACUUM ANALYZE staged"); err != nil {
		return err
	}
	merge := "INSERT INTO merged SELECT " + fileColumns + " FROM staged ON CONFLICT (id) DO UPDATE SET (customer, city, product, note, amount, qty, ordered_at, ship_date, paid) = " +
		"(excluded.customer, excluded.city, excluded.product, excluded.note, excluded.amount, excluded.qty, excluded.ordered_at, excluded.ship_date, excluded.paid)"

	fmt.Fprintf(b.out, "\nUPSERT of %s rows, all of them conflicting\n", thousands(b.rows))
	var merged, upserted series
	for pair := range b.pairs + 1 {
		m, err := b.conflicting(ctx, "merged", func() (outcome, error) {
			began := time.Now()
			err := b.db.exec(ctx, merge)
			return outcome{elapsed: time.Since(began)}, err
		})
		if err != nil {
			return err
		}
		u, err := b.conflicting(ctx, "upserted", func() (outcome, error) {
			return b.load(ctx, change, "upserted", loadResult{"COMPLETED", b.rows, 0, b.rows}, "--strategy", "upsert", "--key", "id")
		})
		if err != nil {
			return err
		}
		if pair == 0 {
			fmt.Fprintf(b.out, "  warm-up  merge %s  etlportal %s\n", seconds(m.elapsed), seconds(u.elapsed))
			continue
		}
		merged, upserted = append(merged, m), append(upserted, u)
		fmt.Fprintf(b.out, "  pair %-3d merge %s  etlportal %s  %.2f× the merge, peak %s\n", pair, seconds(m.elapsed), seconds(u.elapsed), ratio(u, m), mebibytes(u.peak))
	}
	want, err := b.db.fingerprint(ctx, "merged", "customer", "city", "0")
	if err != nil {
		return err
	}
	got, err := b.db.fingerprint(ctx, "upserted", "customer", "city", "0")
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("the tables differ (rows and sums): merge %s, etlportal %s", want, got)
	}
	fmt.Fprintln(b.out, "  both tables hold the same rows")
	b.rep.add("PostgreSQL's `INSERT … ON CONFLICT DO UPDATE` from a staged table, every row conflicting", merged.median(), "1", 0)
	b.rep.add("`etlportal load --strategy upsert` of the file", upserted.median(), fmt.Sprintf("takes **%.2f×** the merge (goal 1.4)", medianRatio(upserted, merged)), upserted.peak())
	return b.db.exec(ctx, "DROP TABLE base, staged, merged, upserted")
}

// conflicting fills table with the rows of base, as they would lie there after
// a quiet night, and runs what updates them.
func (b *bench) conflicting(ctx context.Context, table string, run func() (outcome, error)) (outcome, error) {
	if err := b.db.exec(ctx, "TRUNCATE "+table, "INSERT INTO "+table+" SELECT "+fileColumns+" FROM base", "VACUUM ANALYZE "+table); err != nil {
		return outcome{}, err
	}
	if err := b.db.settle(ctx); err != nil {
		return outcome{}, err
	}
	return run()
}

// linearity loads a tenth of the rows and ten times as many.
func (b *bench) linearity(ctx context.Context) error {
	fmt.Fprintln(b.out, "\nLinearity")
	perMillion := make([]float64, 0, 3)
	for _, step := range []struct{ rows, times int }{{b.rows / 10, 5}, {b.rows, 3}, {b.rows * 10, 1}} {
		file, mappingFile, err := b.prepare(step.rows)
		if err != nil {
			return err
		}
		var runs series
		for range step.times {
			o, err := b.timed(ctx, "loaded", func() (outcome, error) { return b.loadMapped(ctx, file, mappingFile, step.rows) })
			if err != nil {
				return err
			}
			runs = append(runs, o)
		}
		each := runs.median().Seconds() / float64(step.rows) * 1e6
		perMillion = append(perMillion, each)
		fmt.Fprintf(b.out, "  %11s rows %s  %.3f s per million, peak %s\n", thousands(step.rows), seconds(runs.median()), each, mebibytes(runs.peak()))
		b.rep.add("`etlportal load`, "+thousands(step.rows)+" rows", runs.median(), fmt.Sprintf("%.3f s per million rows", each), runs.peak())
	}
	fmt.Fprintf(b.out, "  a row of the largest file takes %.2f× as long as one of the middle\n", perMillion[2]/perMillion[1])
	return b.db.exec(ctx, "TRUNCATE loaded")
}

// prepare gives the file of so many rows and the mapping.
func (b *bench) prepare(rows int) (file, mappingFile string, err error) {
	if file, err = dataFile(b.data, rows, 1); err != nil {
		return "", "", err
	}
	mappingFile = filepath.Join(b.data, "mapping.yaml")
	return file, mappingFile, os.WriteFile(mappingFile, []byte(mapping), 0o600)
}

func (b *bench) loadMapped(ctx context.Context, file, mappingFile string, rows int) (outcome, error) {
	return b.load(ctx, file, "loaded", loadResult{"COMPLETED", rows, rows, 0}, "--mapping", mappingFile)
}

// timed empties the table and lets the server come to rest before it runs.
func (b *bench) timed(ctx context.Context, table string, run func() (outcome, error)) (outcome, error) {
	if err := errors.Join(b.db.exec(ctx, "TRUNCATE "+table), b.db.settle(ctx)); err != nil {
		return outcome{}, err
	}
	return run()
}

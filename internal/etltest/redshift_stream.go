package etltest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/klauspost/compress/zstd"
)

// errSlowly says that a COPY has something to refuse, or is too unusual, to be
// done by stream.
var errSlowly = errors.New("not by stream")

// stream does a COPY whose rows are all taken without keeping them, part by
// part; sizes are those of the parts, where the manifest tells. Where it gives
// errSlowly nothing was done.
func (x *redshiftSession) stream(ctx context.Context, c *copyStatement, targets []copyTarget, sizes map[string]*int64) error {
	if !x.inside || c.packed != "ZSTD" || c.noload {
		return errSlowly
	}
	if _, err := x.forward(ctx, "SAVEPOINT rs_stream"); err != nil {
		return err
	}
	reader, writer := io.Pipe()
	go func() {
		out := bufio.NewWriterSize(writer, 1<<16)
		var err error
		for _, file := range slices.Sorted(maps.Keys(sizes)) {
			if err = x.streamPart(ctx, c, targets, file, sizes[file], out); err != nil {
				break
			}
		}
		_ = writer.CloseWithError(errors.Join(err, out.Flush()))
	}()
	_, err := x.pg.CopyFrom(ctx, reader, copyIn(c, targets))
	_ = reader.CloseWithError(err)
	end := "RELEASE SAVEPOINT rs_stream"
	if err != nil {
		end = "ROLLBACK TO SAVEPOINT rs_stream; " + end
	}
	if _, failed := x.forward(ctx, end); failed != nil {
		return failed
	}
	if _, refused := errors.AsType[*pgconn.PgError](err); refused {
		return errSlowly
	}
	return err
}

func (x *redshiftSession) streamPart(ctx context.Context, c *copyStatement, targets []copyTarget, file string, size *int64, out *bufio.Writer) error {
	packed, err := x.s.object(ctx, file)
	if err != nil || size != nil && *size != int64(len(packed)) {
		return errSlowly
	}
	d, err := zstd.NewReader(bytes.NewReader(packed))
	if err != nil {
		return errSlowly
	}
	defer d.Close()
	rows := newCopyReader(d)
	for {
		row, _, err := rows.read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil || len(row) != len(targets) {
			return errSlowly
		}
		for k, t := range targets {
			if x.refusal(t, row[k], c.null) != nil {
				return errSlowly
			}
		}
		copyRow(out, c, targets, row)
	}
}

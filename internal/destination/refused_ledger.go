package destination

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/etlportal/etlportal/internal/etl"
)

// entry is what the ledger of loads keeps of a published one. Its refused rows
// are in entries of their own, as many as fit into memory each.
type entry struct {
	etl.LoadResult
	RefusedRows int64 `json:"refused_rows,omitempty"`
}

// refusedEntry is such an entry; its load is the load's with # and a number.
type refusedEntry struct {
	Refused []etl.Reject `json:"refused"`
}

// entryBytes is how many bytes of refused rows an entry has, about.
const entryBytes = 256 << 10

// storeRefused writes the entries of refused rows.
func (s *publication) storeRefused(ctx context.Context, refused *etl.Rejects) error {
	var part refusedEntry
	bytes, number := int64(0), 0
	write := func() error {
		text, err := json.Marshal(part)
		if err != nil {
			return err
		}
		_, err = s.conn.Exec(ctx, "INSERT INTO "+s.home.loads()+" (load, target, result) VALUES ($1, $2, $3::jsonb)",
			fmt.Sprintf("%s#%08d", s.load, number), qualified(s.spec.Table.Schema, s.spec.Table.Name), string(text))
		part.Refused, bytes = part.Refused[:0], 0
		number++
		return err
	}
	for bad, err := range refused.All() {
		if err != nil {
			return err
		}
		part.Refused = append(part.Refused, bad)
		if bytes += bad.Bytes() + rowOverhead; bytes < entryBytes {
			continue
		}
		if err := write(); err != nil {
			return err
		}
	}
	if len(part.Refused) == 0 {
		return nil
	}
	return write()
}

// rowOverhead is about what a refused row takes beside its texts.
const rowOverhead = 128

// published is a load's stored result, nil where there is none.
func (h home) published(ctx context.Context, conn *pgx.Conn, load string) (*etl.LoadResult, error) {
	var found *entry
	err := conn.QueryRow(ctx, "SELECT result - 'refused' FROM "+h.loads()+" WHERE load = $1", load).Scan(&found)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil || found == nil {
		return nil, err
	}
	refused := &etl.Rejects{}
	if err := h.readRefused(ctx, conn, load, refused); err != nil {
		return nil, errors.Join(err, refused.Close())
	}
	refused.Count(max(0, found.RefusedRows-refused.Len()))
	if refused.Len() > 0 {
		found.Refused = refused
	}
	return &found.LoadResult, nil
}

// readRefused reads the refused rows of a published load: versions before had
// them in its own entry.
func (h home) readRefused(ctx context.Context, conn *pgx.Conn, load string, refused *etl.Rejects) error {
	rows, err := conn.Query(ctx, "SELECT result FROM "+h.loads()+" WHERE (load = $1 OR starts_with(load, $1 || '#')) AND result ? 'refused'", load)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var part refusedEntry
		if err := rows.Scan(&part); err != nil {
			return err
		}
		for i := range part.Refused {
			if err := refused.Add(&part.Refused[i]); err != nil {
				return err
			}
		}
	}
	return rows.Err()
}

package redshift

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"

	"github.com/etlportal/etlportal/internal/etl"
)

// putRefused writes refused rows as an array in JSON, a row at a time.
func (r *Redshift) putRefused(ctx context.Context, key string, refused *etl.Rejects) error {
	out, in := io.Pipe()
	go func() { in.CloseWithError(writeRefused(in, refused)) }()
	_, err := r.o.Staging.Blobs.Put(ctx, key, out)
	return errors.Join(err, out.Close())
}

func writeRefused(to io.Writer, refused *etl.Rejects) error {
	out := bufio.NewWriter(to)
	separator := "["
	for bad, err := range refused.All() {
		if err != nil {
			return err
		}
		row, err := json.Marshal(bad)
		if err != nil {
			return err
		}
		if _, err := out.WriteString(separator + string(row)); err != nil {
			return err
		}
		separator = ","
	}
	_, err := out.WriteString("]")
	return errors.Join(err, out.Flush())
}

// getRefused adds the rows that putRefused wrote; there is false where they are gone.
func (r *Redshift) getRefused(ctx context.Context, key string, refused *etl.Rejects) (there bool, err error) {
	body, err := r.open(ctx, key)
	if e, known := errors.AsType[*etl.Error](err); known && e.Code == "object_not_found" {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { _ = body.Close() }()
	rows := json.NewDecoder(body)
	if _, err := rows.Token(); err != nil {
		return false, defect("object %s: %v", key, err)
	}
	for rows.More() {
		var bad etl.Reject
		if err := rows.Decode(&bad); err != nil {
			return false, defect("object %s: %v", key, err)
		}
		if err := refused.Add(&bad); err != nil {
			return false, err
		}
	}
	_, err = rows.Token()
	return err == nil, err
}

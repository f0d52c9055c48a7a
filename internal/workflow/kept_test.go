package workflow_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/etlportal/etlportal/internal/etl"
)

// shared are blobs whose kept state is looked at, and read only once another
// delivery of the message has been at it.
type shared struct {
	etl.Blobs

	act   func(ctx context.Context, key string) error
	acted int
}

func (b *shared) Range(ctx context.Context, ref etl.ObjectRef, off, n int64) (io.ReadCloser, error) {
	if strings.HasPrefix(ref.Key, "inspections/") {
		b.acted++
		if err := b.act(ctx, ref.Key); err != nil {
			return nil, err
		}
	}
	return b.Blobs.Range(ctx, ref, off, n)
}

// A message that comes twice is worked on twice at once. What the first leaves
// of its state for the second, at any moment, is no fault of the file.
func TestProfileBesideAnother(t *testing.T) {
	for name, act := range map[string]func(b *bench) func(ctx context.Context, key string) error{
		"removed": func(b *bench) func(ctx context.Context, key string) error { return b.blobs.Delete },
		"replaced": func(b *bench) func(ctx context.Context, key string) error {
			return func(ctx context.Context, key string) error {
				_, err := b.blobs.Put(ctx, key, strings.NewReader("null"))
				return err
			}
		},
	} {
		for _, step := range []string{"after a block of the scan", "before the checkpoint"} {
			t.Run(name+", cut off "+step, func(t *testing.T) {
				b := newBench(t)
				src := b.upload("sales.csv", sales(40000, nil))
				m := etl.Message{Topic: etl.TopicInspect, FileID: src.ID}
				times := 0
				dying := etl.WithFaults(t.Context(), func(at string) error {
					if at == step {
						if times++; times == 2 {
							return errCrash
						}
					}
					return nil
				})
				if err := b.steps.Handlers()[m.Topic](dying, m); !errors.Is(err, errCrash) {
					t.Fatal(err)
				}
				kept := &shared{Blobs: b.blobs, act: act(b)}
				b.steps.Blobs = kept
				if err := b.steps.Handlers()[m.Topic](t.Context(), m); err != nil {
					t.Fatal(err)
				}
				found, err := b.store.Source(t.Context(), src.ID)
				if err != nil || found.State != etl.SourceComplete || found.RowCount != 40000 || kept.acted == 0 {
					t.Fatalf("%s, %d rows, %+v, %d looks, %v", found.State, found.RowCount, found.Error, kept.acted, err)
				}
			})
		}
	}
}

package workflow

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/plan"
	"github.com/etlportal/etlportal/internal/profile"
)

// checkpointSpans is after how many spans of the record index a profile's state
// is kept, so that another process goes on from there.
const checkpointSpans = 8

// profileFile finds out about a whole file what its sample could only suggest:
// first the record index, by which previews and plans look rows up, then types
// and statistics, span by span. Both are kept as they come, so that a process
// that dies loses a few spans' work. A file that is read otherwise meanwhile
// (its user corrected the dialect) is left to the message of that change.
func (s *Steps) profileFile(ctx context.Context, m etl.Message) error {
	src, err := s.Store.Source(ctx, m.FileID)
	if codeOf(err) == "not_found" || err == nil && src.State != etl.SourceSampled && src.State != etl.SourceRunning {
		return nil
	}
	if err != nil {
		return err
	}
	if src.State == etl.SourceSampled {
		src.State = etl.SourceRunning
		if src, err = s.Store.UpdateSource(ctx, src); codeOf(err) == "version_conflict" {
			return &etl.RetryAfter{Delay: time.Second, Reason: "the file's description changed"}
		}
		if err != nil {
			return err
		}
	}
	err = s.profile(ctx, src)
	switch {
	case err == nil, codeOf(err) == "not_found":
		return nil
	case ctx.Err() != nil:
		return &etl.RetryAfter{Reason: "the process is told to stop"}
	}
	if e, ok := errors.AsType[*etl.Error](err); ok && e.Kind == etl.Mistake {
		return s.failSource(ctx, src.ID, e)
	}
	return err
}

// profiling is the state of a profile, as it is kept between processes.
type profiling struct {
	// Spans is how many of the record index are done.
	Spans   int
	Profile *profile.Profile
	// Seen holds the counts of records; its other fields stay empty.
	Seen Inspection
}

func (s *Steps) profile(ctx context.Context, src etl.Source) error {
	options, err := OptionsOf(src)
	if err != nil {
		return err
	}
	keep, err := s.keeper(&src)
	if err != nil {
		return err
	}
	file := &object{blobs: s.Blobs, ref: src.Object}
	spans, err := s.makeIndex(ctx, &src, file, keep)
	if err != nil {
		return err
	}
	state, err := keep.load(ctx, &src, options, len(spans))
	if err != nil {
		return err
	}
	for state.Spans < len(spans) {
		next := spans[state.Spans:min(state.Spans+checkpointSpans, len(spans))]
		if err := s.profileSpans(ctx, &src, file, next, options, state); err != nil {
			return err
		}
		state.Spans += len(next)
		if err := etl.Reached(ctx, "before the checkpoint"); err != nil {
			return err
		}
		if state.Spans < len(spans) {
			if err := keep.put(ctx, "profile", state); err != nil {
				return err
			}
		}
		if err := s.Store.SourceProgress(ctx, src.ID, next[len(next)-1].End); err != nil {
			return err
		}
	}
	if err := s.profiled(ctx, src, state); err != nil {
		return err
	}
	return keep.clear(ctx)
}

// profileSpans profiles neighbouring spans, several at a time, and adds them up
// in file order.
func (s *Steps) profileSpans(ctx context.Context, src *etl.Source, file *object, spans []csv.Span, o ReadOptions, state *profiling) error {
	parts := make([]profiling, len(spans))
	group, working := errgroup.WithContext(ctx)
	group.SetLimit(max(1, s.Parallel))
	for i, span := range spans {
		group.Go(func() error {
			parts[i].Profile = profile.New(src.Names, o.Sniff)
			at := file.at(working, span.Start)
			defer at.close()
			r, verify, err := plan.Open(at, span, src.Encoding, src.Dialect, csv.Options{
				MaxRecord: o.MaxRecord, Width: len(src.Names), BlankRecords: o.BlankRecords, StripNUL: o.StripNUL, Encoding: src.Encoding,
			})
			if err != nil {
				return err
			}
			if err := parts[i].Seen.read(working, r, parts[i].Profile, src.Names, o.PadShort, 0); err != nil {
				return err
			}
			return verify()
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i := range parts {
		state.Seen.merge(&parts[i].Seen)
		if err := state.Profile.Merge(parts[i].Profile); err != nil {
			return err
		}
	}
	return nil
}

// profiled stores the finished profile, where the file is still read as it was.
func (s *Steps) profiled(ctx context.Context, src etl.Source, state *profiling) error {
	var view View
	if err := json.Unmarshal(src.Inspection, &view); err != nil {
		return fmt.Errorf("the inspection of file %s: %w", src.ID, err)
	}
	view.SetColumns(state.Profile.Columns())
	view.RowCount, view.BlankLines, view.BadRows = state.Seen.Rows, state.Seen.BlankLines, nil
	view.Profile = ProfileView{State: string(etl.SourceComplete)}
	if bad := state.Seen.FirstBad; bad != nil {
		view.BadRows = &BadRowsView{state.Seen.Bad, bad.Line, bad.Reason}
	}
	var err error
	if src.Inspection, err = json.Marshal(&view); err != nil {
		return err
	}
	src.State, src.RowCount, src.BytesProfiled = etl.SourceComplete, state.Seen.Rows, src.Size
	if _, err = s.Store.UpdateSource(ctx, src); codeOf(err) == "version_conflict" {
		return &etl.RetryAfter{Delay: time.Second, Reason: "the file's description changed"}
	}
	return err
}

// makeIndex gives the record index: the stored one, or that of a scan.
func (s *Steps) makeIndex(ctx context.Context, src *etl.Source, file *object, keep *keeper) ([]csv.Span, error) {
	step := or(s.IndexBytes, DefaultIndexBytes)
	var done bool
	if err := keep.get(ctx, "index", &done); err != nil {
		return nil, err
	}
	if done {
		if spans, err := s.Store.Spans(ctx, src.ID); err != nil || tiles(spans, src.Object.Size) {
			return spans, err
		}
	}
	at := &ranges{ctx: ctx, o: file}
	defer at.close()
	alive, stop := context.WithCancel(ctx)
	defer stop()
	go s.keepAlive(alive, src.ID)
	spans, err := plan.Split(ctx, at, src.Object.Size, src.Encoding, src.Dialect, plan.Options{RangeSize: step, Parallel: max(1, s.Parallel), Keeper: keep})
	if err != nil {
		return nil, err
	}
	now, err := s.Store.Source(ctx, src.ID)
	if err != nil {
		return nil, err
	}
	if now.Version != src.Version {
		return nil, &etl.RetryAfter{Delay: time.Second, Reason: "the file's description changed"}
	}
	if err := s.Store.SaveSpans(ctx, src.ID, spans); err != nil {
		return nil, err
	}
	if err := keep.put(ctx, "index", true); err != nil {
		return nil, err
	}
	return spans, keep.dropBlocks(ctx, src.Object.Size/step)
}

// keepAlive shows, while the file is scanned, that somebody is at it.
func (s *Steps) keepAlive(ctx context.Context, fileID string) {
	tick := time.NewTicker(s.hold() / 2)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := s.Store.SourceProgress(ctx, fileID, 0); err != nil {
				s.log().Info("a sign of life is lost", "file", fileID, "error", err)
			}
		}
	}
}

// keeper keeps the state of one inspection, or of one run's plan, in the object
// store, under a name that changes with the file and with how it is read.
type keeper struct {
	blobs  etl.Blobs
	prefix string
}

// keptNames are what a keeper may hold.
var keptNames = []string{"index", "profile"}

func (s *Steps) keeper(src *etl.Source) (*keeper, error) {
	reading, err := json.Marshal([]any{src.Object, src.Encoding, src.Dialect, src.Names, string(src.Overrides), or(s.IndexBytes, DefaultIndexBytes)})
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(reading)
	return &keeper{s.Blobs, "inspections/" + src.ID + "/" + hex.EncodeToString(sum[:8]) + "/"}, nil
}

// Block implements plan.Keeper.
func (k *keeper) Block(ctx context.Context, block int) ([]csv.Vector, error) {
	var kept [][]byte
	if err := k.get(ctx, blockName(block), &kept); err != nil {
		return nil, err
	}
	ranges := make([]csv.Vector, len(kept))
	for i := range kept {
		if err := ranges[i].UnmarshalBinary(kept[i]); err != nil {
			return nil, nil //nolint:nilerr // what cannot be used is made again
		}
	}
	return ranges, nil
}

// KeepBlock implements plan.Keeper.
func (k *keeper) KeepBlock(ctx context.Context, block int, ranges []csv.Vector) error {
	kept := make([][]byte, len(ranges))
	for i := range ranges {
		var err error
		if kept[i], err = ranges[i].MarshalBinary(); err != nil {
			return err
		}
	}
	if err := k.put(ctx, blockName(block), kept); err != nil {
		return err
	}
	return etl.Reached(ctx, "after a block of the scan")
}

func blockName(block int) string { return "scan-" + strconv.Itoa(block) }

// dropBlocks removes what Block gave for a file of that many whole ranges.
func (k *keeper) dropBlocks(ctx context.Context, ranges int64) error {
	if ranges < plan.KeptRanges {
		return nil
	}
	for block := range ranges/plan.KeptRanges + 1 {
		if err := k.blobs.Delete(ctx, k.prefix+blockName(int(block))); err != nil {
			return err
		}
	}
	return nil
}

func (k *keeper) put(ctx context.Context, name string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = k.blobs.Put(ctx, k.prefix+name, bytes.NewReader(text))
	return err
}

// get leaves v as it is where nothing was kept.
func (k *keeper) get(ctx context.Context, name string, v any) error {
	ref, err := k.blobs.Head(ctx, k.prefix+name)
	if etl.KindOf(err) == etl.Mistake {
		// Missing; or, for S3 without the right to list the bucket, forbidden. Where
		// it is forbidden indeed, so is what is put.
		return nil
	}
	if err != nil {
		return err
	}
	text, err := k.read(ctx, ref)
	if etl.KindOf(err) == etl.Mistake {
		// Removed or replaced since, by another delivery of the message.
		return nil
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(text, v)
}

func (k *keeper) read(ctx context.Context, ref etl.ObjectRef) ([]byte, error) {
	body, err := k.blobs.Range(ctx, ref, 0, -1)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(body)
	return text, errors.Join(err, body.Close())
}

// load gives the state to go on from.
func (k *keeper) load(ctx context.Context, src *etl.Source, o ReadOptions, spans int) (*profiling, error) {
	state := &profiling{Profile: profile.New(src.Names, o.Sniff)}
	if err := k.get(ctx, "profile", state); err != nil || state.Spans > spans || state.Profile == nil {
		// What cannot be used is made again.
		state = &profiling{Profile: profile.New(src.Names, o.Sniff)}
		if etl.KindOf(err) == etl.Weather {
			return nil, err
		}
	}
	return state, nil
}

func (k *keeper) clear(ctx context.Context) error {
	var errs []error
	for _, name := range slices.Backward(keptNames) {
		errs = append(errs, k.blobs.Delete(ctx, k.prefix+name))
	}
	return errors.Join(errs...)
}

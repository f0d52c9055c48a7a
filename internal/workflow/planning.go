package workflow

import (
	"context"
	"fmt"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/plan"
	"github.com/etlportal/etlportal/internal/schema"
)

// planRun cuts a run's file into chunks, freezes them and sends each on its way.
func (s *Steps) planRun(ctx context.Context, m etl.Message) error {
	run, ok, err := s.current(ctx, m)
	if err != nil || !ok {
		return err
	}
	if err := etl.Reached(ctx, "before the plan"); err != nil {
		return err
	}
	started, err := s.Store.StartRun(ctx, m.RunID, m.Attempt)
	if err != nil {
		return s.settle(ctx, &run, err)
	}
	run = started
	if run, err = s.adopt(ctx, run); err != nil {
		return s.settle(ctx, &run, err)
	}
	if run.Phase == etl.PhasePlan {
		if run, err = s.plan(ctx, run); err != nil {
			return s.settle(ctx, &run, err)
		}
	}
	if err := etl.Reached(ctx, "after the plan"); err != nil {
		return err
	}
	return s.settle(ctx, &run, s.sendChunks(ctx, &run))
}

// adopt lets a run that is to make its table load into one that another run has
// made since with the very columns that it would make. What stands in the way of
// looking is told by the step that it stands in the way of: the run may be
// published already. So are keys that do not fit, but where the run is still to
// be planned: then it ends before a row is read. The run it returns has at least
// id and attempt.
func (s *Steps) adopt(ctx context.Context, run etl.Run) (etl.Run, error) {
	if !run.Job.CreateTable || run.Adopted || run.Phase == etl.PhasePublish || run.Phase != etl.PhasePlan && run.Attempt == 1 {
		return run, nil // within its first attempt it may have made the table itself
	}
	var table *schema.Table
	w, err := s.prepare(ctx, &run)
	if err == nil {
		table, err = w.dest.Table(ctx, run.Job.Schema, run.Job.Table)
	}
	if etl.KindOf(err) == etl.Mistake || err == nil && !etl.MadeAlike(w.dest, w.spec.Columns, table.Columns) {
		return run, nil
	}
	if err != nil {
		return run, err
	}
	told := ""
	if run.Job.Strategy == etl.Upsert {
		var unfit error
		told, unfit = etl.CheckKeys(w.dest, run.Job.UpsertKeys, table, w.spec.Columns)
		switch {
		case unfit != nil && run.Phase == etl.PhasePlan:
			return run, unfit
		case unfit != nil:
			told = shown(unfit).Error()
		}
	}
	adopted, err := s.Store.AdoptTable(ctx, run.ID, run.Attempt)
	if err != nil {
		return run, err
	}
	s.info(ctx, run.ID, "the table %s was made meanwhile, with the columns of this run: its rows are loaded into it", table.QualifiedName())
	if told != "" {
		s.say(ctx, "warn", run.ID, nil, "%s", told)
	}
	return adopted, nil
}

// plan decides on path and chunks. The run it returns has at least id and attempt.
func (s *Steps) plan(ctx context.Context, run etl.Run) (etl.Run, error) {
	w, err := s.prepare(ctx, &run)
	if err != nil {
		return run, err
	}
	for _, note := range w.program.Notes() {
		s.info(ctx, run.ID, "%s", note)
	}
	chunks, err := s.cut(ctx, w)
	if err != nil {
		return run, err
	}
	path := PathFanOut
	_, staged := w.dest.(etl.StagesAlways)
	if len(chunks) == 1 && !staged {
		path = PathDirect
	} else if err := w.dest.Prepare(ctx, run.LoadID, w.spec); codeOf(err) == "no_stage_privilege" {
		s.say(ctx, "warn", run.ID, nil, "one loader does it all: %s", shown(err).Error())
		path, chunks = PathDirect, []etl.Chunk{{Span: join(chunks)}}
	} else if err != nil {
		return run, err
	}
	planned, err := s.Store.PlanRun(ctx, run.ID, run.Attempt, path, chunks)
	if err != nil {
		return run, err
	}
	if planned.ChunksTotal == 1 {
		s.info(ctx, run.ID, "planned: %s in one piece", count(run.BytesTotal, "byte"))
	} else {
		s.info(ctx, run.ID, "planned: %s in %d chunks", count(run.BytesTotal, "byte"), planned.ChunksTotal)
	}
	return planned, nil
}

func count(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func join(chunks []etl.Chunk) csv.Span {
	whole := chunks[0].Span
	for _, c := range chunks[1:] {
		whole = extend(whole, c.Span)
	}
	return whole
}

func extend(a, b csv.Span) csv.Span {
	a.End, a.Rows = b.End, a.Rows+b.Rows
	return a
}

// cut gives the chunks of a run's file, by the record index where there is one.
func (s *Steps) cut(ctx context.Context, w *work) ([]etl.Chunk, error) {
	run := w.run
	spans, err := s.index(ctx, run)
	if err != nil {
		return nil, err
	}
	size := s.chunkBytes(w, spans)
	if len(spans) == 0 || coarse(spans, size) {
		file := &ranges{ctx: ctx, o: w.object}
		defer file.close()
		keep := &keeper{s.Blobs, fmt.Sprintf("runs/%d/plan-%d-%d/", run.ID, run.Attempt, size)}
		if spans, err = plan.Split(ctx, file, run.Object.Size, run.Encoding, run.Dialect, plan.Options{RangeSize: size, Parallel: s.Parallel, Keeper: keep}); err != nil {
			return nil, err
		}
		if err := keep.dropBlocks(ctx, run.Object.Size/size); err != nil {
			return nil, err
		}
	}
	if len(spans) == 0 {
		return []etl.Chunk{{Span: csv.Span{Start: run.Object.Size, End: run.Object.Size, FirstLine: 1}}}, nil
	}
	return Group(spans, size), nil
}

// index is the record index of the run's file; nil where there is none of the
// file as the run reads it.
func (s *Steps) index(ctx context.Context, run *etl.Run) ([]csv.Span, error) {
	src, err := s.Store.Source(ctx, run.FileID)
	if err != nil || !sameReading(&src, run) {
		return nil, err
	}
	spans, err := s.Store.Spans(ctx, run.FileID)
	if err != nil || !tiles(spans, run.Object.Size) {
		return nil, err
	}
	return spans, nil
}

// tiles says whether spans follow one another up to the end of the file.
func tiles(spans []csv.Span, size int64) bool {
	for i := range spans {
		if i > 0 && (spans[i].Start != spans[i-1].End || spans[i].FirstRow != spans[i-1].FirstRow+spans[i-1].Rows) {
			return false
		}
	}
	return len(spans) > 0 && spans[0].FirstRow == 0 && spans[len(spans)-1].End == size
}

// coarse says that the spans are too long for chunks of that size.
func coarse(spans []csv.Span, size int64) bool {
	for _, span := range spans {
		if span.End-span.Start > 2*size {
			return true
		}
	}
	return false
}

// chunkBytes is the size of a run's chunks: the default, that of a destination
// which wants larger ones, or that of about as many rows as the job asks for.
func (s *Steps) chunkBytes(w *work, spans []csv.Span) int64 {
	run, size := w.run, or(s.ChunkBytes, DefaultChunkBytes)
	if staged, ok := w.dest.(etl.StagesAlways); ok {
		size = max(size, staged.StagedChunk(run.Object.Size))
	}
	if n := run.Job.BatchSize; n > 0 {
		var rows, bytes int64
		for _, span := range spans {
			rows, bytes = rows+span.Rows, bytes+span.End-span.Start
		}
		if rows > 0 {
			size = max(1, int64(float64(n)*float64(bytes)/float64(rows)))
		}
	}
	return ChunkSize(size, or(s.MinChunkBytes, DefaultMinChunkBytes), or(s.MaxChunkBytes, DefaultMaxChunkBytes), run.Object.Size)
}

// ChunkSize is the size of the chunks of a file of that many bytes: the one
// asked for, within least and most, but never so small that there are more than
// MaxChunks of them.
func ChunkSize(asked, least, most, file int64) int64 {
	return max(min(max(asked, least), most), (2*file+MaxChunks-1)/MaxChunks)
}

// Group joins neighbouring spans into chunks of about that size in bytes.
func Group(spans []csv.Span, size int64) []etl.Chunk {
	var chunks []etl.Chunk
	for i, span := range spans {
		if n := len(chunks); i > 0 && span.End-chunks[n-1].Span.Start <= size {
			chunks[n-1].Span = extend(chunks[n-1].Span, span)
			continue
		}
		chunks = append(chunks, etl.Chunk{Number: len(chunks), Span: span})
	}
	return chunks
}

// sendChunks sends for every chunk that is not loaded; where all are, for the end.
func (s *Steps) sendChunks(ctx context.Context, run *etl.Run) error {
	if run.Status.Final() || run.Phase != etl.PhaseLoad {
		return nil
	}
	chunks, err := s.Store.Chunks(ctx, run.ID)
	if err != nil {
		return err
	}
	var messages []etl.Message
	for _, c := range chunks {
		if c.State != etl.ChunkLoaded {
			messages = append(messages, etl.Message{Topic: etl.TopicLoad, RunID: run.ID, Chunk: c.Number, Attempt: run.Attempt})
		}
	}
	if len(messages) == 0 {
		messages = []etl.Message{{Topic: etl.TopicFinalize, RunID: run.ID, Attempt: run.Attempt}}
	}
	return s.Queue.Send(ctx, 0, messages...)
}

package workflow

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

// Execute makes a run of a job with everything frozen, and sends it on its way.
// fileID "" is the job's own file. created is false where key made it before.
//
// Errors are Mistakes: those of Store.CreateRun, and source_not_ready for a file
// that is not uploaded or could not be inspected.
func (s *Steps) Execute(ctx context.Context, job etl.Job, fileID, trigger string, key etl.IdempotencyKey) (run etl.Run, created bool, err error) {
	made, err := s.freeze(ctx, job, fileID)
	if err != nil {
		return etl.Run{}, false, err
	}
	if made.Held = job.Orchestrator == etl.EngineAirflow; made.Held && s.Orchestrator == nil {
		return etl.Run{}, false, noOrchestrator(job.ID)
	}
	return s.create(ctx, made, trigger, key)
}

// create stores a run as it is to be frozen, and sends it on its way.
func (s *Steps) create(ctx context.Context, made etl.Run, trigger string, key etl.IdempotencyKey) (run etl.Run, created bool, err error) {
	made.Trigger = trigger
	id := make([]byte, 12)
	if _, err := rand.Read(id); err != nil {
		return etl.Run{}, false, err
	}
	made.LoadID = hex.EncodeToString(id)
	if s.Portal != "" {
		made.LoadID = s.Portal + "_" + made.LoadID
	}
	run, created, err = s.Store.CreateRun(ctx, made, key)
	if err != nil || !created {
		return run, created, err
	}
	if run.ParentID != 0 {
		s.info(ctx, run.ID, "run made: %s of bad rows of run %d into %s", made.Job.Strategy, run.ParentID, tableName(made.Job))
	} else {
		s.info(ctx, run.ID, "run made: %s into %s", made.Job.Strategy, tableName(made.Job))
	}
	if run.Held {
		return s.orchestrate(ctx, run)
	}
	// The run is made; where the message does not get away, the reconciler sends it.
	if err := s.Queue.Send(context.WithoutCancel(ctx), 0, etl.Message{Topic: etl.TopicPlan, RunID: run.ID, Attempt: run.Attempt}); err != nil {
		s.log().Warn("a run waits for the reconciler", "run", run.ID, "error", err)
	}
	return run, true, nil
}

func tableName(job etl.Job) string {
	if job.Schema == "" {
		return job.Table
	}
	return job.Schema + "." + job.Table
}

// freeze makes an unsaved run of a job as job and file are now.
func (s *Steps) freeze(ctx context.Context, job etl.Job, fileID string) (etl.Run, error) {
	if fileID == "" {
		fileID = job.FileID
	}
	src, err := s.Store.Source(ctx, fileID)
	if err != nil {
		return etl.Run{}, err
	}
	switch src.State {
	case etl.SourceUploading:
		return etl.Run{}, etl.Mistakef("source_not_ready", "Complete its upload first.", "file %s is not uploaded yet", src.Filename)
	case etl.SourceFailed:
		e := etl.Mistakef("source_not_ready", "Upload it again.", "file %s cannot be loaded", src.Filename)
		if src.Error != nil {
			e.Message, e.Fix = src.Error.Message, src.Error.Fix
		}
		return etl.Run{}, e
	}
	columns, err := frozenColumns(&src)
	if err != nil {
		return etl.Run{}, err
	}
	return etl.Run{
		JobID: job.ID, Job: job, FileID: fileID, Object: src.Object, Encoding: src.Encoding, Dialect: src.Dialect,
		Sources: columns, BytesTotal: src.Object.Size,
	}, nil
}

// frozenColumns are a file's columns as its inspection has them now.
func frozenColumns(src *etl.Source) ([]etl.FrozenColumn, error) {
	var view View
	if len(src.Inspection) > 0 {
		if err := json.Unmarshal(src.Inspection, &view); err != nil {
			return nil, fmt.Errorf("the inspection of file %s: %w", src.ID, err)
		}
	}
	byName := make(map[string]*ColumnView, len(view.Columns))
	for i := range view.Columns {
		byName[view.Columns[i].Name] = &view.Columns[i]
	}
	columns := make([]etl.FrozenColumn, len(src.Names))
	for i, name := range src.Names {
		columns[i] = etl.FrozenColumn{Name: name, Type: schema.Type{Kind: schema.Text}}
		c := byName[name]
		if c == nil {
			continue
		}
		t, err := schema.ParseType(c.Type)
		if err != nil {
			return nil, fmt.Errorf("the inspection of file %s: column %q: %w", src.ID, name, err)
		}
		columns[i].Type, columns[i].Format, columns[i].NullWords = t, c.Format, c.NullValues
		columns[i].MaxBytes = view.MaxBytes(c)
	}
	return columns, nil
}

// Cancel ends a run that is not publishing, and removes what it staged. A
// publishing or ended run is a Mistake of code run_state. May be repeated.
func (s *Steps) Cancel(ctx context.Context, runID int64) (etl.Run, error) {
	run, err := s.Store.CancelRun(ctx, runID, etl.LogEntry{RunID: runID, Level: "info", Message: "cancelled; nothing was loaded"})
	if err != nil {
		return run, err
	}
	s.discard(ctx, &run)
	return run, nil
}

// discard removes a run's stage. Where that fails the reconciler does it later.
func (s *Steps) discard(ctx context.Context, run *etl.Run) {
	if run.Path == PathDirect || run.LoadID == "" {
		return
	}
	dest, err := s.destination(ctx, run)
	if err == nil {
		err = dest.Drop(ctx, run.LoadID)
	}
	if err != nil {
		s.log().Warn("a stage waits for the reconciler", "run", run.ID, "error", err)
	}
}

// Retry sets a failed run going again: the same load, in which what is loaded stays loaded.
func (s *Steps) Retry(ctx context.Context, runID int64) (etl.Run, error) {
	run, err := s.Store.RetryRun(ctx, runID)
	if err != nil {
		return run, err
	}
	s.info(ctx, run.ID, "attempt %d: %d of %d chunks are loaded already", run.Attempt, run.ChunksDone, run.ChunksTotal)
	if err := s.Queue.Send(context.WithoutCancel(ctx), 0, etl.Message{Topic: etl.TopicPlan, RunID: run.ID, Attempt: run.Attempt}); err != nil {
		s.log().Warn("a run waits for the reconciler", "run", run.ID, "error", err)
	}
	return run, nil
}

// Delete removes a run that is over, and what it staged. One that is not over
// is a Mistake of code in_use.
func (s *Steps) Delete(ctx context.Context, runID int64) error {
	run, err := s.Store.Run(ctx, runID)
	if err != nil {
		return err
	}
	if err := s.Store.DeleteRun(ctx, runID); err != nil {
		return err
	}
	if run.Status != etl.Completed {
		s.discard(ctx, &run)
	}
	return nil
}

// Dead hears of a message that the queue has given up: its run fails with the
// reason, or its file does. A run that is publishing does not: whether its rows
// are published is the destination's to say, so the reconciler keeps asking.
func (s *Steps) Dead(ctx context.Context, m etl.Message, cause error) error {
	reason := shown(cause)
	switch m.Topic {
	case etl.TopicInspect:
		return s.failSource(ctx, m.FileID, reason)
	case etl.TopicPlan, etl.TopicLoad, etl.TopicFinalize:
		run, ok, err := s.current(ctx, m)
		if err != nil || !ok {
			return err
		}
		if run.Phase != etl.PhasePublish {
			return s.fail(ctx, &run, reason, nil)
		}
		s.say(ctx, "error", run.ID, nil, "publishing does not get through: %s", reason.Error())
	}
	return nil
}

func (s *Steps) failSource(ctx context.Context, fileID string, reason *etl.Error) error {
	src, err := s.Store.Source(ctx, fileID)
	if codeOf(err) == "not_found" || err == nil && src.State != etl.SourceSampled && src.State != etl.SourceRunning {
		return nil
	}
	if err != nil {
		return err
	}
	src.State, src.Error = etl.SourceFailed, reason
	if _, err = s.Store.UpdateSource(ctx, src); codeOf(err) == "version_conflict" {
		return nil
	}
	return err
}

// destination connects to a run's database.
func (s *Steps) destination(ctx context.Context, run *etl.Run) (etl.FanOut, error) {
	c, err := s.Store.Credential(ctx, run.Job.CredentialID)
	if codeOf(err) == "not_found" {
		// Not the run's own absence, which its steps would take for its end.
		return nil, etl.Mistakef("credential_gone", "Create it again, and execute the job anew.", "the credential of run %d does not exist any more", run.ID)
	}
	if err != nil {
		return nil, err
	}
	return s.Open(ctx, c)
}

// sameReading says whether a file is still read as a run froze it.
func sameReading(src *etl.Source, run *etl.Run) bool {
	return src.Object == run.Object && or(src.Encoding, csv.UTF8) == or(run.Encoding, csv.UTF8) && src.Dialect == run.Dialect
}

package workflow

import (
	"context"

	"github.com/etlportal/etlportal/internal/etl"
)

// Finalize publishes a run whose chunks are all loaded, with no limit of time:
// what Steps.Tasks starts comes here. It gives the run as it is at the end,
// which may be COMPLETED, FAILED, or, where the destination has lost chunks,
// RUNNING again. attempt 0 is the run's own.
//
// It may be repeated, also at the same time: the table's lock and the load's
// marker let one publish, and the others find it done.
func (s *Steps) Finalize(ctx context.Context, runID int64, attempt int) (etl.Run, error) {
	run, err := s.Store.Run(ctx, runID)
	if err != nil {
		return run, err
	}
	if err := s.finalize(ctx, etl.Message{Topic: etl.TopicFinalize, RunID: runID, Attempt: or(attempt, run.Attempt)}); err != nil {
		return run, err
	}
	return s.Store.Run(ctx, runID)
}

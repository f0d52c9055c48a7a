package app

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
)

const (
	// finalizeTries is how often weather is waited for; whoever started us starts
	// another one after that.
	finalizeTries = 6
	// mostWait bounds the wait between two tries.
	mostWait = 30 * time.Second
)

// Finalize publishes a run whose chunks are loaded, however long that takes, and
// gives it as it is then; see workflow.Steps.Finalize. It waits while another
// load is published into the table, and a while for weather to pass; attempt 0
// is the run's own. It starts nothing else.
func (a *App) Finalize(ctx context.Context, runID int64, attempt int) (etl.Run, error) {
	ctx = withAttrs(ctx, slog.Int64("run_id", runID))
	for try := 1; ; {
		run, err := a.steps.Finalize(ctx, runID, attempt)
		wait := min(time.Second<<try, mostWait)
		later, again := errors.AsType[*etl.RetryAfter](err)
		switch {
		case ctx.Err() != nil && err != nil:
			return run, &etl.Error{Kind: etl.Weather, Code: "cancelled", Message: "publishing was broken off; nothing was published", Fix: "Start it again.", Err: ctx.Err()}
		case again:
			wait = min(max(later.Delay, time.Second), mostWait)
		case err != nil && etl.KindOf(err) == etl.Weather && try < finalizeTries:
			try++
		default:
			return run, err
		}
		a.log.InfoContext(ctx, "publishing waits", "error", err, "wait", wait)
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
		case <-timer.C:
		}
	}
}

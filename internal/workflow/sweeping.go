package workflow

import (
	"context"
	"strings"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
)

// sweepStages drops the stages of runs that are over, in every database that
// can be reached. A failed run's is kept for a retry, for a while.
func (s *Steps) sweepStages(ctx context.Context) error {
	page := etl.Page{}
	for {
		list, err := s.Store.Credentials(ctx, page)
		if err != nil {
			return err
		}
		for _, c := range list.Items {
			if err := s.sweepDatabase(ctx, c); err != nil {
				// Of a customer's database that is down nothing else depends on it.
				s.log().Info("stages were not swept", "credential", c.ID, "error", err)
			}
		}
		if page.Cursor = list.Next; page.Cursor == "" {
			return nil
		}
	}
}

// sweepStagedEvery is how often databases are visited whose rows are staged
// elsewhere: what is left there costs little, and many are asleep, and paid for,
// until they are asked something.
const sweepStagedEvery = 24 * time.Hour

// sweepTimeout bounds the visit of one database.
const sweepTimeout = time.Minute

func (s *Steps) sweepDatabase(ctx context.Context, c etl.Credential) error {
	now := s.now()
	if last, ok := s.visited.Load(c.ID); ok && now.Sub(last.(time.Time)) < sweepStagedEvery { //nolint:forcetypeassert // nothing else is kept in it
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, sweepTimeout)
	defer cancel()
	dest, err := s.Open(ctx, c)
	if err != nil {
		return err
	}
	loads, err := dest.Stages(ctx)
	if err != nil {
		return err
	}
	for _, load := range loads {
		needed, err := s.needs(ctx, load)
		if err != nil {
			return err
		}
		if needed {
			continue
		}
		if err := dest.Drop(ctx, load); err != nil {
			return err
		}
		s.log().Info("a stage without a run was dropped", "load", load, "credential", c.ID)
	}
	if _, staged := dest.(etl.StagesAlways); staged {
		s.visited.Store(c.ID, now)
	}
	return nil
}

// needs says whether a load's stage is to be left alone.
func (s *Steps) needs(ctx context.Context, load string) (bool, error) {
	run, err := s.Store.RunByLoad(ctx, load)
	if codeOf(err) == "not_found" {
		// Of another portal, unless the name says that it was ours.
		return s.Portal == "" || !strings.HasPrefix(load, s.Portal+"_"), nil
	}
	if err != nil {
		return true, err
	}
	switch run.Status {
	case etl.Pending, etl.Running:
		return true, nil
	case etl.Failed:
		return run.FinishedAt == nil || s.now().Sub(*run.FinishedAt) < or(s.KeepFailed, DefaultKeepFailed), nil
	}
	return false, nil
}

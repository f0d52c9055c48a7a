package api

import (
	"context"
	"net/http"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/portal"
)

func (s *server) scheduleOperations() {
	const tag = "Schedules"
	register(s, operation(etl.Viewer, http.MethodGet, "/schedules", "list-schedules", tag, "List schedules"),
		func(ctx context.Context, in *struct {
			PageInput

			JobID   int64  `query:"job_id" minimum:"1" doc:"Only those of this job"`
			Enabled string `query:"enabled" enum:"true,false" doc:"Only those that are on, or off"`
		},
		) (*answer[portal.List[portal.Schedule]], error) {
			f := etl.ScheduleFilter{JobID: in.JobID}
			if in.Enabled != "" {
				on := in.Enabled == "true"
				f.Enabled = &on
			}
			return answered(s.portal.SchedulesPage(ctx, f, in.page()))
		})
	register(s, operation(etl.Editor, http.MethodPost, "/schedules", "create-schedule", tag, "Let a job run by itself", status(http.StatusCreated)),
		func(ctx context.Context, in *struct {
			JobID int64 `query:"job_id" minimum:"1" required:"true"`
			Body  portal.ScheduleInput
		},
		) (*tagged[portal.Schedule], error) {
			v, err := s.portal.CreateSchedule(ctx, in.JobID, in.Body)
			return scheduleAnswer(v, err)
		})
	register(s, operation(etl.Viewer, http.MethodPost, "/schedules/preview", "preview-schedule", tag, "When an expression would fire, or what is wrong with each of its fields"),
		func(ctx context.Context, in *struct{ Body portal.SchedulePreviewInput }) (*answer[portal.SchedulePreview], error) {
			return answered(s.portal.PreviewSchedule(ctx, in.Body))
		})
	register(s, operation(etl.Viewer, http.MethodGet, "/schedules/{id}", "get-schedule", tag, "A schedule"),
		func(ctx context.Context, in *IDInput) (*tagged[portal.Schedule], error) {
			v, err := s.portal.Schedule(ctx, in.ID)
			return scheduleAnswer(v, err)
		})
	register(s, operation(etl.Editor, http.MethodPut, "/schedules/{id}", "update-schedule", tag, "Replace a schedule; its job stays"),
		func(ctx context.Context, in *struct {
			IDInput
			Condition

			Body portal.ScheduleInput
		},
		) (*tagged[portal.Schedule], error) {
			version, err := in.version()
			if err != nil {
				return nil, err
			}
			v, err := s.portal.UpdateSchedule(ctx, in.ID, version, in.Body)
			return scheduleAnswer(v, err)
		})
	register(s, operation(etl.Editor, http.MethodDelete, "/schedules/{id}", "delete-schedule", tag, "Delete a schedule; its runs stay"),
		func(ctx context.Context, in *scheduleChange) (*nothing, error) {
			version, err := in.version()
			if err != nil {
				return nil, err
			}
			return &nothing{}, s.portal.DeleteSchedule(ctx, in.ID, version)
		})
	for _, on := range []bool{true, false} {
		verb, summary := "disable", "Switch a schedule off; times that pass meanwhile are gone"
		if on {
			verb, summary = "enable", "Switch a schedule on, from the next time after now"
		}
		register(s, operation(etl.Editor, http.MethodPost, "/schedules/{id}/"+verb, verb+"-schedule", tag, summary),
			func(ctx context.Context, in *scheduleChange) (*tagged[portal.Schedule], error) {
				version, err := in.version()
				if err != nil {
					return nil, err
				}
				v, err := s.portal.EnableSchedule(ctx, in.ID, version, on)
				return scheduleAnswer(v, err)
			})
	}
	register(s, operation(etl.Viewer, http.MethodGet, "/schedules/{id}/next", "get-schedule-next", tag, "The next times of a schedule, as if it were on"),
		func(ctx context.Context, in *struct {
			IDInput

			Count int    `query:"count" minimum:"1" maximum:"100" default:"10"`
			Zone  string `query:"timezone" maxLength:"64" doc:"By whose clocks local is; absent: the schedule's"`
		},
		) (*answer[portal.Firings], error) {
			return answered(s.portal.ScheduleNext(ctx, in.ID, in.Count, in.Zone))
		})
}

type scheduleChange struct {
	IDInput
	Condition
}

func scheduleAnswer(v *portal.Schedule, err error) (*tagged[portal.Schedule], error) {
	if err != nil {
		return nil, err
	}
	return withTag(v, v.Tag(), nil)
}

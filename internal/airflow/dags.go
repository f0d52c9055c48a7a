package airflow

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// dagView is a DAG as both versions of the REST API show it.
type dagView struct {
	ID     string `json:"dag_id"`
	Paused bool   `json:"is_paused"`
	Tags   []struct {
		Name string `json:"name"`
	} `json:"tags"`
}

func (d *dagView) tags() []string {
	all := make([]string, len(d.Tags))
	for i, t := range d.Tags {
		all[i] = t.Name
	}
	return all
}

// dag reads a DAG; nil where Airflow does not know it.
func (o *Orchestrator) dag(ctx context.Context, id string) (*dagView, error) {
	status, answer, err := o.rest.Call(ctx, http.MethodGet, "/dags/"+id, nil, nil)
	switch {
	case err != nil:
		return nil, err
	case status == http.StatusNotFound:
		return nil, nil //nolint:nilnil // a DAG that is not there is an answer as good as any
	case status != http.StatusOK:
		return nil, refused("reading "+id, status, answer)
	}
	var d dagView
	if err := json.Unmarshal(answer, &d); err != nil {
		return nil, refused("reading "+id, status, answer)
	}
	return &d, nil
}

// pageSize is how many DAGs a page has; both versions give 100 at most.
const pageSize = 100

// dags are those of portals that Airflow has, by id.
func (o *Orchestrator) dags(ctx context.Context) (map[string]*dagView, error) {
	found := map[string]*dagView{}
	for offset := 0; ; offset += pageSize {
		query := url.Values{"tags": {"etl-portal"}, "limit": {strconv.Itoa(pageSize)}, "offset": {strconv.Itoa(offset)}, "order_by": {"dag_id"}}
		status, answer, err := o.rest.Call(ctx, http.MethodGet, "/dags", query, nil)
		if err != nil {
			return nil, err
		}
		var page struct {
			DAGs []*dagView `json:"dags"`
		}
		if status != http.StatusOK || json.Unmarshal(answer, &page) != nil {
			return nil, refused("listing its DAGs", status, answer)
		}
		for _, d := range page.DAGs {
			found[d.ID] = d
		}
		if len(page.DAGs) < pageSize {
			return found, nil
		}
	}
}

func (o *Orchestrator) pause(ctx context.Context, id string, paused bool) error {
	body, err := json.Marshal(map[string]bool{"is_paused": paused})
	if err != nil {
		return err
	}
	status, answer, err := o.rest.Call(ctx, http.MethodPatch, "/dags/"+id, url.Values{"update_mask": {"is_paused"}}, body)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return refused("pausing "+id, status, answer)
	}
	return nil
}

func (o *Orchestrator) deleteDAG(ctx context.Context, id string) error {
	status, answer, err := o.rest.Call(ctx, http.MethodDelete, "/dags/"+id, nil, nil)
	switch {
	case err != nil:
		return err
	case status/100 == 2 || status == http.StatusNotFound:
		return nil
	case status == http.StatusConflict:
		return weather("airflow_dag_runs", nil, "Wait until its task is over; it is tried again every minute.", "Airflow still runs %s", id)
	}
	return refused("deleting "+id, status, answer)
}

// importError is why Airflow could not read a DAG's file, in one line; "" where
// it does not say.
func (o *Orchestrator) importError(ctx context.Context, id string) (string, error) {
	status, answer, err := o.rest.Call(ctx, http.MethodGet, "/importErrors", url.Values{"limit": {strconv.Itoa(pageSize)}, "order_by": {"-import_error_id"}}, nil)
	if err != nil {
		return "", err
	}
	var page struct {
		Errors []struct {
			File string `json:"filename"`
			// 2.x and 3.x write it differently.
			Trace    string `json:"stack_trace"`
			TraceToo string `json:"stacktrace"`
		} `json:"import_errors"`
	}
	if status != http.StatusOK {
		return "", nil // what is not told cannot be passed on
	}
	if err := json.Unmarshal(answer, &page); err != nil {
		return "", refused("listing import errors", status, answer)
	}
	for _, e := range page.Errors {
		if e.File != id+".py" && !strings.HasSuffix(e.File, "/"+id+".py") {
			continue
		}
		lines := strings.Split(strings.TrimSpace(e.Trace+e.TraceToo), "\n")
		return strings.TrimSpace(lines[len(lines)-1]), nil
	}
	return "", nil
}

package aws_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/etlportal/etlportal/internal/aws"
	"github.com/etlportal/etlportal/internal/etl"
)

// managedAirflow answers as MWAA and S3 do, path-style.
type managedAirflow struct {
	*httptest.Server

	// status, kind and answer are what InvokeRestApi gives; asked is its last request.
	status  int
	kind    string
	answer  string
	asked   map[string]any
	version string
	objects map[string]string
}

func newManaged(t *testing.T) (*managedAirflow, *aws.MWAA) {
	t.Helper()
	a := &managedAirflow{status: http.StatusOK, version: "2.11.0", objects: map[string]string{}}
	a.Server = httptest.NewServer(a)
	t.Cleanup(a.Close)
	m, err := aws.NewMWAA(t.Context(), aws.MWAAConfig{Account: elsewhere(a.URL), Environment: "flows", Bucket: "dag-bucket"})
	if err != nil {
		t.Fatal(err)
	}
	return a, m
}

func (a *managedAirflow) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	key, isObject := strings.CutPrefix(r.URL.Path, "/dag-bucket/")
	switch {
	case r.URL.Path == "/environments/flows":
		_, _ = io.WriteString(w, `{"Environment":{"Name":"flows","Status":"AVAILABLE","AirflowVersion":"`+a.version+`"}}`)
	case r.URL.Path == "/restapi/flows":
		a.asked = nil
		_ = json.Unmarshal(body, &a.asked)
		w.Header().Set("X-Amzn-Errortype", a.kind)
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, a.answer)
	case isObject && key != "":
		a.object(w, r, key, string(body))
	default:
		var b strings.Builder
		for name := range a.objects {
			if strings.HasPrefix(name, r.URL.Query().Get("prefix")) {
				b.WriteString("<Contents><Key>" + name + "</Key></Contents>")
			}
		}
		_, _ = io.WriteString(w, `<ListBucketResult><IsTruncated>false</IsTruncated>`+b.String()+`</ListBucketResult>`)
	}
}

func (a *managedAirflow) object(w http.ResponseWriter, r *http.Request, key, body string) {
	content, there := a.objects[key]
	switch {
	case r.Method == http.MethodPut && there && r.Header.Get("If-None-Match") == "*":
		w.WriteHeader(http.StatusPreconditionFailed)
		_, _ = io.WriteString(w, `<Error><Code>PreconditionFailed</Code></Error>`)
	case r.Method == http.MethodPut:
		a.objects[key] = body
	case r.Method == http.MethodDelete:
		delete(a.objects, key)
		w.WriteHeader(http.StatusNoContent)
	case !there:
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `<Error><Code>NoSuchKey</Code></Error>`)
	default:
		_, _ = io.WriteString(w, content)
	}
}

func TestMWAACall(t *testing.T) {
	a, m := newManaged(t)
	a.answer = `{"RestApiStatusCode":200,"RestApiResponse":{"dag_id":"x","is_paused":true}}`
	status, answer, err := m.Call(t.Context(), http.MethodPatch, "/dags/x", url.Values{"update_mask": {"is_paused"}, "tags": {"a", "b"}}, []byte(`{"is_paused":true,"conf":{"job_id":1}}`))
	if err != nil || status != http.StatusOK {
		t.Fatal(status, err)
	}
	var got map[string]any
	if err := json.Unmarshal(answer, &got); err != nil || !reflect.DeepEqual(got, map[string]any{"dag_id": "x", "is_paused": true}) {
		t.Errorf("%s %v", answer, err)
	}
	want := map[string]any{
		"Method": "PATCH", "Path": "/dags/x", "QueryParameters": map[string]any{"update_mask": "is_paused", "tags": []any{"a", "b"}},
		"Body": map[string]any{"is_paused": true, "conf": map[string]any{"job_id": 1.0}},
	}
	if !reflect.DeepEqual(a.asked, want) {
		t.Errorf("asked for %v", a.asked)
	}
	a.version = "3.0.6"
	for _, version := range []string{"3.0.6", "2.10.3"} {
		// What was found once holds.
		a.version = version
		if n, err := m.Major(t.Context()); err != nil || n != 3 {
			t.Error(n, err)
		}
	}
}

func TestMWAARefusals(t *testing.T) {
	for name, c := range map[string]struct {
		status       int
		kind, answer string
		want         int
		fault        etl.Kind
		code         etl.Code
	}{
		"no DAG":      {400, "RestApiClientException", `{"RestApiStatusCode":404,"RestApiResponse":{"detail":"not found"}}`, 404, 0, ""},
		"conflict":    {400, "RestApiClientException", `{"RestApiStatusCode":409,"RestApiResponse":{}}`, 409, 0, ""},
		"the role":    {400, "RestApiClientException", `{"RestApiStatusCode":403,"RestApiResponse":{}}`, 0, etl.Mistake, "airflow_role"},
		"busy":        {400, "RestApiClientException", `{"RestApiStatusCode":429,"RestApiResponse":{}}`, 0, etl.Weather, "airflow_down"},
		"broken":      {400, "RestApiServerException", `{"RestApiStatusCode":500,"RestApiResponse":{}}`, 0, etl.Weather, "airflow_down"},
		"denied":      {403, "AccessDeniedException", `{"Message":"no"}`, 0, etl.Mistake, "mwaa_denied"},
		"no such one": {404, "ResourceNotFoundException", `{"message":"no"}`, 0, etl.Mistake, "mwaa_not_found"},
		"AWS is down": {500, "InternalServerException", `{"message":"no"}`, 0, etl.Weather, "mwaa_unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			a, m := newManaged(t)
			a.status, a.kind, a.answer = c.status, c.kind, c.answer
			status, _, err := m.Call(t.Context(), http.MethodGet, "/dags/x", nil, nil)
			if c.code != "" {
				is(t, err, c.fault, c.code)
				return
			}
			if err != nil || status != c.want {
				t.Errorf("%d %v", status, err)
			}
		})
	}
	a, m := newManaged(t)
	a.version = ""
	_, err := m.Major(t.Context())
	is(t, err, etl.Weather, "airflow_down")
	_, err = aws.NewMWAA(t.Context(), aws.MWAAConfig{Account: elsewhere(a.URL), Environment: "flows"})
	is(t, err, etl.Mistake, "no_mwaa_settings")
}

func TestMWAADags(t *testing.T) {
	a, m := newManaged(t)
	ctx := t.Context()
	if content, err := m.Read(ctx, "x.py"); content != nil || err != nil {
		t.Error(content, err)
	}
	for _, first := range []bool{true, false} {
		if created, err := m.Create(ctx, "x.py", []byte("one")); created != first || err != nil {
			t.Error(created, err)
		}
	}
	if err := m.Replace(ctx, "x.py", []byte("two")); err != nil {
		t.Error(err)
	}
	if content, err := m.Read(ctx, "x.py"); string(content) != "two" || err != nil {
		t.Error(string(content), err)
	}
	a.objects["requirements.txt"] = "beside the folder"
	if names, err := m.List(ctx, "x"); !reflect.DeepEqual(names, []string{"x.py"}) || err != nil {
		t.Error(names, err)
	}
	for range 2 {
		if err := m.Delete(ctx, "x.py"); err != nil {
			t.Error(err)
		}
	}
	if err := m.Ready(ctx); err != nil || len(a.objects) != 1 {
		t.Error(err, a.objects)
	}
}

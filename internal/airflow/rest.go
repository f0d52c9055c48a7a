package airflow

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
)

const (
	// callFor bounds one request.
	callFor = 15 * time.Second
	// maxAnswer bounds what is read of an answer, in bytes.
	maxAnswer = 8 << 20
)

// Server is Airflow's web or API server, reached with a username and a password.
type Server struct {
	base, username, password string
	client                   *http.Client

	mu    sync.Mutex
	major int    // 0: not known
	token string // of 3.x
}

var _ REST = (*Server)(nil)

// NewServer takes the server at base, as http://localhost:8080; a base that is
// no URL is a Mistake. It calls nobody yet.
func NewServer(base, username, password string) (*Server, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return nil, etl.Mistakef("bad_setting", "Write it as http://airflow.example.com:8080.", "ETLPORTAL_AIRFLOW_URL is not the http or https URL of an Airflow")
	}
	return &Server{
		base: strings.TrimRight(base, "/"), username: username, password: password,
		client: &http.Client{
			Timeout: callFor,
			// A redirect leads to a sign-in page; passwords do not follow it.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// Major implements REST. What it found holds until a call gets no answer.
func (s *Server) Major(ctx context.Context) (int, error) {
	s.mu.Lock()
	known := s.major
	s.mu.Unlock()
	if known != 0 {
		return known, nil
	}
	var last int
	for _, at := range []string{"/api/v2/version", "/api/v1/version"} {
		status, answer, err := s.send(ctx, http.MethodGet, at, nil, nil, nil)
		if err != nil {
			return 0, err
		}
		var v struct {
			Version string `json:"version"`
		}
		if status == http.StatusOK && json.Unmarshal(answer, &v) == nil {
			first, _, _ := strings.Cut(v.Version, ".")
			if n, err := strconv.Atoi(first); err == nil && n >= 2 {
				s.mu.Lock()
				s.major = n
				s.mu.Unlock()
				return n, nil
			}
		}
		last = status
	}
	if last/100 == 5 || last == http.StatusTooManyRequests {
		return 0, s.down(nil, last)
	}
	return 0, etl.Mistakef("airflow_not_there", "Set it to the URL of Airflow's web server (2.x) or API server (3.x).", "there is no Airflow at ETLPORTAL_AIRFLOW_URL %s: it answers %d", s.base, last)
}

// Call implements REST. A token that has run out is renewed once.
func (s *Server) Call(ctx context.Context, method, at string, query url.Values, body []byte) (status int, answer []byte, err error) {
	major, err := s.Major(ctx)
	if err != nil {
		return 0, nil, err
	}
	if major == 2 {
		status, answer, err = s.send(ctx, method, "/api/v1"+at, query, body, func(r *http.Request) { r.SetBasicAuth(s.username, s.password) })
	} else {
		status, answer, err = s.withToken(ctx, method, "/api/v2"+at, query, body)
	}
	if err != nil {
		return 0, nil, err
	}
	return status, answer, s.judge(major, status, answer)
}

func (s *Server) withToken(ctx context.Context, method, at string, query url.Values, body []byte) (status int, answer []byte, err error) {
	for fresh := false; ; fresh = true {
		token, err := s.signIn(ctx, fresh)
		if err != nil {
			return 0, nil, err
		}
		status, answer, err = s.send(ctx, method, at, query, body, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) })
		if err != nil || status != http.StatusUnauthorized || fresh {
			return status, answer, err
		}
	}
}

// signIn gives a token, a new one where fresh says so.
func (s *Server) signIn(ctx context.Context, fresh bool) (string, error) {
	s.mu.Lock()
	token := s.token
	s.mu.Unlock()
	if token != "" && !fresh {
		return token, nil
	}
	body, err := json.Marshal(map[string]string{"username": s.username, "password": s.password})
	if err != nil {
		return "", err
	}
	status, answer, err := s.send(ctx, http.MethodPost, "/auth/token", nil, body, nil)
	if err != nil {
		return "", err
	}
	var granted struct {
		Token string `json:"access_token"`
	}
	if status/100 == 2 && json.Unmarshal(answer, &granted) == nil && granted.Token != "" {
		s.mu.Lock()
		s.token = granted.Token
		s.mu.Unlock()
		return granted.Token, nil
	}
	if err := s.judge(3, status, answer); err != nil {
		return "", err
	}
	return "", refused("the sign-in", status, nil)
}

// judge is what an answer says about the way to Airflow; nil for all others.
func (s *Server) judge(major, status int, _ []byte) error {
	switch {
	case status == http.StatusUnauthorized, status/100 == 3:
		fix := "Correct ETLPORTAL_AIRFLOW_USERNAME and ETLPORTAL_AIRFLOW_PASSWORD."
		if major == 2 {
			fix = "Correct ETLPORTAL_AIRFLOW_USERNAME and ETLPORTAL_AIRFLOW_PASSWORD; Airflow's setting [api] auth_backends must name airflow.api.auth.backend.basic_auth."
		}
		return etl.Mistakef("airflow_password", fix, "Airflow at %s does not let the user of ETLPORTAL_AIRFLOW_USERNAME in: the name or ETLPORTAL_AIRFLOW_PASSWORD is wrong", s.base)
	case status == http.StatusForbidden:
		return etl.Mistakef("airflow_role", "Give it the role User, Op or Admin.", "Airflow at %s does not let the user of ETLPORTAL_AIRFLOW_USERNAME do this", s.base)
	case status/100 == 5, status == http.StatusTooManyRequests:
		return s.down(nil, status)
	}
	return nil
}

func (s *Server) down(cause error, status int) error {
	what := fmt.Sprintf("answers %d", status)
	if cause != nil {
		what = "does not answer: " + cause.Error()
	}
	return weather("airflow_down", cause, "Check that it runs and that ETLPORTAL_AIRFLOW_URL is right; it is tried again every minute.", "Airflow at %s %s", s.base, what)
}

func (s *Server) send(ctx context.Context, method, at string, query url.Values, body []byte, sign func(*http.Request)) (status int, answer []byte, err error) {
	target := s.base + at
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Accept", "application/json")
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if sign != nil {
		sign(request)
	}
	response, err := s.client.Do(request)
	if err == nil {
		status = response.StatusCode
		answer, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
		_ = response.Body.Close() // read to its end or given up
	}
	if err != nil {
		if ctx.Err() != nil {
			return 0, nil, ctx.Err()
		}
		// It may come back as another version.
		s.mu.Lock()
		s.major = 0
		s.mu.Unlock()
		return 0, nil, s.down(err, 0)
	}
	return status, answer, nil
}

package api

import (
	"context"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/portal"
)

const (
	// roleKey is where an operation says whom it is for.
	roleKey = "role"
	// public is for everybody, without sign-in.
	public etl.Role = "public"
	// smallBody and largeBody bound requests' bodies, in bytes: a job's mapping
	// may have 1,600 columns with expressions.
	smallBody, largeBody = 1 << 20, 8 << 20
	// bodyTime is how long a body may take to arrive.
	bodyTime = 30 * time.Second
)

// operation declares one: whom it is for, and where it is. The path is below
// the prefix unless it is one of atRoot.
func operation(role etl.Role, method, at, id, tag, summary string, set ...func(*huma.Operation)) huma.Operation {
	op := huma.Operation{
		OperationID: id, Method: method, Path: at, Summary: summary, Tags: []string{tag},
		Metadata: map[string]any{roleKey: role}, Extensions: map[string]any{"x-role": string(role)},
		MaxBodyBytes: smallBody, BodyReadTimeout: bodyTime,
	}
	if !atRoot[at] {
		op.Path = prefix + at
	}
	if role != public {
		op.Security = []map[string][]string{{"token": {}}}
	}
	for _, f := range set {
		f(&op)
	}
	return op
}

func status(code int) func(*huma.Operation) {
	return func(op *huma.Operation) { op.DefaultStatus = code }
}

func withLargeBody(op *huma.Operation) { op.MaxBodyBytes = largeBody }

func describedAs(text string) func(*huma.Operation) {
	return func(op *huma.Operation) { op.Description = text }
}

// register adds an operation whose errors become problems.
func register[I, O any](s *server, op huma.Operation, do func(context.Context, *I) (*O, error)) {
	huma.Register(s.api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := do(ctx, in)
		if err != nil {
			return nil, s.fail(ctx, err)
		}
		return out, nil
	})
}

// fail makes a problem of an error; what it does not tell goes to the log.
func (s *server) fail(ctx context.Context, err error) *problemDetails {
	p := problemOf(ctx, err)
	if p.Status >= http.StatusInternalServerError {
		s.log.ErrorContext(ctx, "request failed", "request_id", p.RequestID, "code", p.Code, "error", err)
	}
	return p
}

// answer is a plain JSON answer.
type answer[T any] struct{ Body *T }

func answered[T any](v *T, err error) (*answer[T], error) {
	if err != nil {
		return nil, err
	}
	return &answer[T]{v}, nil
}

// tagged is one with the version as ETag.
type tagged[T any] struct {
	ETag string `header:"ETag" doc:"The version; give it as If-Match with a change"`
	Body *T
}

func withTag[T any](v *T, version int64, err error) (*tagged[T], error) {
	if err != nil {
		return nil, err
	}
	return &tagged[T]{strconv.Quote(strconv.FormatInt(version, 10)), v}, nil
}

// nothing is the answer 204.
type nothing struct{}

// Inputs that others embed are exported: huma does not look into embedded fields that are not.

// PageInput asks for a page.
type PageInput struct {
	Cursor string `query:"cursor" maxLength:"512" doc:"next_cursor of the page before"`
	Limit  int    `query:"limit" default:"50" minimum:"1" maximum:"1000"`
}

func (p PageInput) page() etl.Page { return etl.Page{Cursor: p.Cursor, Limit: p.Limit} }

// IDInput names a thing.
type IDInput struct {
	ID int64 `path:"id" minimum:"1"`
}

// FileInput names a file.
type FileInput struct {
	FileID string `path:"file_id" format:"uuid"`
}

// Condition makes a change conditional. It is optional: who leaves it out
// overwrites whatever is there.
type Condition struct {
	IfMatch string `header:"If-Match" maxLength:"100" doc:"The ETag that the change is for; another one there is refused with 412. Optional"`
}

// version is the version asked for; 0 is any.
func (m Condition) version() (int64, error) {
	tag := strings.TrimSpace(m.IfMatch)
	if tag == "" || tag == "*" {
		return 0, nil
	}
	text, ok := strings.CutPrefix(strings.TrimPrefix(tag, "W/"), `"`)
	text, closed := strings.CutSuffix(text, `"`)
	v, err := strconv.ParseInt(text, 10, 64)
	if !ok || !closed || err != nil || v < 1 {
		return 0, etl.Mistakef("bad_if_match", `Send the ETag as it was given, as "3"`, "If-Match is not an ETag of the portal")
	}
	return v, nil
}

// airflowAgent begins the User-Agent of airflow-mwaa's provider.
const airflowAgent = "etl-portal-provider/"

// authorize finds out who asks and whether he may.
func (s *server) authorize(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	op := ctx.Operation()
	x := exchangeOf(r.Context())
	x.route = op.Path
	needed, _ := op.Metadata[roleKey].(etl.Role)
	caller := portal.Caller{RequestID: x.requestID}
	if needed != public {
		principal, err := s.principal(r, x)
		if err != nil {
			writeProblem(w, s.fail(r.Context(), err))
			return
		}
		if !principal.Role.Includes(needed) {
			writeProblem(w, newProblem(r.Context(), http.StatusForbidden, "role_required", "Ask an administrator for the role "+string(needed),
				"this needs the role "+string(needed)+", and yours is "+string(principal.Role)))
			return
		}
		caller.Principal = principal
		if principal.Kind == "owner" || principal.Kind == "user" {
			caller.Trigger = "manual"
		}
		if strings.HasPrefix(r.UserAgent(), airflowAgent) {
			caller.Trigger = "airflow"
		}
	}
	if kind := r.Header.Get("Content-Type"); kind != "" && op.RequestBody != nil && op.RequestBody.Content["application/json"] != nil {
		if media, _, err := mime.ParseMediaType(kind); err != nil || media != "application/json" {
			writeProblem(w, requestProblem(r.Context(), http.StatusUnsupportedMediaType, "", nil))
			return
		}
	}
	next(huma.WithContext(ctx, portal.WithCaller(ctx.Context(), caller)))
}

// neverOpen lets nobody through whom it does not know, whatever is asked for.
func (s *server) neverOpen(next http.Handler) http.Handler {
	if !s.closed {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if at := strings.TrimPrefix(strings.TrimRight(r.URL.Path, "/"), prefix); at != "/healthz" {
			if _, err := s.principal(r, exchangeOf(r.Context())); err != nil {
				writeProblem(w, s.fail(r.Context(), err))
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// principal is who asks, found out once for a request.
func (s *server) principal(r *http.Request, x *exchange) (etl.Principal, error) {
	if x.caller != nil {
		return *x.caller, nil
	}
	p, err := s.authenticate(r)
	if err != nil {
		return p, err
	}
	x.caller, x.principal = &p, p.ID
	return p, nil
}

// authenticate says who asks: the token's holder, or the owner of this machine.
func (s *server) authenticate(r *http.Request) (etl.Principal, error) {
	fix := "Send Authorization: Bearer etlp_…, with a token made by POST /tokens or etlportal token create"
	if s.verify != nil {
		fix = "Sign in and send Authorization: Bearer with the token that you get, or an API token (etlp_…) made by POST /tokens"
	}
	header := r.Header.Values("Authorization")
	if len(header) == 0 {
		if s.signIn {
			return etl.Principal{}, newProblem(r.Context(), http.StatusUnauthorized, "token_missing", fix, "the request has no token")
		}
		if !fromHere(r.RemoteAddr) {
			return etl.Principal{}, newProblem(r.Context(), http.StatusUnauthorized, "token_missing", fix, "without sign-in configured, only this machine may call the portal without a token")
		}
		return portal.Owner(), nil
	}
	scheme, secret, _ := strings.Cut(header[0], " ")
	if len(header) > 1 || !strings.EqualFold(scheme, "Bearer") {
		return etl.Principal{}, newProblem(r.Context(), http.StatusUnauthorized, "bad_token", fix, "the Authorization header is not Bearer and a token")
	}
	secret = strings.TrimSpace(secret)
	if s.verify != nil && !s.portal.IsOwn(secret) {
		return s.verify(r.Context(), secret)
	}
	return s.portal.Authenticate(r.Context(), secret)
}

// fromHere says whether a connection comes from this machine.
func fromHere(remote string) bool {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return false
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

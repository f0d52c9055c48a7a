package api

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/portal"
)

// problemDetails is every error's body (RFC 9457), as application/problem+json.
type problemDetails struct {
	Type      string         `json:"type" doc:"urn:etlportal:error: and the code"`
	Title     string         `json:"title"`
	Status    int            `json:"status"`
	Detail    string         `json:"detail" doc:"What happened and where, for people"`
	Code      string         `json:"code" doc:"What happened, for programs; never changes its meaning"`
	Fix       string         `json:"fix" doc:"What to do"`
	Errors    []problemPlace `json:"errors" doc:"The places in the request that it is about"`
	RequestID string         `json:"request_id" doc:"Names the request in the portal's log"`
	Line      int64          `json:"line,omitempty" doc:"Physical line of a file"`
	Column    string         `json:"column,omitempty"`
	Value     string         `json:"value,omitempty"`

	retryAfter int
	allow      string
}

// problemPlace is a place of the request and what is wrong there.
type problemPlace struct {
	Location string `json:"location" doc:"As body.column_mappings[2].expression, path.id or query.limit"`
	Message  string `json:"message"`
}

func (p *problemDetails) Error() string { return p.Detail }

// GetStatus is for huma.
func (p *problemDetails) GetStatus() int { return p.Status }

// ContentType is for huma.
func (*problemDetails) ContentType(string) string { return "application/problem+json" }

// GetHeaders is for huma.
func (p *problemDetails) GetHeaders() http.Header {
	h := http.Header{}
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.retryAfter))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="etlportal"`)
	}
	if p.allow != "" {
		h.Set("Allow", p.allow)
	}
	return h
}

// newProblem makes one; fix may be empty only for what is not the caller's.
func newProblem(ctx context.Context, status int, code, fix, detail string) *problemDetails {
	return &problemDetails{
		Type: "urn:etlportal:error:" + code, Title: http.StatusText(status), Status: status, Detail: detail, Code: code, Fix: fix,
		Errors: []problemPlace{}, RequestID: exchangeOf(ctx).requestID,
	}
}

// statusOf are the Mistakes that are not simply 422.
var statusOf = map[etl.Code]int{
	"not_found":            http.StatusNotFound,
	"version_conflict":     http.StatusPreconditionFailed,
	"in_use":               http.StatusConflict,
	"duplicate_name":       http.StatusConflict,
	"run_state":            http.StatusConflict,
	"superseded":           http.StatusConflict,
	"already_reloaded":     http.StatusConflict,
	"stale_attempt":        http.StatusConflict,
	"illegal_move":         http.StatusConflict,
	"idempotency_conflict": http.StatusConflict,
	"upload_complete":      http.StatusConflict,
	"upload_incomplete":    http.StatusConflict,
	"parts_missing":        http.StatusConflict,
	"source_failed":        http.StatusConflict,
	"source_not_ready":     http.StatusConflict,
	"profile_running":      http.StatusConflict,
	"bad_cursor":           http.StatusBadRequest,
	"bad_limit":            http.StatusBadRequest,
	"bad_if_match":         http.StatusBadRequest,
	"bad_multipart":        http.StatusBadRequest,
	"body_interrupted":     http.StatusBadRequest,
	"too_large":            http.StatusRequestEntityTooLarge,
	"file_too_large":       http.StatusRequestEntityTooLarge,
	"unsupported_media":    http.StatusUnsupportedMediaType,
	"bad_token":            http.StatusUnauthorized,
	"token_expired":        http.StatusUnauthorized,
	"role_required":        http.StatusForbidden,
	"too_many_tests":       http.StatusTooManyRequests,
	// These are about the portal's own database, which is not the caller's to mend.
	"migrations_pending":      http.StatusServiceUnavailable,
	"portal_database_refused": http.StatusServiceUnavailable,
	// And these about its issuer and its key.
	"issuer_mismatch": http.StatusServiceUnavailable,
	"key_denied":      http.StatusServiceUnavailable,
}

// retrySeconds is what Retry-After says about what passes.
const retrySeconds = 5

// problemOf makes the problem of an error of the portal. Of a defect it tells
// nothing but where to look it up.
func problemOf(ctx context.Context, err error) *problemDetails {
	if p, ok := errors.AsType[*problemDetails](err); ok {
		return p
	}
	e, ok := errors.AsType[*etl.Error](err)
	if ctx.Err() != nil && (!ok || e.Code == "cancelled") {
		return newProblem(ctx, statusGone, "cancelled", "Send the request again", "the request was broken off")
	}
	if !ok || e.Kind == etl.Internal {
		return newProblem(ctx, http.StatusInternalServerError, "internal", "Try again; if it happens again, report it with the request_id", "something of the portal's own failed")
	}
	status := http.StatusUnprocessableEntity
	retry := 0
	switch s, known := statusOf[e.Code]; {
	case known:
		status = s
	case e.Kind == etl.Weather:
		status, retry = http.StatusServiceUnavailable, retrySeconds
	}
	p := newProblem(ctx, status, string(e.Code), e.Fix, e.Message)
	p.retryAfter, p.Line, p.Column, p.Value = retry, e.Line, e.Column, e.Value
	if e.Kind == etl.Weather || status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
		p.retryAfter = retrySeconds
	}
	if invalid, ok := errors.AsType[*portal.Invalid](err); ok {
		for _, d := range invalid.Details {
			p.Errors = append(p.Errors, problemPlace(d))
		}
	}
	return p
}

// statusGone is nginx's number for a client that has left; nobody reads it but the log.
const statusGone = 499

// writeProblem answers with a problem.
func writeProblem(w http.ResponseWriter, p *problemDetails) {
	maps.Copy(w.Header(), p.GetHeaders())
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	_ = marshal(w, p) // texts and numbers encode, and a client that has gone needs no answer
}

// installErrors makes huma speak problemDetails; huma keeps its error type in
// variables of its package.
var installErrors = sync.OnceFunc(func() {
	huma.NewErrorWithContext = func(ctx huma.Context, status int, message string, errs ...error) huma.StatusError {
		return requestProblem(ctx.Context(), status, message, errs)
	}
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		return requestProblem(context.Background(), status, message, errs)
	}
	huma.ValidateStrictCasing = true
	huma.DefaultArrayNullable = false
})

// requestProblem words what huma finds wrong with a request. The values it
// quotes are left out: one might be a password.
func requestProblem(ctx context.Context, status int, message string, errs []error) *problemDetails {
	// A field that there is not is often one that is missing under its name.
	slices.SortStableFunc(errs, func(a, b error) int { return cmp.Compare(rank(a), rank(b)) })
	p := newProblem(ctx, status, "bad_request", "Correct the request; /docs shows what it takes", message)
	for _, err := range errs {
		place := problemPlace{Message: "is wrong"}
		if d, ok := errors.AsType[*huma.ErrorDetail](err); ok {
			place = problemPlace{d.Location, plain(d.Message)}
		}
		p.Errors = append(p.Errors, place)
	}
	switch {
	case status == http.StatusRequestEntityTooLarge:
		p.set("too_large", "Send less; files go to /sources/csv/uploads", "the body is larger than this request may have")
	case status == http.StatusRequestTimeout:
		p.set("body_timeout", "Send it again, faster", "the body did not arrive in time")
	case status == http.StatusUnsupportedMediaType:
		p.set("unsupported_media", "Send Content-Type: application/json", "the body is of a type that this request does not take")
		p.Errors = []problemPlace{}
	case status == http.StatusNotAcceptable:
		p.set("not_acceptable", "Accept application/json", "the answer cannot be had in the type asked for")
	case strings.HasPrefix(message, "cannot read request body"):
		p.Status, p.Title = http.StatusBadRequest, http.StatusText(http.StatusBadRequest)
		p.set("body_interrupted", "Send it again", "the body broke off")
	case strings.HasPrefix(message, "request body is required"):
		p.set("missing_body", "Send a JSON object; /docs shows its fields", "the request has no body")
	case len(p.Errors) > 0:
		p.explain(errs[0], status)
	case status >= http.StatusInternalServerError:
		p.set("internal", "Try again; if it happens again, report it with the request_id", "something of the portal's own failed")
	}
	return p
}

func rank(err error) int {
	if d, ok := errors.AsType[*huma.ErrorDetail](err); ok && d.Message == "unexpected property" {
		return 0
	}
	return 1
}

func (p *problemDetails) set(code, fix, detail string) {
	p.Type, p.Code, p.Fix, p.Detail = "urn:etlportal:error:"+code, code, fix, detail
}

// explain words the first of several places.
func (p *problemDetails) explain(first error, status int) {
	raw := first.Error()
	if d, ok := errors.AsType[*huma.ErrorDetail](first); ok {
		raw = d.Message
	}
	place := p.Errors[0]
	code, fix := "bad_value", "Correct it; /docs shows what it takes"
	switch {
	case status == http.StatusBadRequest:
		code, fix = "bad_json", "Send one JSON object in UTF-8"
	case raw == "unexpected property":
		code, fix = "unknown_field", "Leave it out, or check its spelling; /docs shows the fields"
	case raw == "unknown query parameter":
		code, fix = "unknown_parameter", "Leave it out, or check its spelling; /docs shows the parameters"
	case strings.HasPrefix(raw, "expected required property"), strings.HasPrefix(raw, "required "):
		code, fix = "missing_field", "Add it"
	case strings.HasPrefix(place.Location, "path."):
		code, fix = "bad_id", "Use an id as the lists give it"
	case strings.HasPrefix(place.Location, "query."), strings.HasPrefix(place.Location, "header."):
		code = "bad_parameter"
	}
	detail := place.Location + ": " + place.Message
	if n := len(p.Errors) - 1; n > 0 {
		detail += " (and " + strconv.Itoa(n) + " more, see errors)"
	}
	p.set(code, fix, detail)
}

// plain words huma's messages.
func plain(message string) string {
	switch message {
	case "unexpected property":
		return "there is no such field"
	case "unknown query parameter":
		return "there is no such parameter"
	case "invalid integer":
		return "is not a whole number that fits 64 bits"
	case "expected boolean":
		return "is not true or false"
	}
	if name, ok := strings.CutPrefix(message, "expected required property "); ok {
		return "lacks the field " + strings.TrimSuffix(name, " to be present")
	}
	if rest, ok := strings.CutPrefix(message, "expected "); ok {
		return "should be: " + rest
	}
	return message
}

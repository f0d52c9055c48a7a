package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/awslabs/aws-lambda-go-api-proxy/core"

	"github.com/etlportal/etlportal/internal/etl"
)

// largestAnswer is what Lambda takes as an answer that is not streamed, in
// bytes of JSON.
const largestAnswer = 6 << 20

// Answer answers an event of a REST proxy integration: with an
// events.APIGatewayProxyResponse, or where ETLPORTAL_RESPONSE is stream with an
// events.APIGatewayProxyStreamingResponse. It never fails: what goes wrong is a
// problem with its status.
func (f *Function) Answer(ctx context.Context, e events.APIGatewayProxyRequest) (any, error) {
	ctx, cancel := inTime(ctx)
	r, err := request(ctx, e)
	if err != nil {
		cancel()
		return f.whole(problem(http.StatusBadRequest, "bad_request", "Send it again.", "the request cannot be read"))
	}
	portal, err := f.open(ctx)
	if err != nil {
		cancel()
		return f.whole(away(err))
	}
	if f.settings.Stream {
		return stream(portal.Handler, r, func() {
			cancel()
			f.flush(ctx)
		}), nil
	}
	defer f.flush(ctx)
	defer cancel()
	w := core.NewProxyResponseWriter()
	portal.Handler.ServeHTTP(w, r)
	answer, err := w.GetProxyResponse()
	if err != nil {
		// Nothing was written: 200 without a body, as net/http has it.
		return f.whole(events.APIGatewayProxyResponse{StatusCode: http.StatusOK, MultiValueHeaders: w.Header()})
	}
	if tooLarge(&answer) {
		answer = problem(http.StatusUnprocessableEntity, "answer_too_large", "Ask for less of it at a time (limit, with cursor or offset); a whole file of rejected rows takes a function that streams its answers (ETLPORTAL_RESPONSE=stream).", "the answer is larger than the 6 MiB that can be sent at once")
	}
	return f.whole(answer)
}

// tooLarge says whether an answer, as JSON, is more than Lambda takes.
func tooLarge(a *events.APIGatewayProxyResponse) bool {
	if len(a.Body) < largestAnswer/8 { // a byte is at most six in JSON
		return false
	}
	text, err := json.Marshal(a)
	return err != nil || len(text) > largestAnswer
}

// request is the event as the portal's handler takes it.
func request(ctx context.Context, e events.APIGatewayProxyRequest) (*http.Request, error) {
	// A mapped domain, or a client of the stage's own URL, may leave the stage in the path.
	if rest, ok := strings.CutPrefix(e.Path, "/"+e.RequestContext.Stage+"/"); ok && e.RequestContext.Stage != "" && !strings.HasPrefix(e.Path, "/api/v1/") {
		e.Path = "/" + rest
	}
	// The gateway has decoded it.
	e.Path = (&url.URL{Path: e.Path}).EscapedPath()
	var accessor core.RequestAccessor
	r, err := accessor.EventToRequestWithContext(ctx, e)
	if err != nil {
		return nil, err
	}
	r.Header.Del("Host")
	if host := header(&e, "Host"); host != "" {
		r.Host = host
	}
	// A port, which the event does not tell, makes it an address; that every
	// caller must sign in is the configuration's, wherever he says he comes from.
	r.RemoteAddr = net.JoinHostPort(e.RequestContext.Identity.SourceIP, "0")
	if r.Header.Get("X-Request-ID") == "" {
		r.Header.Set("X-Request-ID", e.RequestContext.RequestID)
	}
	return r, nil
}

// header is a header of the event, whose names come as the client wrote them.
func header(e *events.APIGatewayProxyRequest, name string) string {
	for key, values := range e.MultiValueHeaders {
		if strings.EqualFold(key, name) && len(values) > 0 {
			return values[0]
		}
	}
	for key, value := range e.Headers {
		if strings.EqualFold(key, name) {
			return value
		}
	}
	return ""
}

// whole is an answer that is complete, in the form that the gateway waits for.
func (f *Function) whole(a events.APIGatewayProxyResponse) (any, error) {
	if !f.settings.Stream {
		return a, nil
	}
	return &events.APIGatewayProxyStreamingResponse{StatusCode: a.StatusCode, MultiValueHeaders: a.MultiValueHeaders, Body: strings.NewReader(a.Body)}, nil
}

// away tells a caller that there is no portal now; why is in the log.
func away(err error) events.APIGatewayProxyResponse {
	if e, ok := errors.AsType[*etl.Error](err); ok && e.Kind == etl.Weather {
		a := problem(http.StatusServiceUnavailable, "not_ready", "Try again.", "the portal is not ready yet: what it needs is still starting")
		a.MultiValueHeaders["Retry-After"] = []string{"5"}
		return a
	}
	return problem(http.StatusInternalServerError, "internal", "Ask the portal's administrator; the function's log says what is wrong.", "the portal cannot start")
}

// problem is an error as the portal's API writes it.
func problem(status int, code, fix, detail string) events.APIGatewayProxyResponse {
	text, err := json.Marshal(map[string]any{
		"type": "urn:etlportal:error:" + code, "title": http.StatusText(status), "status": status, "detail": detail, "code": code, "fix": fix, "errors": []any{}, "request_id": "",
	})
	if err != nil {
		text = fmt.Appendf(nil, `{"status":%d}`, status)
	}
	return events.APIGatewayProxyResponse{
		StatusCode: status, Body: string(text),
		MultiValueHeaders: map[string][]string{"Content-Type": {"application/problem+json"}, "Cache-Control": {"no-store"}},
	}
}

package runtimeapi

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
)

// Gateway is a REST API of API Gateway in front of a function: it makes proxy
// events of requests, as its documentation shows them, and answers with what
// the function made of them, streamed where the function streams.
type Gateway struct {
	Function *Function
	// Stage is the stage's name; it is not in the paths.
	Stage string
	// SourceIP is where requests come from; empty: as it is.
	SourceIP string
}

// ServeHTTP implements http.Handler.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	payload, err := g.event(r)
	if err != nil {
		http.Error(w, `{"message": "Bad Request"}`, http.StatusBadRequest)
		return
	}
	a, err := g.Function.Invoke(r.Context(), payload)
	if err != nil {
		http.Error(w, `{"message": "Internal server error"}`, http.StatusBadGateway)
		return
	}
	defer a.Body.Close()
	switch {
	case a.Failed:
		_, _ = io.Copy(io.Discard, a.Body)
		http.Error(w, `{"message": "Internal server error"}`, http.StatusBadGateway)
	case a.Streamed():
		streamed(w, a)
	default:
		buffered(w, a)
	}
}

func buffered(w http.ResponseWriter, a *Answer) {
	text, err := io.ReadAll(a.Body)
	var answer events.APIGatewayProxyResponse
	if err == nil {
		err = json.Unmarshal(text, &answer)
	}
	content := []byte(answer.Body)
	if err == nil && answer.IsBase64Encoded {
		content, err = base64.StdEncoding.DecodeString(answer.Body)
	}
	if err != nil || answer.StatusCode == 0 {
		http.Error(w, `{"message": "Internal server error"}`, http.StatusBadGateway)
		return
	}
	head(w, answer.StatusCode, answer.MultiValueHeaders)
	_, _ = w.Write(content)
}

// separator ends the metadata of a stream.
const separator = "\x00\x00\x00\x00\x00\x00\x00\x00"

// streamed passes on what comes when it comes.
func streamed(w http.ResponseWriter, a *Answer) {
	in := bufio.NewReader(a.Body)
	var prelude []byte
	for !strings.HasSuffix(string(prelude), separator) {
		b, err := in.ReadByte()
		if err != nil {
			http.Error(w, `{"message": "Internal server error"}`, http.StatusBadGateway)
			return
		}
		prelude = append(prelude, b)
	}
	var meta struct {
		StatusCode        int                 `json:"statusCode"`
		MultiValueHeaders map[string][]string `json:"multiValueHeaders"`
	}
	if err := json.Unmarshal(prelude[:len(prelude)-len(separator)], &meta); err != nil {
		http.Error(w, `{"message": "Internal server error"}`, http.StatusBadGateway)
		return
	}
	head(w, meta.StatusCode, meta.MultiValueHeaders)
	control := http.NewResponseController(w)
	_ = control.Flush()
	buffer := make([]byte, 32<<10)
	for {
		n, err := in.Read(buffer)
		if n > 0 {
			if _, err := w.Write(buffer[:n]); err != nil {
				return // the client has left, and the body is closed before its end
			}
			_ = control.Flush()
		}
		if err != nil {
			if !errors.Is(err, io.EOF) || a.Trailer().Get("Lambda-Runtime-Function-Error-Type") != "" {
				panic(http.ErrAbortHandler) //nolint:forbidigo // net/http's own way to cut a connection
			}
			return
		}
	}
}

func head(w http.ResponseWriter, status int, headers map[string][]string) {
	for name, values := range headers {
		for _, v := range values {
			w.Header().Add(name, v)
		}
	}
	w.WriteHeader(status)
}

// event is the request as a proxy integration hands it over.
func (g *Gateway) event(r *http.Request) ([]byte, error) {
	content, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	source := g.SourceIP
	if source == "" {
		if source, _, err = net.SplitHostPort(r.RemoteAddr); err != nil {
			return nil, err
		}
	}
	e := events.APIGatewayProxyRequest{
		Resource: "/{proxy+}", Path: r.URL.Path, HTTPMethod: r.Method,
		Headers: map[string]string{}, MultiValueHeaders: map[string][]string{"Host": {r.Host}},
		QueryStringParameters: map[string]string{}, MultiValueQueryStringParameters: r.URL.Query(),
		PathParameters: map[string]string{"proxy": strings.TrimPrefix(r.URL.Path, "/")},
		RequestContext: events.APIGatewayProxyRequestContext{
			AccountID: "000000000000", Stage: g.Stage, DomainName: r.Host, RequestID: "c6af9ac6-7b61-11e6-9a41-93e8deadbeef", Protocol: r.Proto,
			Identity: events.APIGatewayRequestIdentity{SourceIP: source, UserAgent: r.UserAgent()}, ResourcePath: "/{proxy+}",
			Path: "/" + g.Stage + r.URL.Path, HTTPMethod: r.Method, RequestTimeEpoch: time.Now().UnixMilli(), APIID: "1234567890",
		},
		Body: string(content),
	}
	maps.Copy(e.MultiValueHeaders, r.Header)
	for name, values := range e.MultiValueHeaders {
		e.Headers[name] = values[len(values)-1]
	}
	for name, values := range e.MultiValueQueryStringParameters {
		e.QueryStringParameters[name] = values[len(values)-1]
	}
	if !utf8.Valid(content) || strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
		e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(content), true
	}
	return json.Marshal(e)
}

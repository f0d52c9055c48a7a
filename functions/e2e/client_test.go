package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// reply is an answer of the API.
type reply struct {
	status int
	header http.Header
	text   string
	body   map[string]any
}

// client calls the deployed API as one caller.
type client struct {
	*deployment

	bearer string
}

func (d *deployment) admin() *client { return &client{d, d.token} }

// ask sends a request; a body that is no reader goes as JSON, headers are pairs.
// The path is below /api/v1, or with // before it below the API's root.
func (c *client) ask(ctx context.Context, method, path string, body any, headers ...string) (*reply, error) {
	var content io.Reader = http.NoBody
	switch b := body.(type) {
	case nil:
	case io.Reader:
		content = b
	default:
		text, err := json.Marshal(b)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(text)
	}
	if rest, ok := strings.CutPrefix(path, "//"); ok {
		path = "/" + rest
	} else {
		path = "/api/v1" + path
	}
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, content)
	if err != nil {
		return nil, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.bearer != "" {
		request.Header.Set("Authorization", "Bearer "+c.bearer)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	r := &reply{status: response.StatusCode, header: response.Header, text: string(text)}
	if strings.Contains(response.Header.Get("Content-Type"), "json") && len(text) > 0 {
		if err := json.Unmarshal(text, &r.body); err != nil {
			return nil, fmt.Errorf("%s %s: %w in %s", method, path, err, text)
		}
	}
	return r, nil
}

// do is ask where nothing but the wanted status will do.
func (c *client) do(t *testing.T, status int, method, path string, body any, headers ...string) *reply {
	t.Helper()
	r, err := c.ask(t.Context(), method, path, body, headers...)
	require.NoError(t, err)
	require.Equal(t, status, r.status, "%s %s: %s", method, path, r.text)
	return r
}

func (c *client) get(t *testing.T, path string, headers ...string) *reply {
	t.Helper()
	return c.do(t, http.StatusOK, http.MethodGet, path, nil, headers...)
}

func (c *client) post(t *testing.T, status int, path string, body any, headers ...string) *reply {
	t.Helper()
	return c.do(t, status, http.MethodPost, path, body, headers...)
}

// into reads an answer's body.
func (r *reply) into(t *testing.T, v any) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(r.text), v), r.text)
}

// number is a number of the answer's body.
func (r *reply) number(t *testing.T, name string) int64 {
	t.Helper()
	n, ok := r.body[name].(float64)
	require.True(t, ok, "%s in %s", name, r.text)
	return int64(n)
}

// put sends a part where a presigned URL says.
func put(t *testing.T, at string, body []byte, headers ...string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, at, bytes.NewReader(body))
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response
}

type part struct {
	PartNumber int32             `json:"part_number"`
	URL        string            `json:"url"`
	Headers    map[string]string `json:"headers"`
}

type upload struct {
	FileID    string `json:"file_id"`
	PartSize  int64  `json:"part_size"`
	PartCount int32  `json:"part_count"`
}

func (c *client) begin(t *testing.T, name string, size int) upload {
	t.Helper()
	var u upload
	c.post(t, http.StatusCreated, "/sources/csv/uploads", map[string]any{"filename": name, "size": size}).into(t, &u)
	return u
}

// signed are the presigned parts of an upload.
func (c *client) signed(t *testing.T, u upload) []part {
	t.Helper()
	numbers := make([]int32, u.PartCount)
	for i := range numbers {
		numbers[i] = int32(i) + 1
	}
	var signed struct{ URLs []part }
	c.post(t, http.StatusOK, "/sources/csv/uploads/"+u.FileID+"/parts", map[string]any{"part_numbers": numbers}).into(t, &signed)
	require.Len(t, signed.URLs, int(u.PartCount))
	return signed.URLs
}

// file uploads a file in presigned parts and waits for its profile.
func (c *client) file(t *testing.T, name string, content []byte) string {
	t.Helper()
	u := c.begin(t, name, len(content))
	for i, p := range c.signed(t, u) {
		from := int64(i) * u.PartSize
		body := content[from:min(from+u.PartSize, int64(len(content)))]
		require.Equal(t, http.StatusOK, put(t, p.URL, body, "Origin", page).StatusCode)
	}
	c.post(t, http.StatusOK, "/sources/csv/uploads/"+u.FileID+"/complete", nil)
	c.profiled(t, u.FileID)
	return u.FileID
}

// profiled waits until the whole file has been looked at.
func (c *client) profiled(t *testing.T, file string) *reply {
	t.Helper()
	var last *reply
	require.EventuallyWithT(t, func(check *assert.CollectT) {
		r, err := c.ask(t.Context(), http.MethodGet, "/sources/csv/"+file+"/metadata", nil)
		if assert.NoError(check, err) && assert.Equal(check, http.StatusOK, r.status, r.text) {
			profile, _ := r.body["profile"].(map[string]any)
			assert.Equal(check, "complete", profile["state"], r.text)
			last = r
		}
	}, patience, 100*time.Millisecond)
	return last
}

// rows is a file of n rows, each with some padding.
func rows(n, padding int) []byte {
	var b bytes.Buffer
	b.WriteString("id,customer,amount,day,note\n")
	pad := strings.Repeat("x", padding)
	for i := range n {
		fmt.Fprintf(&b, "%d,Customer %d,%d.50,2024-01-%02d,%s\n", i+1, i%7, i, i%28+1, pad)
	}
	return b.Bytes()
}

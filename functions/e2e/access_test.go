package e2e_test

import (
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v4"
	"golang.org/x/sync/errgroup"

	awsadapters "github.com/etlportal/etlportal/internal/aws"
)

// closed asks every route of the API's description as nobody.
func (d *deployment) closed(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(), "internal", "api", "openapi.yaml"))
	require.NoError(t, err)
	var description struct {
		Paths map[string]map[string]any `yaml:"paths"`
	}
	require.NoError(t, yaml.Unmarshal(text, &description))
	values := strings.NewReplacer("{file_id}", "00000000-0000-4000-8000-000000000000", "{id}", "1", "{credential_id}", "1")
	asked := 0
	var all errgroup.Group
	all.SetLimit(4)
	for path, methods := range description.Paths {
		for method := range methods {
			asked++
			for _, bearer := range []string{"", "etlp_" + strings.Repeat("x", 43)} {
				all.Go(func() error {
					c := &client{d, bearer}
					r, err := c.ask(t.Context(), strings.ToUpper(method), "/"+values.Replace(path), nil)
					want := http.StatusUnauthorized
					if path == "/healthz" {
						want = http.StatusOK
					}
					if err == nil {
						assert.Equal(t, want, r.status, "%s %s: %s", method, path, r.text)
					}
					return err
				})
			}
		}
	}
	require.NoError(t, all.Wait())
	require.Greater(t, asked, 40, slices.Sorted(maps.Keys(description.Paths)))
}

func (d *deployment) roles(t *testing.T) {
	admin := d.admin()
	me := admin.get(t, "/me")
	assert.Equal(t, "admin", me.body["role"])
	assert.Equal(t, "bootstrap", me.body["kind"])
	var made struct{ Token, Secret string }
	admin.post(t, http.StatusCreated, "/tokens", map[string]any{"name": "who looks", "role": "viewer"}).into(t, &made)
	viewer := &client{d, made.Secret + made.Token}
	assert.Equal(t, "viewer", viewer.get(t, "/me").body["role"])
	viewer.get(t, "/jobs")
	viewer.post(t, http.StatusForbidden, "/sources/csv/uploads", map[string]any{"filename": "a.csv", "size": 10})
}

// presigned checks that a signed URL is good for its part, its size and its time only.
func (d *deployment) presigned(t *testing.T) {
	c := d.admin()
	u := c.begin(t, "bound.csv", 100)
	signed := c.signed(t, u)[0]
	refused := func(what string, response *http.Response) {
		t.Helper()
		assert.Equal(t, http.StatusForbidden, response.StatusCode, what)
	}
	refused("a byte more", put(t, signed.URL, make([]byte, 101)))
	refused("a byte less", put(t, signed.URL, make([]byte, 99)))
	refused("another key", put(t, strings.Replace(signed.URL, u.FileID, "00000000-0000-4000-8000-000000000000", 1), make([]byte, 100)))
	refused("another part", put(t, strings.Replace(signed.URL, "partNumber=1", "partNumber=2", 1), make([]byte, 100)))
	refused("a longer life", put(t, strings.Replace(signed.URL, "X-Amz-Expires=3600", "X-Amz-Expires=36000", 1), make([]byte, 100)))

	// A URL whose second has passed.
	blobs, err := awsadapters.NewBlobs(t.Context(), awsadapters.BlobsConfig{
		Bucket: d.outputs["BucketName"], Region: d.Region, Endpoint: d.Endpoint, PathStyle: true, AccessKey: d.AccessKey, SecretKey: d.SecretKey,
	})
	require.NoError(t, err)
	key := "sources/" + u.FileID + "/file.csv"
	id, err := blobs.CreateUpload(t.Context(), key)
	require.NoError(t, err)
	short, err := blobs.SignParts(t.Context(), key, id, map[int32]int64{1: 100}, time.Second)
	require.NoError(t, err)
	require.EventuallyWithT(t, func(check *assert.CollectT) {
		assert.Equal(check, http.StatusForbidden, put(t, short[0].URL, make([]byte, 100)).StatusCode)
	}, patience, 200*time.Millisecond)
	require.NoError(t, blobs.Abort(t.Context(), key, id))

	accepted := put(t, signed.URL, make([]byte, 100), "Origin", page)
	assert.Equal(t, http.StatusOK, accepted.StatusCode)
	assert.Equal(t, page, accepted.Header.Get("Access-Control-Allow-Origin"))
	assert.Contains(t, accepted.Header.Get("Access-Control-Expose-Headers"), "ETag")
	for origin, want := range map[string]string{page: page, "https://elsewhere.example.com": ""} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, signed.URL, http.NoBody)
		require.NoError(t, err)
		request.Header.Set("Origin", origin)
		request.Header.Set("Access-Control-Request-Method", http.MethodPut)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		assert.Equal(t, want, response.Header.Get("Access-Control-Allow-Origin"), origin)
	}
	c.do(t, http.StatusNoContent, http.MethodDelete, "/sources/csv/uploads/"+u.FileID, nil)
}

package etltest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
)

// origin is the page that may upload in the suite.
const origin = "http://portal.test:8080"

// firstPart is the least size of a part that is not the last.
const firstPart = 5 << 20

// BlobsSuite checks every promise of etl.Blobs. open makes an adapter to an
// empty bucket; its waits between tries must be short. unchecked names the
// spoiled requests of SignedPartsAreBound that a stand-in for the real store is
// known to let pass.
func BlobsSuite(t *testing.T, open func(t *testing.T, s BlobsSetup) etl.Blobs, unchecked ...string) {
	t.Helper()
	weather := &weather{base: http.DefaultTransport}
	s := &blobsSuite{weather: weather, blobs: open(t, BlobsSetup{Origins: []string{origin}, Transport: weather}), unchecked: unchecked}
	for name, test := range map[string]func(*testing.T){
		"Multipart": s.multipart, "SignedPartsAreBound": s.bound, "SignedPartsExpire": s.expiry, "BadParts": s.badParts,
		"Abort": s.abort, "Put": s.put, "PutHoldsNoMoreThanAPart": s.putMemory, "PutFails": s.putFails, "Missing": s.missing,
		"Range": s.ranges, "RangeOfAnotherVersion": s.pinned, "RangeResumes": s.resumes, "RangeEndsEarly": s.endsEarly,
		"RangeCancelled": s.cancelled, "Weather": s.weathers, "CORS": s.cors, "Concurrent": s.concurrent,
	} {
		t.Run(name, func(t *testing.T) {
			defer weather.clear()
			test(t)
		})
	}
}

type blobsSuite struct {
	blobs     etl.Blobs
	weather   *weather
	unchecked []string
}

// content is n bytes that look like no other seed's.
func content(seed uint64, n int) []byte {
	p := make([]byte, n)
	r := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // test data
	for i := 0; i+8 <= n; i += 8 {
		v := r.Uint64()
		for j := range 8 {
			p[i+j] = byte(v >> (8 * j))
		}
	}
	return p
}

func (s *blobsSuite) upload(t *testing.T, key string, p []byte) etl.ObjectRef {
	t.Helper()
	ref, err := s.blobs.Put(t.Context(), key, bytes.NewReader(p))
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func (s *blobsSuite) read(t *testing.T, ref etl.ObjectRef, off, n int64) []byte {
	t.Helper()
	body, err := s.blobs.Range(t.Context(), ref, off, n)
	if err != nil {
		t.Fatal(err)
	}
	p, err := io.ReadAll(body)
	if err := errors.Join(err, body.Close()); err != nil {
		t.Fatal(err)
	}
	return p
}

// send puts a part as a browser would and gives the answer.
func send(t *testing.T, p etl.SignedPart, body []byte, change func(*http.Request)) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, p.URL, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range p.Headers {
		request.Header.Set(name, value)
	}
	if change != nil {
		change(request)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	return answer
}

func (s *blobsSuite) start(t *testing.T, key string) string {
	t.Helper()
	id, err := s.blobs.CreateUpload(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (s *blobsSuite) sign(t *testing.T, key, id string, sizes map[int32]int64, ttl time.Duration) []etl.SignedPart {
	t.Helper()
	signed, err := s.blobs.SignParts(t.Context(), key, id, sizes, ttl)
	if err != nil {
		t.Fatal(err)
	}
	numbers := make([]int32, len(signed))
	for i, p := range signed {
		numbers[i] = p.Number
	}
	if want := slices.Sorted(maps.Keys(sizes)); !slices.Equal(numbers, want) {
		t.Fatalf("signed parts %v, want %v", numbers, want)
	}
	return signed
}

func (s *blobsSuite) parts(t *testing.T, key, id string) []etl.Part {
	t.Helper()
	parts, err := s.blobs.Parts(t.Context(), key, id)
	if err != nil {
		t.Fatal(err)
	}
	return parts
}

func (s *blobsSuite) multipart(t *testing.T) {
	const key = "multipart/a b+ü.csv"
	whole := content(1, firstPart+100)
	id := s.start(t, key)
	if parts := s.parts(t, key, id); len(parts) != 0 {
		t.Fatalf("parts before any upload: %v", parts)
	}
	signed := s.sign(t, key, id, map[int32]int64{1: firstPart, 2: 100}, time.Hour)
	// The parts may come in any order and again.
	if got := send(t, signed[1], whole[firstPart:], nil); got.StatusCode != http.StatusOK || got.Header.Get("ETag") == "" {
		t.Fatalf("part 2: %s, ETag %q", got.Status, got.Header.Get("ETag"))
	}
	if parts := s.parts(t, key, id); len(parts) != 1 || parts[0].Number != 2 || parts[0].Size != 100 || parts[0].ETag == "" {
		t.Fatalf("parts after part 2: %v", parts)
	}
	for _, wrong := range [][]byte{content(2, firstPart), whole[:firstPart]} {
		if got := send(t, signed[0], wrong, nil); got.StatusCode != http.StatusOK {
			t.Fatalf("part 1: %s", got.Status)
		}
	}
	parts := s.parts(t, key, id)
	if len(parts) != 2 {
		t.Fatalf("parts: %v", parts)
	}
	slices.Reverse(parts) // the order of the list is the client's
	ref, err := s.blobs.Complete(t.Context(), key, id, parts)
	if err != nil {
		t.Fatal(err)
	}
	if ref.Key != key || ref.Size != int64(len(whole)) || ref.ETag == "" {
		t.Fatalf("completed as %+v", ref)
	}
	if got := s.read(t, ref, 0, -1); !bytes.Equal(got, whole) {
		t.Fatal("the object is not what was uploaded")
	}
	again, err := s.blobs.Complete(t.Context(), key, id, parts)
	if err != nil || again != ref {
		t.Fatalf("completed again: %+v, %v; want %+v", again, err, ref)
	}
	head, err := s.blobs.Head(t.Context(), key)
	if err != nil || head.ETag != ref.ETag || head.Size != ref.Size {
		t.Fatalf("head: %+v, %v; want %+v", head, err, ref)
	}
	if err := s.blobs.Abort(t.Context(), key, id); err != nil {
		t.Fatalf("abort after completion: %v", err)
	}
	if got := s.read(t, ref, firstPart-1, 2); !bytes.Equal(got, whole[firstPart-1:firstPart+1]) {
		t.Fatal("the abort of a completed upload harmed the object")
	}
}

func (s *blobsSuite) bound(t *testing.T) {
	const key = "bound.csv"
	id := s.start(t, key)
	other := s.start(t, "other.csv")
	p := s.sign(t, key, id, map[int32]int64{1: 100}, time.Hour)[0]
	for name, test := range map[string]struct {
		size   int
		change func(*http.Request)
	}{
		"one byte too many": {101, nil},
		"one byte too few":  {99, nil},
		"nothing":           {0, nil},
		"another key": {100, func(r *http.Request) {
			r.URL.Path = strings.Replace(r.URL.Path, key, "other.csv", 1)
			r.URL.RawPath = ""
		}},
		"another part":   {100, func(r *http.Request) { replace(r.URL, "partNumber", "2") }},
		"another upload": {100, func(r *http.Request) { replace(r.URL, "uploadId", other) }},
		"a longer life":  {100, func(r *http.Request) { replace(r.URL, "X-Amz-Expires", "7200") }},
		"no signature":   {100, func(r *http.Request) { r.URL.RawQuery = "partNumber=1&uploadId=" + id }},
		"another method": {100, func(r *http.Request) { r.Method = http.MethodPost }},
	} {
		if slices.Contains(s.unchecked, name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			if got := send(t, p, content(3, test.size), test.change); got.StatusCode < 400 || got.StatusCode >= 500 {
				t.Errorf("answered %s", got.Status)
			}
		})
	}
	if parts := s.parts(t, key, id); len(parts) != 0 {
		t.Errorf("arrived nevertheless: %v", parts)
	}
	if got := send(t, p, content(3, 100), nil); got.StatusCode != http.StatusOK {
		t.Errorf("the URL as it was signed: %s", got.Status)
	}
	for _, sizes := range []map[int32]int64{{0: 1}, {10001: 1}, {1: 0}, {1: -1}, {1: 6 << 30}} {
		if _, err := s.blobs.SignParts(t.Context(), key, id, sizes, time.Hour); etl.KindOf(err) != etl.Mistake {
			t.Errorf("signed %v: %v", sizes, err)
		}
	}
	if _, err := s.blobs.SignParts(t.Context(), key, id, map[int32]int64{1: 1}, 0); etl.KindOf(err) != etl.Mistake {
		t.Errorf("signed for no time: %v", err)
	}
}

func replace(u *url.URL, name, value string) {
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = q.Encode()
}

func (s *blobsSuite) expiry(t *testing.T) {
	const key = "expiry.csv"
	id := s.start(t, key)
	p := s.sign(t, key, id, map[int32]int64{1: 1}, time.Second)[0]
	deadline := time.Now().Add(20 * time.Second)
	for send(t, p, []byte("x"), nil).StatusCode != http.StatusForbidden {
		if time.Now().After(deadline) {
			t.Fatal("a URL for one second is still good after 20")
		}
	}
}

func (s *blobsSuite) badParts(t *testing.T) {
	const key = "badparts.csv"
	id := s.start(t, key)
	p := s.sign(t, key, id, map[int32]int64{1: 10}, time.Hour)[0]
	send(t, p, content(4, 10), nil)
	have := s.parts(t, key, id)
	for name, parts := range map[string][]etl.Part{
		"none":         nil,
		"missing part": {have[0], {Number: 2, ETag: have[0].ETag, Size: 10}},
		"other ETag":   {{Number: 1, ETag: strings.Repeat("0", 32), Size: 10}},
	} {
		if _, err := s.blobs.Complete(t.Context(), key, id, parts); etl.KindOf(err) != etl.Mistake {
			t.Errorf("%s: completed with %v", name, err)
		}
	}
	if ref, err := s.blobs.Complete(t.Context(), key, id, have); err != nil || ref.Size != 10 {
		t.Errorf("completed after failures: %+v, %v", ref, err)
	}
	if _, err := s.blobs.Complete(t.Context(), key, "no-such-upload", []etl.Part{{Number: 1, ETag: strings.Repeat("0", 32), Size: 10}}); code(err) != "upload_not_found" {
		t.Errorf("an unknown upload: %v", err)
	}
}

func (s *blobsSuite) abort(t *testing.T) {
	const key = "abort.csv"
	id := s.start(t, key)
	p := s.sign(t, key, id, map[int32]int64{1: 10}, time.Hour)[0]
	send(t, p, content(5, 10), nil)
	have := s.parts(t, key, id)
	for range 2 {
		if err := s.blobs.Abort(t.Context(), key, id); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.blobs.Parts(t.Context(), key, id); code(err) != "upload_not_found" {
		t.Errorf("parts of an aborted upload: %v", err)
	}
	if _, err := s.blobs.Complete(t.Context(), key, id, have); code(err) != "upload_not_found" {
		t.Errorf("completed an aborted upload: %v", err)
	}
	if got := send(t, p, content(5, 10), nil); got.StatusCode < 400 {
		t.Errorf("put a part of an aborted upload: %s", got.Status)
	}
	if _, err := s.blobs.Head(t.Context(), key); code(err) != "object_not_found" {
		t.Errorf("the object of an aborted upload: %v", err)
	}
}

func (s *blobsSuite) put(t *testing.T) {
	for i, size := range []int{0, 1, 1 << 20, 8 << 20, 8<<20 + 1, 20 << 20} {
		key := fmt.Sprintf("put/%d", size)
		want := content(uint64(10+i), size)
		// io.MultiReader hides the length.
		ref, err := s.blobs.Put(t.Context(), key, io.MultiReader(bytes.NewReader(want)))
		if err != nil {
			t.Fatal(err)
		}
		if ref.Key != key || ref.Size != int64(size) {
			t.Errorf("%d bytes put as %+v", size, ref)
		}
		if got := s.read(t, ref, 0, -1); !bytes.Equal(got, want) {
			t.Errorf("%d bytes come back otherwise", size)
		}
		if head, err := s.blobs.Head(t.Context(), key); err != nil || head.ETag != ref.ETag || head.Size != ref.Size {
			t.Errorf("head: %+v, %v; want %+v", head, err, ref)
		}
	}
}

// putMemory streams more than an adapter may hold.
func (s *blobsSuite) putMemory(t *testing.T) {
	const total, limit = 64 << 20, 40 << 20
	block := content(20, 1<<20)
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	read := 0
	r := readerFunc(func(p []byte) (int, error) {
		if read == total {
			return 0, io.EOF
		}
		if read%(8<<20) == 0 {
			runtime.GC()
			runtime.ReadMemStats(&now)
			if now.HeapAlloc > before.HeapAlloc+limit {
				t.Errorf("after %d MiB the adapter holds %d MiB", read>>20, (now.HeapAlloc-before.HeapAlloc)>>20)
			}
		}
		at := read % len(block)
		n := copy(p, block[at:])
		read += n
		return n, nil
	})
	ref, err := s.blobs.Put(t.Context(), "memory.csv", r)
	if err != nil || ref.Size != total {
		t.Fatalf("put: %+v, %v", ref, err)
	}
	if got := s.read(t, ref, total-100, -1); !bytes.Equal(got, block[len(block)-100:]) {
		t.Error("the end is not what was put")
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func (s *blobsSuite) putFails(t *testing.T) {
	broken := errors.New("the client went away")
	for _, size := range []int{10, 9 << 20} {
		key := fmt.Sprintf("broken/%d", size)
		r := io.MultiReader(bytes.NewReader(content(21, size)), readerFunc(func([]byte) (int, error) { return 0, broken }))
		if _, err := s.blobs.Put(t.Context(), key, r); !errors.Is(err, broken) {
			t.Errorf("the reader's error comes back as %v", err)
		}
		if _, err := s.blobs.Head(t.Context(), key); code(err) != "object_not_found" {
			t.Errorf("half an object is there: %v", err)
		}
	}
}

func (s *blobsSuite) missing(t *testing.T) {
	if _, err := s.blobs.Head(t.Context(), "missing"); code(err) != "object_not_found" || etl.KindOf(err) != etl.Mistake {
		t.Errorf("head: %v", err)
	}
	if _, err := s.blobs.Range(t.Context(), etl.ObjectRef{Key: "missing", Size: 10, ETag: "x"}, 0, 1); code(err) != "object_not_found" {
		t.Errorf("range: %v", err)
	}
	s.upload(t, "deleted", []byte("x"))
	for range 2 {
		if err := s.blobs.Delete(t.Context(), "deleted"); err != nil {
			t.Errorf("delete: %v", err)
		}
	}
	if _, err := s.blobs.Head(t.Context(), "deleted"); code(err) != "object_not_found" {
		t.Errorf("head after delete: %v", err)
	}
	if err := s.blobs.Ready(t.Context()); err != nil {
		t.Errorf("ready: %v", err)
	}
}

func (s *blobsSuite) ranges(t *testing.T) {
	const size = 1000
	whole := content(30, size)
	ref := s.upload(t, "range", whole)
	for _, test := range []struct{ off, n, end int64 }{
		{0, -1, size},
		{0, 0, 0},
		{0, 1, 1},
		{1, 10, 11},
		{999, 1, size},
		{999, -1, size},
		{500, 500, size},
		{500, 5000, size},
		{0, size, size},
		{size, -1, size},
		{size, 10, size},
	} {
		if got := s.read(t, ref, test.off, test.n); !bytes.Equal(got, whole[test.off:test.end]) {
			t.Errorf("%d bytes from %d: got %d", test.n, test.off, len(got))
		}
	}
	for _, off := range []int64{-1, size + 1} {
		if _, err := s.blobs.Range(t.Context(), ref, off, 1); etl.KindOf(err) != etl.Mistake {
			t.Errorf("from %d: %v", off, err)
		}
	}
}

func (s *blobsSuite) pinned(t *testing.T) {
	ref := s.upload(t, "pinned", content(31, 1000))
	s.upload(t, "pinned", content(32, 1000))
	if _, err := s.blobs.Range(t.Context(), ref, 0, 10); code(err) != "source_changed" || etl.KindOf(err) != etl.Mistake {
		t.Errorf("a replaced object of the same size: %v", err)
	}
	s.upload(t, "pinned", content(31, 10))
	if _, err := s.blobs.Range(t.Context(), ref, 500, 10); code(err) != "source_changed" {
		t.Errorf("a replaced object that is shorter: %v", err)
	}
	// Replaced while it is read, and the connection breaks.
	ref = s.upload(t, "pinned", content(33, 1<<20))
	s.weather.cutBodies(io.ErrUnexpectedEOF, 1000)
	body, err := s.blobs.Range(t.Context(), ref, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if _, err := io.ReadFull(body, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	s.upload(t, "pinned", content(34, 1<<20))
	if n, err := io.Copy(io.Discard, body); code(err) != "source_changed" {
		t.Errorf("after %d bytes more: %v", n, err)
	}
}

func (s *blobsSuite) resumes(t *testing.T) {
	const size = 300_000
	whole := content(40, size)
	ref := s.upload(t, "resume", whole)
	for name, cuts := range map[string][]int64{
		"at once": {0}, "first byte": {1}, "middle": {size / 2}, "last byte": {size - 1},
		"often": {0, 7, 0, 0, 1000, 65536, 1, 1, 1, 100_000, 0, 3}, "before the last": {size - 1, 0, 0},
	} {
		for _, how := range []error{io.ErrUnexpectedEOF, io.EOF, errors.New("connection reset by peer")} {
			t.Run(name+" "+how.Error(), func(t *testing.T) {
				s.weather.cutBodies(how, cuts...)
				if got := s.read(t, ref, 0, -1); !bytes.Equal(got, whole) {
					t.Errorf("got %d bytes, or others", len(got))
				}
				if left := s.weather.cutsLeft(); left != 0 {
					t.Errorf("%d of %d cuts were never met", left, len(cuts))
				}
			})
		}
	}
	s.weather.cutBodies(io.ErrUnexpectedEOF, 10)
	if got := s.read(t, ref, 100, 50); !bytes.Equal(got, whole[100:150]) {
		t.Error("a range within the object does not resume")
	}
}

func (s *blobsSuite) endsEarly(t *testing.T) {
	ref := s.upload(t, "early", content(41, 1000))
	cuts := make([]int64, 100)
	cuts[0] = 400
	s.weather.cutBodies(io.EOF, cuts...)
	body, err := s.blobs.Range(t.Context(), ref, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, body)
	if n != 400 || etl.KindOf(err) != etl.Weather {
		t.Errorf("an object that ends at 400 of 1000 bytes gave %d and %v", n, err)
	}
	if _, again := body.Read(make([]byte, 1)); again == nil || errors.Is(again, io.EOF) {
		t.Errorf("read again: %v", again)
	}
	_ = body.Close()
}

func (s *blobsSuite) cancelled(t *testing.T) {
	ref := s.upload(t, "cancelled", content(42, 1<<20))
	ctx, cancel := context.WithCancel(t.Context())
	body, err := s.blobs.Range(ctx, ref, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if _, err := io.ReadFull(body, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	s.weather.cutBodies(io.ErrUnexpectedEOF, 0)
	cancel()
	if _, err := io.Copy(io.Discard, body); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func (s *blobsSuite) weathers(t *testing.T) {
	ref := s.upload(t, "weather", content(43, 100))
	failures := map[string]struct {
		answer answer
		kind   etl.Kind
	}{
		"busy":       {answer{status: 503, code: "SlowDown"}, etl.Weather},
		"internal":   {answer{status: 500, code: "InternalError"}, etl.Weather},
		"gateway":    {answer{status: 502}, etl.Weather},
		"unreached":  {answer{err: errors.New("connection refused")}, etl.Weather},
		"denied":     {answer{status: 403, code: "AccessDenied"}, etl.Mistake},
		"wrong keys": {answer{status: 403, code: "SignatureDoesNotMatch"}, etl.Mistake},
		"no bucket":  {answer{status: 404, code: "NoSuchBucket"}, etl.Mistake},
	}
	calls := map[string]func() error{
		"CreateUpload": func() error { _, err := s.blobs.CreateUpload(t.Context(), "weather"); return err },
		"Parts":        func() error { _, err := s.blobs.Parts(t.Context(), "weather", "id"); return err },
		"Complete": func() error {
			_, err := s.blobs.Complete(t.Context(), "weather", "id", []etl.Part{{Number: 1, ETag: strings.Repeat("0", 32)}})
			return err
		},
		"Abort":  func() error { return s.blobs.Abort(t.Context(), "weather", "id") },
		"Put":    func() error { _, err := s.blobs.Put(t.Context(), "weather2", strings.NewReader("x")); return err },
		"Head":   func() error { _, err := s.blobs.Head(t.Context(), "weather"); return err },
		"Range":  func() error { _, err := s.blobs.Range(t.Context(), ref, 0, 1); return err },
		"Delete": func() error { return s.blobs.Delete(t.Context(), "weather2") },
		"Ready":  func() error { return s.blobs.Ready(t.Context()) },
	}
	for failure, f := range failures {
		for name, call := range calls {
			s.weather.answerAll(f.answer)
			err := call()
			s.weather.clear()
			if e, ok := errors.AsType[*etl.Error](err); !ok || e.Kind != f.kind || e.Fix == "" || e.Code == "" {
				t.Errorf("%s, %s: %v", failure, name, err)
			}
		}
	}
	for name, call := range calls {
		if name == "Parts" || name == "Complete" {
			continue // their upload does not exist
		}
		s.weather.answerOnce(answer{status: 503, code: "SlowDown"})
		if err := call(); err != nil {
			t.Errorf("%s gives up after one failure: %v", name, err)
		}
	}
}

func (s *blobsSuite) cors(t *testing.T) {
	const key = "cors.csv"
	id := s.start(t, key)
	p := s.sign(t, key, id, map[int32]int64{1: 3}, time.Hour)[0]
	preflight := func(from string) *http.Response {
		return send(t, etl.SignedPart{URL: p.URL}, nil, func(r *http.Request) {
			r.Method = http.MethodOptions
			r.Header.Set("Origin", from)
			r.Header.Set("Access-Control-Request-Method", http.MethodPut)
			r.Header.Set("Access-Control-Request-Headers", "content-type")
		})
	}
	got := preflight(origin)
	if got.StatusCode != http.StatusOK && got.StatusCode != http.StatusNoContent {
		t.Errorf("preflight: %s", got.Status)
	}
	if allow := got.Header.Get("Access-Control-Allow-Origin"); allow != origin {
		t.Errorf("preflight allows %q", allow)
	}
	if methods := got.Header.Get("Access-Control-Allow-Methods"); !strings.Contains(methods, http.MethodPut) {
		t.Errorf("preflight allows methods %q", methods)
	}
	if allow := preflight("http://evil.test").Header.Get("Access-Control-Allow-Origin"); allow != "" {
		t.Errorf("preflight of another page allows %q", allow)
	}
	put := send(t, p, []byte("abc"), func(r *http.Request) { r.Header.Set("Origin", origin) })
	exposed := strings.ToLower(strings.Join(put.Header.Values("Access-Control-Expose-Headers"), ","))
	if put.StatusCode != http.StatusOK || put.Header.Get("Access-Control-Allow-Origin") != origin || !strings.Contains(exposed, "etag") {
		t.Errorf("put from the page: %s, %v", put.Status, put.Header)
	}
}

func (s *blobsSuite) concurrent(t *testing.T) {
	whole := content(50, 1<<20)
	ref := s.upload(t, "concurrent", whole)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			off := int64(i) * 100_000
			body, err := s.blobs.Range(t.Context(), ref, off, 100_000)
			if err != nil {
				t.Error(err)
				return
			}
			defer body.Close()
			if got, err := io.ReadAll(body); err != nil || !bytes.Equal(got, whole[off:off+100_000]) {
				t.Errorf("range %d: %d bytes, %v", i, len(got), err)
			}
		})
	}
	wg.Wait()
}

// code is an error's; empty where it is none of ours.
func code(err error) etl.Code {
	if e, ok := errors.AsType[*etl.Error](err); ok {
		return e.Code
	}
	return ""
}

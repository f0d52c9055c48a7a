package destination_test

import (
	"bytes"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/schema"
)

// proxy passes connections on to a server, until a client says COMMIT: then it
// cuts that connection, before or after the server has heard and answered it.
type proxy struct {
	target  string
	deliver bool
	down    bool // refuse connections from then on

	mu   sync.Mutex
	cuts int
}

func (p *proxy) serve(client net.Conn) {
	defer func() { _ = client.Close() }()
	p.mu.Lock()
	refused := p.down && p.cuts > 0
	p.mu.Unlock()
	if refused {
		return
	}
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	replies := make(chan struct{})
	var silenced sync.Mutex
	silent := false
	go func() {
		defer close(replies)
		defer func() { _ = client.Close() }()
		buf := make([]byte, 1<<16)
		for {
			n, err := server.Read(buf)
			silenced.Lock()
			cut := silent
			silenced.Unlock()
			if err != nil || cut {
				return
			}
			if _, err := client.Write(buf[:n]); err != nil {
				return
			}
		}
	}()
	buf := make([]byte, 1<<16)
	for {
		n, err := client.Read(buf)
		if err != nil {
			break
		}
		if bytes.Contains(buf[:n], []byte("COMMIT\x00")) {
			p.mu.Lock()
			p.cuts++
			p.mu.Unlock()
			if p.deliver {
				silenced.Lock()
				silent = true
				silenced.Unlock()
				_, _ = server.Write(buf[:n])
				<-replies // the server's answer, which goes no further
			}
			break
		}
		if _, err := server.Write(buf[:n]); err != nil {
			break
		}
	}
	_ = server.Close()
	_, _ = io.Copy(io.Discard, server)
}

func TestAnswerToCommitIsLost(t *testing.T) {
	d := newDatabase(t, `CREATE TABLE t (id int PRIMARY KEY)`)
	for _, c := range []struct {
		name    string
		deliver bool
		rows    string
	}{
		{"after it was done", true, "2"},
		{"before it was heard", false, "0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d.exec(`TRUNCATE t`)
			p := &proxy{target: mustParse(t, d.url).Host, deliver: c.deliver}
			var serving sync.WaitGroup
			at := listen(t, func(client net.Conn) { serving.Go(func() { p.serve(client) }) })
			destination := open(t, withURL(t, d.url, func(u *url.URL) { u.Host = at }))
			result, err := load(t.Context(), destination, d.spec("t"), row(1), row(2))
			if p.cuts == 0 {
				t.Fatal("the test's premise: nothing was cut")
			}
			if c.deliver {
				if err != nil || result.Inserted != 2 {
					t.Errorf("committed, but got %+v, %v", result, err)
				}
			} else if e := refusal(t, err); e.Kind != etl.Weather || e.Code != "connection_lost" || !strings.Contains(e.Message, "unchanged") {
				t.Errorf("rolled back, but got %v", err)
			}
			d.want(`SELECT count(*) FROM t`, c.rows)
			if err := destination.Close(t.Context()); err != nil {
				t.Error(err)
			}
			serving.Wait()
		})
	}
}

// A deferred trigger can refuse as late as COMMIT itself.
func TestRefusedAtCommit(t *testing.T) {
	d := newDatabase(t, `CREATE TABLE t (id int)`,
		`CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN IF NEW.id = 13 THEN RAISE 'bad luck'; END IF; RETURN NULL; END$$`,
		`CREATE CONSTRAINT TRIGGER later AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION no()`)
	spec := d.spec("t")
	_, err := load(t.Context(), d.p, spec, row(1), row(13))
	if e := refusal(t, err); e.Code != "refused_by_trigger" {
		t.Errorf("got %v", err)
	}
	spec.Explain = true
	_, err = load(t.Context(), d.p, spec, row(1), row(13), row(2))
	if e := refusal(t, err); e.Code != "refused_by_trigger" || e.Line != line(1) {
		t.Errorf("got line %d: %v", e.Line, err)
	}
	spec.Explain, spec.SkipRefused = false, true
	if result := d.load(spec, row(1), row(13), row(2)); result.Inserted != 2 || len(etltest.Rejects(result.Refused)) != 1 {
		t.Errorf("got %+v", result)
	}
}

func TestManyRowsAndLines(t *testing.T) {
	d := newDatabase(t, `CREATE TABLE t (id int PRIMARY KEY, v text)`)
	spec := d.spec("t")
	// Lines are irregular, and the duplicate is far from both ends.
	at := func(i int) int64 { return int64(i*3 + i%7) }
	const n, bad = 300_000, 200_001
	s, err := d.p.Begin(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Abort(t.Context()) }()
	b := s.NewBatch()
	err = func() error {
		r := []schema.Value{{Kind: schema.VInt}, {Kind: schema.VText, Bytes: []byte("some text to fill the buffers")}}
		for i := range n {
			r[0].Int = int64(i)
			if i == bad {
				r[0].Int = 5
			}
			if reject := b.Append(r, at(i), int64(i)); reject != nil {
				t.Fatal(reject.Reason)
			}
			if b.Len() > 1<<16 {
				if err := s.Write(t.Context(), b); err != nil {
					return err
				}
			}
		}
		if err := s.Write(t.Context(), b); err != nil {
			return err
		}
		_, err := s.Finish(t.Context())
		return err
	}()
	if e := refusal(t, err); e.Code != "unique_violation" || e.Line != at(bad) {
		t.Errorf("got line %d, want %d: %v", e.Line, at(bad), err)
	}
}

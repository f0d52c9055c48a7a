package etltest

import (
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// Proxy stands between a program and a PostgreSQL, and can take it away.
type Proxy struct {
	t        testing.TB
	server   string
	listener net.Listener
	at       url.URL

	mu    sync.Mutex
	state proxyState
	conns map[net.Conn]bool
	group sync.WaitGroup
}

type proxyState int

const (
	through proxyState = iota
	paused
	starting
)

// NewProxy listens in front of the database of a URL; it ends with the test.
func NewProxy(t testing.TB, database string) *Proxy {
	t.Helper()
	at, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it ends with the test
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{t: t, server: at.Host, listener: listener, at: *at, conns: map[net.Conn]bool{}}
	p.at.Host = listener.Addr().String()
	p.group.Go(p.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		p.become(paused)
		p.group.Wait()
	})
	return p
}

// URL is the database's through the proxy.
func (p *Proxy) URL() string { return p.at.String() }

// Pause cuts every connection, and new ones as soon as they are made: the
// server is not there.
func (p *Proxy) Pause() { p.become(paused) }

// Start cuts every connection, and answers new ones as a server does that is
// starting up (SQLSTATE 57P03).
func (p *Proxy) Start() { p.become(starting) }

// Resume lets connections through again.
func (p *Proxy) Resume() { p.become(through) }

func (p *Proxy) become(s proxyState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state = s
	if s != through {
		for c := range p.conns {
			_ = c.Close()
		}
	}
}

func (p *Proxy) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.group.Go(func() { p.serve(c) })
	}
}

// enter notes a connection, unless the state has changed meanwhile.
func (p *Proxy) enter(c net.Conn, s proxyState) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[c] = p.state == s
	return p.state == s
}

func (p *Proxy) leave(c net.Conn) {
	p.mu.Lock()
	delete(p.conns, c)
	p.mu.Unlock()
	_ = c.Close()
}

func (p *Proxy) serve(c net.Conn) {
	defer p.leave(c)
	p.mu.Lock()
	state := p.state
	p.mu.Unlock()
	if !p.enter(c, state) || state == paused {
		return
	}
	if state == starting {
		refuse(c)
		return
	}
	var dialer net.Dialer
	server, err := dialer.DialContext(p.t.Context(), "tcp", p.server)
	if err != nil {
		return
	}
	defer p.leave(server)
	if !p.enter(server, state) {
		return
	}
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{c, server}, {server, c}} {
		both.Go(func() {
			_, _ = io.Copy(way[0], way[1]) // ends with either connection
			_ = way[0].Close()
			_ = way[1].Close()
		})
	}
	both.Wait()
}

// sslRequest is what a client asks first that would like TLS.
const sslRequest = 80877103

// refuse is a server's answer while it starts.
func refuse(c net.Conn) {
	for {
		var head [8]byte
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return
		}
		size := binary.BigEndian.Uint32(head[:4])
		if binary.BigEndian.Uint32(head[4:]) == sslRequest {
			if _, err := c.Write([]byte("N")); err != nil {
				return
			}
			continue
		}
		if _, err := io.CopyN(io.Discard, c, int64(size)-int64(len(head))); err != nil {
			return
		}
		body := "SFATAL\x00VFATAL\x00C57P03\x00Mthe database system is starting up\x00\x00"
		_, _ = c.Write(append(binary.BigEndian.AppendUint32([]byte("E"), uint32(len(body)+4)), body...)) // who has gone needs no answer
		return
	}
}

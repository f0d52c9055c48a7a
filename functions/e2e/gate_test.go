package e2e_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// gate is a way to the warehouse that can be closed: a connection that has sent
// `most` bytes, and so is in the middle of a chunk's rows, then stands still.
type gate struct {
	address *net.TCPAddr
	target  string

	mu     sync.Mutex
	opened chan struct{}
	// stuck gets a message for each connection that stands still.
	stuck chan struct{}
}

const most = 1 << 20

func newGate(t *testing.T, target *url.URL) *gate {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address, ok := listener.Addr().(*net.TCPAddr)
	require.True(t, ok)
	g := &gate{address: address, target: target.Host, opened: make(chan struct{}), stuck: make(chan struct{}, 64)}
	close(g.opened)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go g.pass(conn)
		}
	}()
	return g
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.opened = make(chan struct{})
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.opened:
	default:
		close(g.opened)
	}
}

func (g *gate) way() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.opened
}

// pass carries one connection.
func (g *gate) pass(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial("tcp", g.target)
	if err != nil {
		return
	}
	go func() {
		_, _ = io.Copy(client, server)
		_ = client.Close()
	}()
	defer func() { _ = server.Close() }()
	sent, told := 0, false
	for buffer := make([]byte, 64<<10); ; {
		n, err := client.Read(buffer)
		if err != nil {
			return
		}
		way := g.way()
		select {
		case <-way:
		default:
			if sent > most {
				if !told {
					told = true
					g.stuck <- struct{}{}
				}
				<-way
			}
		}
		if _, err := server.Write(buffer[:n]); err != nil {
			return
		}
		sent += n
	}
}

// credential is the warehouse by way of the gate.
func (c *client) credential(t *testing.T, name string, g *gate) int64 {
	t.Helper()
	password, _ := c.warehouse.User.Password()
	return c.post(t, http.StatusCreated, "/credentials", map[string]any{
		"name": name, "host": g.address.IP.String(), "port": g.address.Port, "database": strings.TrimPrefix(c.warehouse.Path, "/"),
		"username": c.warehouse.User.Username(), "password": password, "ssl_mode": "disable",
	}).number(t, "id")
}

// loader is a process that holds a chunk of a run.
type loader struct{ pid, chunk int }

// loaders reads who holds chunks of a run off the portal's leases.
func (d *deployment) loaders(t *testing.T, run int64) []loader {
	t.Helper()
	var held []loader
	for _, holder := range query[string](t, d.portal, `SELECT holder FROM leases WHERE expires_at > now() AND holder LIKE '%run `+strconv.FormatInt(run, 10)+` chunk %'`) {
		var l loader
		var host, rest string
		host, rest, _ = strings.Cut(holder, "/")
		require.NotEmpty(t, host)
		_, err := fmt.Sscan(strings.SplitN(rest, "/", 2)[0], &l.pid)
		require.NoError(t, err, holder)
		_, after, _ := strings.Cut(holder, " chunk ")
		_, err = fmt.Sscan(after, &l.chunk)
		require.NoError(t, err, holder)
		held = append(held, l)
	}
	return held
}

// query reads one column of a database.
func query[T any](t require.TestingT, at *url.URL, sql string) []T {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, at.String())
	require.NoError(t, err)
	defer func() { _ = conn.Close(ctx) }()
	found, err := conn.Query(ctx, sql)
	require.NoError(t, err)
	values, err := pgx.CollectRows(found, pgx.RowTo[T])
	require.NoError(t, err)
	return values
}

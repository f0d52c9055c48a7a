package destination

import (
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/etltest"
)

// pooler stands before a server and refuses, as PgBouncer does, to be given
// settings of a session that it does not know.
func pooler(t *testing.T, server string, refused *atomic.Int32) string {
	t.Helper()
	at, err := url.Parse(server)
	require.NoError(t, err)
	behind := at.Host
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	serve := func(client net.Conn) {
		defer func() { _ = client.Close() }()
		length := make([]byte, 4)
		if _, err := io.ReadFull(client, length); err != nil {
			return
		}
		start := make([]byte, binary.BigEndian.Uint32(length))
		copy(start, length)
		if _, err := io.ReadFull(client, start[4:]); err != nil {
			return
		}
		if strings.Contains(string(start), "tcp_keepalives_idle") {
			refused.Add(1)
			text, err := (&pgproto3.ErrorResponse{Severity: "FATAL", Code: "08P01", Message: "unsupported startup parameter: tcp_keepalives_idle"}).Encode(nil)
			if err == nil {
				_, _ = client.Write(text)
			}
			return
		}
		database, err := net.Dial("tcp", behind)
		if err != nil {
			return
		}
		defer func() { _ = database.Close() }()
		if _, err := database.Write(start); err != nil {
			return
		}
		go func() {
			_, _ = io.Copy(database, client)
			_ = database.Close()
		}()
		_, _ = io.Copy(client, database)
	}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(client)
		}
	}()
	at.Host = listener.Addr().String()
	return at.String()
}

// A session is told how to find out that its client is gone, and where a pooler
// does not let it, goes without.
func TestSessionSettings(t *testing.T) {
	at := etltest.Postgres(t)
	var refused atomic.Int32
	for url, want := range map[string]string{at: "60 10 3", pooler(t, at, &refused): ""} {
		p, err := OpenPostgres(t.Context(), url, Options{})
		require.NoError(t, err)
		t.Cleanup(func() { _ = p.Close(t.Context()) })
		for range 2 {
			conn, err := p.dial(t.Context())
			require.NoError(t, err)
			var got string
			require.NoError(t, conn.QueryRow(t.Context(), `SELECT concat_ws(' ', current_setting('tcp_keepalives_idle'),
				current_setting('tcp_keepalives_interval'), current_setting('tcp_keepalives_count'))`).Scan(&got))
			if want == "" {
				require.NotEqual(t, "60 10 3", got)
			} else {
				require.Equal(t, want, got)
			}
			require.NoError(t, conn.Close(t.Context()))
		}
	}
	require.Equal(t, int32(1), refused.Load(), "it is tried once")
}

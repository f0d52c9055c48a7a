package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/etlportal/etlportal/internal/load"
	"github.com/etlportal/etlportal/internal/source"
)

const (
	terminalRefresh = 100 * time.Millisecond
	lineRefresh     = 5 * time.Second
)

// progress shows how far a load is: a bar on a terminal, else a line every few seconds.
type progress struct {
	out      io.Writer
	src      *source.Source
	counts   *load.Progress
	terminal bool
	started  time.Time
	stopping chan struct{}
	done     chan struct{}
	mu       sync.Mutex
	name     string
	// quiet, shown and what is written are the writer's.
	writing      sync.Mutex
	quiet, shown bool
}

func newProgress(out io.Writer, src *source.Source, counts *load.Progress, quiet bool) *progress {
	p := &progress{out: out, src: src, counts: counts, started: time.Now(), name: "connect", quiet: quiet, stopping: make(chan struct{}), done: make(chan struct{})}
	if f, ok := out.(*os.File); ok {
		p.terminal = term.IsTerminal(int(f.Fd()))
	}
	if quiet {
		close(p.done)
		return p
	}
	go p.loop()
	return p
}

func (p *progress) step(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.name = name
}

// waits says why nothing goes on.
func (p *progress) waits(reason string) {
	if p.quiet {
		return
	}
	p.writing.Lock()
	defer p.writing.Unlock()
	p.clear()
	fmt.Fprintln(p.out, "waiting: "+reason)
}

// clear removes the bar of a terminal.
func (p *progress) clear() {
	if p.terminal && p.shown {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}

func (p *progress) loop() {
	defer close(p.done)
	every := lineRefresh
	if p.terminal {
		every = terminalRefresh
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-p.stopping:
			p.clear()
			return
		case <-ticker.C:
			p.show()
		}
	}
}

func (p *progress) show() {
	p.writing.Lock()
	defer p.writing.Unlock()
	p.shown = true
	if p.terminal {
		fmt.Fprint(p.out, "\r\x1b[K"+p.line())
	} else {
		fmt.Fprintln(p.out, p.line())
	}
}

// stop ends the display; nothing is written after it returns.
func (p *progress) stop() {
	close(p.stopping)
	<-p.done
}

// line is the state in one line.
func (p *progress) line() string {
	p.mu.Lock()
	name := p.name
	p.mu.Unlock()
	elapsed := time.Since(p.started)
	read, size, rows := p.src.BytesRead(), p.src.Size(), p.counts.RowsRead.Load()
	var b strings.Builder
	fmt.Fprintf(&b, "%-8s", name)
	if size > 0 {
		share := min(1, float64(read)/float64(size))
		if p.terminal {
			const width = 24
			full := int(share * width)
			fmt.Fprintf(&b, "[%s%s] ", strings.Repeat("=", full), strings.Repeat(" ", width-full))
		}
		fmt.Fprintf(&b, "%3.0f %%  ", share*100)
	}
	fmt.Fprintf(&b, "%s rows  %s  %s/s", thousands(rows), humanBytes(read), humanBytes(int64(float64(read)/elapsed.Seconds())))
	if bad := p.counts.RowsRejected.Load(); bad > 0 {
		fmt.Fprintf(&b, "  %s rejected", thousands(bad))
	}
	if size > 0 && read > 0 && read < size && name == "load" {
		left := time.Duration(float64(elapsed) * float64(size-read) / float64(read))
		fmt.Fprintf(&b, "  %s left", humanDuration(left))
	}
	return b.String()
}

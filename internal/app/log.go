package app

import (
	"context"
	"io"
	"log/slog"
	"regexp"
	"slices"
	"strings"

	"github.com/etlportal/etlportal/internal/portal"
)

// NewLogger writes a JSON object per line. Records get the ids of the request,
// run and chunk that their context is of. Values under names of secrets, and
// the user part of URLs, are blanked.
func NewLogger(w io.Writer, level slog.Leveler) *slog.Logger {
	return slog.New(ids{slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: blank})})
}

type attrsKey struct{}

// withAttrs adds attributes to every record of the context.
func withAttrs(ctx context.Context, attrs ...slog.Attr) context.Context {
	old, _ := ctx.Value(attrsKey{}).([]slog.Attr)
	return context.WithValue(ctx, attrsKey{}, append(slices.Clip(old), attrs...))
}

// ids is a handler that adds what the context knows.
type ids struct{ slog.Handler }

// Handle implements slog.Handler.
func (h ids) Handle(ctx context.Context, r slog.Record) error {
	if attrs, ok := ctx.Value(attrsKey{}).([]slog.Attr); ok {
		r.AddAttrs(attrs...)
	}
	if caller := portal.CallerOf(ctx); caller.RequestID != "" && !has(&r, "request_id") {
		r.AddAttrs(slog.String("request_id", caller.RequestID))
	}
	return h.Handler.Handle(ctx, r)
}

func has(r *slog.Record, key string) (found bool) {
	r.Attrs(func(a slog.Attr) bool {
		found = a.Key == key
		return !found
	})
	return found
}

// WithAttrs implements slog.Handler.
func (h ids) WithAttrs(attrs []slog.Attr) slog.Handler { return ids{h.Handler.WithAttrs(attrs)} }

// WithGroup implements slog.Handler.
func (h ids) WithGroup(name string) slog.Handler { return ids{h.Handler.WithGroup(name)} }

var (
	secretName = regexp.MustCompile(`(?i)passw|secret|token$|authorization|cookie|private.?key|access.?key`)
	userPart   = regexp.MustCompile(`(://)[^/@\s]*:[^/@\s]*@`)
	bearer     = regexp.MustCompile(`etlp_[A-Za-z0-9_-]+`)
	signature  = regexp.MustCompile(`(?i)(X-Amz-(?:Signature|Credential|Security-Token)=)[^&\s"]+`)
)

const blanked = "[hidden]"

func blank(_ []string, a slog.Attr) slog.Attr {
	if secretName.MatchString(a.Key) {
		return slog.String(a.Key, blanked)
	}
	switch a.Value.Kind() {
	case slog.KindString:
		return slog.String(a.Key, hide(a.Value.String()))
	case slog.KindAny:
		if err, ok := a.Value.Any().(error); ok {
			return slog.String(a.Key, hide(err.Error()))
		}
	default:
	}
	return a
}

// hide blanks what looks like a secret inside a text.
func hide(s string) string {
	if strings.Contains(s, "@") {
		s = userPart.ReplaceAllString(s, "${1}"+blanked+"@")
	}
	if strings.Contains(s, "etlp_") {
		s = bearer.ReplaceAllString(s, blanked)
	}
	if strings.Contains(s, "X-Amz-") || strings.Contains(s, "x-amz-") {
		s = signature.ReplaceAllString(s, "${1}"+blanked)
	}
	return s
}

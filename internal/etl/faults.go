package etl

import "context"

type faultKey struct{}

// WithFaults returns a context in which f is asked at every named step that can
// be the last one of a process; its error ends the work there as a crash would.
// Tests of recovery use it.
func WithFaults(ctx context.Context, f func(step string) error) context.Context {
	return context.WithValue(ctx, faultKey{}, f)
}

// Reached says that a step is reached. It is nil outside WithFaults.
func Reached(ctx context.Context, step string) error {
	if f, ok := ctx.Value(faultKey{}).(func(string) error); ok {
		return f(step)
	}
	return nil
}

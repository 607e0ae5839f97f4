package store

import (
	"errors"
	"fmt"
	"log/slog"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// etcdLogger passes etcd's warnings on. What etcd would panic or exit for ends the Store, with the
// reason, and makes the goroutine that found it stand still: nothing is half-written by cleaning up.
func (s *Store) etcdLogger(dir string) *zap.Logger {
	last := standStill(func(reason error) {
		s.end(fmt.Errorf("etcd cannot go on with %s: %w", dir, reason))
	})
	return zap.New(&core{log: s.log}, zap.WithPanicHook(last), zap.WithFatalHook(last))
}

// standStill is the hook that zap calls after a last message.
type standStill func(reason error)

func (end standStill) OnWrite(e *zapcore.CheckedEntry, fields []zapcore.Field) {
	reason := errors.New(e.Message)
	for _, f := range fields {
		if err, ok := f.Interface.(error); ok && f.Type == zapcore.ErrorType {
			reason = fmt.Errorf("%s: %w", e.Message, err)
		}
	}
	end(reason)
	select {}
}

// harmless are the warnings of every start.
var harmless = map[string]bool{
	"Running http and grpc server on single port. This is not recommended for production.": true,
	"simple token is not cryptographically signed":                                         true,
	"check file permission":            true, // of the directory; what etcd puts into it is private
	"Failed to detect schema version":  true, // etcd's own, before its first write
	"failed to update storage version": true,
	// Thousands of times within milliseconds, until the log's end is applied. Open waits for its success.
	"failed to publish local member to cluster through raft": true,
}

// core is a zapcore.Core that writes to slog what is worth an operator's time.
type core struct {
	log    *slog.Logger
	fields []zapcore.Field
}

func (c *core) Enabled(l zapcore.Level) bool { return l >= zapcore.WarnLevel }

func (c *core) With(fields []zapcore.Field) zapcore.Core {
	return &core{c.log, append(c.fields[:len(c.fields):len(c.fields)], fields...)}
}

func (c *core) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) && !harmless[e.Message] {
		return ce.AddCore(e, c)
	}
	return ce
}

func (c *core) Write(e zapcore.Entry, fields []zapcore.Field) error {
	if e.Level > zapcore.ErrorLevel {
		return nil // standStill reports it
	}
	enc := zapcore.NewMapObjectEncoder()
	for _, f := range append(c.fields[:len(c.fields):len(c.fields)], fields...) {
		f.AddTo(enc)
	}
	attrs := []any{"message", e.Message}
	for k, v := range enc.Fields {
		attrs = append(attrs, k, v)
	}
	c.log.Warn("etcd", attrs...)
	return nil
}

func (c *core) Sync() error { return nil }

package hostapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"connectrpc.com/connect"

	"crenel/hostapi/hostpb"
)

// A Client is the host's end of the conversation.
type Client struct{ rpc hostpb.HostClient }

// NewClient returns the client of the controller that listens on the unix socket.
func NewClient(socket string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}
	web := &http.Client{Transport: &http.Transport{DialContext: dial, Protocols: http2only()}}
	return &Client{hostpb.NewHostClient(web, "http://controller", connect.WithReadMaxBytes(maxMessage))}
}

// http2only is HTTP/2 without TLS: a stream goes both ways at once.
func http2only() *http.Protocols {
	var p http.Protocols
	p.SetUnencryptedHTTP2(true)
	return &p
}

// Sync is one stream: it sends what comes from reports, the first of them whole, and calls desired with
// what the controller wants, one call at a time, skipping what is overtaken meanwhile. It returns when
// the stream breaks, with the reason; when ctx ends; when desired fails, with its error; or nil when
// reports is closed. Only the first of these needs another Sync, with a whole report again.
func (c *Client) Sync(ctx context.Context, reports <-chan Report, desired func(Desired) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stream := c.rpc.Sync(ctx)
	newest := make(chan *hostpb.Desired, 1)
	ended := make(chan struct{}, 2)
	go func() {
		defer func() { ended <- struct{}{} }()
		if err := sendReports(ctx, stream, reports); err != nil {
			cancel(err)
		}
	}()
	go func() {
		defer func() { ended <- struct{}{} }()
		cancel(receiveDesired(stream, newest))
	}()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case p := <-newest:
			d, err := decodeDesired(p)
			if err == nil {
				err = desired(d)
			}
			if err != nil {
				cancel(err)
			}
		}
	}
	// net/http does not look at ctx while it waits for the next report: only closing ends a Receive.
	// What the stream still holds is of no use to anybody.
	_ = stream.CloseRequest()
	_ = stream.CloseResponse()
	<-ended
	<-ended
	if err := context.Cause(ctx); !errors.Is(err, errClosed) {
		return err
	}
	return nil
}

// errClosed is why a stream ends that its own host has closed.
var errClosed = errors.New("reports is closed")

type clientStream = connect.BidiStreamForClient[hostpb.Report, hostpb.Desired]

// sendReports returns nil where the stream broke: what is received then says why.
func sendReports(ctx context.Context, s *clientStream, reports <-chan Report) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case r, ok := <-reports:
			if !ok {
				_ = s.CloseRequest() // fails where the stream broke: then it is over all the same
				return errClosed
			}
			for _, part := range r.parts() {
				if err := s.Send(part.encode()); errors.Is(err, io.EOF) {
					return nil
				} else if err != nil {
					return fmt.Errorf("report to the controller: %w", err)
				}
			}
		}
	}
}

// parts is the report in pieces that fit in a message.
func (r Report) parts() (parts []Report) {
	const consoles = 64
	for {
		part := r
		part.Consoles = r.Consoles[:min(consoles, len(r.Consoles))]
		parts = append(parts, part)
		if r.Consoles = r.Consoles[len(part.Consoles):]; len(r.Consoles) == 0 {
			return parts
		}
		r.Instances, r.Counters = nil, nil
	}
}

// receiveDesired keeps only the newest message in the channel.
func receiveDesired(s *clientStream, newest chan *hostpb.Desired) error {
	for {
		p, err := s.Receive()
		if errors.Is(err, io.EOF) {
			return errors.New("the controller ended the stream")
		} else if err != nil {
			return fmt.Errorf("hear from the controller: %w", err)
		}
		select {
		case <-newest:
		default:
		}
		newest <- p
	}
}

package conformance

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
)

// A key is a credentials provider of the SDK.
type key struct{ id, secret, token string }

func (k key) Retrieve(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: k.id, SecretAccessKey: k.secret, SessionToken: k.token}, nil
}

// client is the SDK's, against a server of handler.
func client(t *testing.T, handler http.Handler) *sdk.Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return sdk.New(sdk.Options{
		Region:           "eu-west-1",
		Credentials:      key{id: "AK", secret: "SK"},
		BaseEndpoint:     aws.String(server.URL),
		RetryMaxAttempts: 1,
		HTTPClient:       patient{},
	})
}

// A patient client hands out a response only when its request is written to the
// end. The SDK (smithy-go v1.28) closes a request's body as soon as the response
// begins; net/http, if it has yet to see that the body ended, takes this for a
// failure and cuts the response. A server in the same process is fast enough.
type patient struct{}

func (patient) Do(r *http.Request) (*http.Response, error) {
	var once sync.Once
	written := make(chan struct{})
	trace := &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { once.Do(func() { close(written) }) }}
	response, err := http.DefaultClient.Do(r.WithContext(httptrace.WithClientTrace(r.Context(), trace)))
	if err == nil {
		<-written
	}
	return response, err
}

package conformance

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"crenel/ec2"
	"crenel/sigv4"
)

// A verifier checks the signature of each request, at a time that is late.
type verifier struct {
	late time.Duration
	cred sigv4.Credential
	err  error
}

func (v *verifier) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	v.cred, v.err = sigv4.Verify(r, body, time.Now().Add(v.late), func(keyID string) (string, error) {
		if keyID != "AK" {
			return "", sigv4.ErrUnknownKey
		}
		return "SK", nil
	})
	ec2.Encode(w, "DescribeVpcs", "request-1", &ec2.DescribeVpcsOutput{})
}

// An altering transport changes a byte of each request after it is signed.
type altering struct{}

func (altering) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(bytes.Replace(body, []byte("vpc-1"), []byte("vpc-2"), 1)))
	return patient{}.Do(r)
}

func TestTheSDKsSignaturesAreVerified(t *testing.T) {
	good := key{id: "AK", secret: "SK"}
	for _, tt := range []struct {
		name string
		key  key
		late time.Duration
		http sdk.HTTPClient
		want error
	}{
		{"good", good, 0, nil, nil},
		{"good, ten minutes late", good, 10 * time.Minute, nil, nil},
		{"an hour late", good, time.Hour, nil, sigv4.ErrExpired},
		{"an hour early", good, -time.Hour, nil, sigv4.ErrExpired},
		{"altered body", good, 0, altering{}, sigv4.ErrMismatch},
		{"wrong secret", key{id: "AK", secret: "other"}, 0, nil, sigv4.ErrMismatch},
		{"unknown key", key{id: "other", secret: "SK"}, 0, nil, sigv4.ErrUnknownKey},
		{"temporary credentials", key{id: "AK", secret: "SK", token: "t"}, 0, nil, sigv4.ErrUnknownKey},
	} {
		v := &verifier{late: tt.late}
		_, err := client(t, v).DescribeVpcs(context.Background(), &sdk.DescribeVpcsInput{VpcIds: []string{"vpc-1"}}, func(o *sdk.Options) {
			o.Credentials = tt.key
			if tt.http != nil {
				o.HTTPClient = tt.http
			}
		})
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if !errors.Is(v.err, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, v.err, tt.want)
		}
		if want := (sigv4.Credential{KeyID: tt.key.id, Region: "eu-west-1", Service: "ec2"}); v.cred != want {
			t.Errorf("%s: got %v, want %v", tt.name, v.cred, want)
		}
	}
}

func TestTheSDKReadsErrors(t *testing.T) {
	for _, e := range []*ec2.Error{
		ec2.Errorf("InvalidGroup.NotFound", "The security group 'sg-0' does not exist"),
		ec2.Errorf("AuthFailure", "AWS was not able to validate the provided access credentials"),
		ec2.Errorf("DryRunOperation", "Request would have succeeded, but DryRun flag is set."),
		ec2.Errorf("RequestLimitExceeded", "Request limit exceeded."),
		ec2.Errorf("InvalidParameterValue", "Value (<&>) for parameter P is invalid. é"),
	} {
		_, err := client(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(e.Status)
			ec2.EncodeError(w, "request-1", e)
		})).DescribeVpcs(context.Background(), nil)
		sameError(t, err, e)
	}
}

// sameError checks that the SDK read what was sent.
func sameError(t *testing.T, got error, sent *ec2.Error) {
	t.Helper()
	var api smithy.APIError
	var response *awshttp.ResponseError
	if !errors.As(got, &api) || !errors.As(got, &response) {
		t.Errorf("%v: the SDK read %v", sent, got)
		return
	}
	if api.ErrorCode() != sent.Code || api.ErrorMessage() != sent.Message {
		t.Errorf("%v: the SDK read %s: %s", sent, api.ErrorCode(), api.ErrorMessage())
	}
	if response.HTTPStatusCode() != sent.Status || response.ServiceRequestID() != "request-1" {
		t.Errorf("%v: the SDK read status %d of request %q", sent, response.HTTPStatusCode(), response.ServiceRequestID())
	}
}

func TestTheSDKReadsSTS(t *testing.T) {
	var answer func(w http.ResponseWriter)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w) }))
	defer server.Close()
	c := sts.New(sts.Options{
		Region: "eu-west-1", Credentials: key{id: "AK", secret: "SK"}, BaseEndpoint: aws.String(server.URL), RetryMaxAttempts: 1, HTTPClient: patient{},
	})

	want := ec2.CallerIdentity{Arn: "arn:aws:iam::123456789012:root", UserId: "123456789012", Account: "123456789012"}
	answer = func(w http.ResponseWriter) { ec2.EncodeSTSCallerIdentity(w, "request-1", want) }
	out, err := c.GetCallerIdentity(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := (ec2.CallerIdentity{Arn: *out.Arn, UserId: *out.UserId, Account: *out.Account}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}

	e := ec2.Errorf("InvalidClientTokenId", "The security token included in the request is invalid.")
	answer = func(w http.ResponseWriter) {
		w.WriteHeader(e.Status)
		ec2.EncodeSTSError(w, "request-1", e)
	}
	_, err = c.GetCallerIdentity(context.Background(), nil)
	sameError(t, err, e)
}

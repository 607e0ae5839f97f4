package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go/aws-http-auth/credentials"
	"github.com/aws/smithy-go/aws-http-auth/sigv4"
)

// AWS's published test suite for Signature Version 4: its key, time and
// signatures, and two more headers for clients that are less tidy.
const (
	suiteKey    = "AKIDEXAMPLE"
	suiteSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	suiteDate   = "20150830T123600Z"
)

var suiteTime = time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)

func suite(headers, signature string) string {
	return "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=" + headers + ", Signature=" + signature
}

func suiteSecretOf(keyID string) (string, error) {
	if keyID != suiteKey {
		return "", ErrUnknownKey
	}
	return suiteSecret, nil
}

// request is one for host example.amazonaws.com.
func request(method, target string, header http.Header) *http.Request {
	u, err := url.Parse(target)
	if err != nil {
		panic(err)
	}
	return &http.Request{Method: method, URL: u, Host: "example.amazonaws.com", Header: header}
}

func TestVerifyTakesThePublishedSignatures(t *testing.T) {
	for _, tt := range []struct {
		name, method, target, body string
		header                     http.Header
	}{
		{"get-vanilla", "GET", "/", "", http.Header{"X-Amz-Date": {suiteDate},
			"Authorization": {suite("host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31")}}},
		{"get-vanilla, without spaces after the commas", "GET", "/", "", http.Header{"X-Amz-Date": {suiteDate},
			"Authorization": {strings.ReplaceAll(suite("host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"), ", ", ",")}}},
		{"get-vanilla-query-order-key-case", "GET", "/?Param2=value2&Param1=value1", "", http.Header{"X-Amz-Date": {suiteDate},
			"Authorization": {suite("host;x-amz-date", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500")}}},
		{"get-header-value-trim", "GET", "/", "", http.Header{"X-Amz-Date": {suiteDate}, "My-Header1": {" value1"}, "My-Header2": {` "a   b   c"`},
			"Authorization": {suite("host;my-header1;my-header2;x-amz-date", "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736")}}},
		{"get-header-value-order", "GET", "/", "", http.Header{"X-Amz-Date": {suiteDate}, "My-Header1": {"value4", "value1", "value3", "value2"},
			"Authorization": {suite("host;my-header1;x-amz-date", "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01")}}},
		{"post-x-www-form-urlencoded", "POST", "/", "Param1=value1", http.Header{"X-Amz-Date": {suiteDate}, "Content-Type": {"application/x-www-form-urlencoded"},
			"Authorization": {suite("content-type;host;x-amz-date", "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a")}}},
	} {
		cred, err := Verify(request(tt.method, tt.target, tt.header), []byte(tt.body), suiteTime, suiteSecretOf)
		if want := (Credential{suiteKey, "us-east-1", "service"}); err != nil || cred != want {
			t.Errorf("%s: got %v, %v, want %v", tt.name, cred, err, want)
		}
	}
}

// signed is a request with body, signed by the key at suiteTime.
func signed(t *testing.T, keyID, body string, header http.Header) *http.Request {
	t.Helper()
	r := request("POST", "/", header)
	hash := sha256.Sum256([]byte(body))
	err := sigv4.New().SignRequest(&sigv4.SignRequestInput{
		Request:     r,
		PayloadHash: hash[:],
		Credentials: credentials.Credentials{AccessKeyID: keyID, SecretAccessKey: suiteSecret},
		Service:     "ec2",
		Region:      "eu-west-1",
		Time:        suiteTime,
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestVerify(t *testing.T) {
	const body = "Action=DescribeVpcs&Version=2016-11-15"
	hash := sha256.Sum256([]byte(body))
	other := sha256.Sum256(nil)
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	replace := func(old, new string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, new, 1))
		}
	}
	nothing := func(*http.Request) {}
	for _, tt := range []struct {
		name   string
		header http.Header
		change func(*http.Request) // after signing
		body   string
		now    time.Time
		want   error
	}{
		{"as signed", http.Header{}, nothing, body, suiteTime, nil},
		{"15 minutes late", http.Header{}, nothing, body, suiteTime.Add(15 * time.Minute), nil},
		{"15 minutes early", http.Header{}, nothing, body, suiteTime.Add(-15 * time.Minute), nil},
		{"later", http.Header{}, nothing, body, suiteTime.Add(15*time.Minute + time.Second), ErrExpired},
		{"earlier", http.Header{}, nothing, body, suiteTime.Add(-15*time.Minute - time.Second), ErrExpired},
		{"the body's hash signed too", http.Header{"X-Amz-Content-Sha256": {hex.EncodeToString(hash[:])}}, nothing, body, suiteTime, nil},
		{"another hash signed", http.Header{"X-Amz-Content-Sha256": {hex.EncodeToString(other[:])}}, nothing, body, suiteTime, ErrMismatch},
		{"no hash signed", http.Header{"X-Amz-Content-Sha256": {"UNSIGNED-PAYLOAD"}}, nothing, body, suiteTime, ErrMismatch},
		{"a header that is not signed", http.Header{}, set("Content-Type", "text/plain"), body, suiteTime, nil},

		{"another body", http.Header{}, nothing, body + "&", suiteTime, ErrMismatch},
		{"another signature", http.Header{}, replace("Signature=", "Signature=0"), body, suiteTime, ErrMalformed},
		{"another Region", http.Header{}, replace("eu-west-1", "eu-west-2"), body, suiteTime, ErrMismatch},
		{"another service", http.Header{}, replace("/ec2/", "/sts/"), body, suiteTime, ErrMismatch},
		{"another key", http.Header{}, replace(suiteKey, "AKIDOTHER"), body, suiteTime, ErrUnknownKey},
		{"another host", http.Header{}, func(r *http.Request) { r.Host = "localhost" }, body, suiteTime, ErrMismatch},
		{"another method", http.Header{}, func(r *http.Request) { r.Method = "GET" }, body, suiteTime, ErrMismatch},
		{"another query", http.Header{}, func(r *http.Request) { r.URL.RawQuery = "Action=DeleteVpc" }, body, suiteTime, ErrMismatch},
		{"another time", http.Header{}, set("X-Amz-Date", "20150830T123601Z"), body, suiteTime, ErrMismatch},
		{"a signed header changed", http.Header{"X-Amz-Target": {"a"}}, set("X-Amz-Target", "b"), body, suiteTime, ErrMismatch},
		{"a signed header gone", http.Header{"X-Amz-Target": {"a"}}, func(r *http.Request) { r.Header.Del("X-Amz-Target") }, body, suiteTime, ErrMismatch},
		{"a signed header twice", http.Header{"X-Amz-Target": {"a"}}, func(r *http.Request) { r.Header.Add("X-Amz-Target", "a") }, body, suiteTime, ErrMismatch},
		{"temporary credentials", http.Header{"X-Amz-Security-Token": {"t"}}, nothing, body, suiteTime, ErrUnknownKey},

		{"no signature", http.Header{}, func(r *http.Request) { r.Header.Del("Authorization") }, body, suiteTime, ErrMissing},
		{"a presigned URL", http.Header{}, func(r *http.Request) {
			r.Header.Del("Authorization")
			r.URL.RawQuery = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0"
		}, body, suiteTime, ErrMalformed},
		{"two signatures", http.Header{}, func(r *http.Request) { r.Header.Add("Authorization", r.Header.Get("Authorization")) }, body, suiteTime, ErrMalformed},
		{"no time", http.Header{}, func(r *http.Request) { r.Header.Del("X-Amz-Date") }, body, suiteTime, ErrMalformed},
		{"a time of another form", http.Header{}, set("X-Amz-Date", "2015-08-30T12:36:00Z"), body, suiteTime, ErrMalformed},
		{"a scope of another day", http.Header{}, replace("/20150830/", "/20150831/"), body, suiteTime, ErrMalformed},
	} {
		r := signed(t, suiteKey, body, tt.header)
		tt.change(r)
		if _, err := Verify(r, []byte(tt.body), tt.now, suiteSecretOf); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
		}
		if _, err := VerifyHead(r, tt.now, suiteSecretOf); err == nil && tt.name != "the body's hash signed too" {
			t.Errorf("%s: taken without its body", tt.name)
		}
	}
}

func TestVerifyTakesADateHeader(t *testing.T) {
	const name = "date;host"
	for _, date := range []string{"Sun, 30 Aug 2015 12:36:00 GMT", suiteDate} {
		r := request("POST", "/", http.Header{"Date": {date}})
		auth := authorization{Credential: Credential{suiteKey, "us-east-1", "ec2"}, headers: strings.Split(name, ";")}
		hash := sha256.Sum256(nil)
		signature, err := sign(r, auth, suiteTime, hash[:], suiteSecret)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", strings.Replace(suite(name, signature), "/service/", "/ec2/", 1))
		if _, err := Verify(r, nil, suiteTime, suiteSecretOf); err != nil {
			t.Errorf("%s: %v", date, err)
		}
	}
}

func TestVerifyReturnsTheErrorOfSecret(t *testing.T) {
	broken := errors.New("the store is gone")
	cred, err := Verify(signed(t, suiteKey, "", http.Header{}), nil, suiteTime, func(string) (string, error) { return suiteSecret, broken })
	if err != broken || cred.KeyID != suiteKey {
		t.Errorf("got %v, %v, want %s, %v", cred, err, suiteKey, broken)
	}
}

func TestAKeyThatDoesNotExistHasNoSecret(t *testing.T) {
	r := signed(t, "AKIDOTHER", "", http.Header{})
	auth, err := parseAuthorization(r.Header.Get("Authorization"))
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256(nil)
	signature, err := sign(r, auth, suiteTime, hash[:], noSecret)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), auth.signature, signature, 1))
	if _, err := Verify(r, nil, suiteTime, suiteSecretOf); err != ErrUnknownKey {
		t.Errorf("signed with the stand-in for a missing secret: got %v, want %v", err, ErrUnknownKey)
	}
}

func TestParseAuthorizationSaysWhatIsWrong(t *testing.T) {
	const signature = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
	const credential = "Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request"
	for _, tt := range []struct{ header, want string }{
		{"Basic dXNlcjpwYXNz", "does not begin with AWS4-HMAC-SHA256"},
		{"AWS4-HMAC-SHA256", "does not begin with AWS4-HMAC-SHA256"},
		{"AWS4-HMAC-SHA256 ", "needs Credential, SignedHeaders and Signature"},
		{"AWS4-HMAC-SHA256 " + credential + ", " + credential + ", SignedHeaders=host, Signature=" + signature, "each once"},
		{"AWS4-HMAC-SHA256 SignedHeaders=host, Signature=" + signature, "Credential is not of the form"},
		{"AWS4-HMAC-SHA256 " + credential + "/x, SignedHeaders=host, Signature=" + signature, "Credential is not of the form"},
		{"AWS4-HMAC-SHA256 Credential=A\nB/20150830/us-east-1/service/aws4_request, SignedHeaders=host, Signature=" + signature, "Credential is not of the form"},
		{"AWS4-HMAC-SHA256 Credential=/20150830/us-east-1/service/aws4_request, SignedHeaders=host, Signature=" + signature, "Credential is not of the form"},
		{"AWS4-HMAC-SHA256 Credential=" + strings.Repeat("A", maxScopePart+1) + "/20150830/us-east-1/service/aws4_request, SignedHeaders=host, Signature=" + signature, "Credential is not of the form"},
		{"AWS4-HMAC-SHA256 " + credential + ", Signature=" + signature, "SignedHeaders is not a list"},
		{"AWS4-HMAC-SHA256 " + credential + ", SignedHeaders=x-amz-date, Signature=" + signature, "SignedHeaders is not a list"},
		{"AWS4-HMAC-SHA256 " + credential + ", SignedHeaders=Host, Signature=" + signature, "SignedHeaders is not a list"},
		{"AWS4-HMAC-SHA256 " + credential + ", SignedHeaders=host" + strings.Repeat(";a", maxHeaders) + ", Signature=" + signature, "SignedHeaders is not a list"},
		{"AWS4-HMAC-SHA256 " + credential + ", SignedHeaders=host", "Signature is not of 64"},
		{"AWS4-HMAC-SHA256 " + credential + ", SignedHeaders=host, Signature=" + strings.ToUpper(signature), "Signature is not of 64"},
		{suite("host", signature) + strings.Repeat(" ", maxAuthorization), "too long"},
	} {
		_, err := parseAuthorization(tt.header)
		if !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.120q: got %v, want … %s …", tt.header, err, tt.want)
		}
	}
}

// FuzzParseAuthorization holds that a header is refused as malformed, or that all
// of it was understood: printed again, it parses to the same.
func FuzzParseAuthorization(f *testing.F) {
	const signature = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
	f.Add(suite("host;x-amz-date", signature))
	f.Add("AWS4-HMAC-SHA256 Signature=" + signature + ",SignedHeaders=host,Credential=A/20150830/us-east-1/ec2/aws4_request")
	f.Add("AWS4-HMAC-SHA256 Credential=////aws4_request, SignedHeaders=;host;, Signature=")
	f.Add("AWS4-HMAC-SHA256 =,==,,")
	f.Add("AWS4-ECDSA-P256-SHA256 Credential=A/20150830/s3/aws4_request, SignedHeaders=host, Signature=30")
	f.Add("Basic dXNlcjpwYXNz")
	f.Add("")
	f.Fuzz(func(t *testing.T, header string) {
		a, err := parseAuthorization(header)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("%q: got %v, want %v", header, err, ErrMalformed)
			}
			return
		}
		printed := fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/%s/%s/%s/aws4_request, SignedHeaders=%s, Signature=%s",
			a.KeyID, a.date, a.Region, a.Service, strings.Join(a.headers, ";"), a.signature)
		again, err := parseAuthorization(printed)
		if err != nil || fmt.Sprint(again) != fmt.Sprint(a) {
			t.Fatalf("%q: printed as %q: got %v, %v, want %v", header, printed, again, err, a)
		}
		r := request("POST", "/", http.Header{"Authorization": {header}, "X-Amz-Date": {suiteDate}})
		if _, err := Verify(r, nil, suiteTime, suiteSecretOf); err == nil && a.KeyID != suiteKey {
			t.Fatalf("%q: a key that does not exist was taken", header)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	r := request("GET", "/", http.Header{"X-Amz-Date": {suiteDate},
		"Authorization": {suite("host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31")}})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Verify(r, nil, suiteTime, suiteSecretOf); err != nil {
			b.Fatal(err)
		}
	}
}

func TestVerifyHead(t *testing.T) {
	const body = "Action=DescribeVpcs&Version=2016-11-15"
	hash := sha256.Sum256([]byte(body))
	said := hex.EncodeToString(hash[:])
	for _, tt := range []struct {
		name   string
		header http.Header
		change func(*http.Request) // after signing
		want   error
	}{
		{"as signed", http.Header{hashHeader: {said}}, func(*http.Request) {}, nil},
		{"another hash", http.Header{hashHeader: {said}}, func(r *http.Request) { r.Header.Set(hashHeader, strings.Repeat("0", 64)) }, ErrMismatch},
		{"no hash", http.Header{}, func(*http.Request) {}, ErrMalformed},
		{"a hash that is not signed", http.Header{}, func(r *http.Request) { r.Header.Set(hashHeader, said) }, ErrMalformed},
		{"half a hash", http.Header{hashHeader: {said[:32]}}, func(*http.Request) {}, ErrMalformed},
		{"no hash said", http.Header{hashHeader: {"UNSIGNED-PAYLOAD"}}, func(*http.Request) {}, ErrMalformed},
		{"another Region", http.Header{hashHeader: {said}}, func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "eu-west-1", "eu-west-2", 1))
		}, ErrMismatch},
		{"no signature", http.Header{hashHeader: {said}}, func(r *http.Request) { r.Header.Del("Authorization") }, ErrMissing},
	} {
		r := signed(t, suiteKey, body, tt.header)
		tt.change(r)
		credential, err := VerifyHead(r, suiteTime, suiteSecretOf)
		if !errors.Is(err, tt.want) || err == nil && credential.KeyID != suiteKey {
			t.Errorf("%s: got %+v, %v, want %v", tt.name, credential, err, tt.want)
		}
	}
}

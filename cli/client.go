package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/aws/smithy-go/aws-http-auth/credentials"
	"github.com/aws/smithy-go/aws-http-auth/sigv4"
	v4 "github.com/aws/smithy-go/aws-http-auth/v4"

	"crenel/admin"
	"crenel/auth"
	"crenel/vpc"
)

// remote is the flags of commands that ask a running server.
type remote struct {
	dataDir
	Endpoint string `help:"Ask the server at this URL, with the root key in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and not the one of the data directory." env:"CRENEL_ENDPOINT" placeholder:"URL"`
}

// printing is remote of commands that print an answer.
type printing struct {
	remote
	JSON bool `help:"Print JSON, for scripts." name:"json"`
}

// A client asks one server, as its account's root user.
type client struct {
	settings
	key vpc.AccessKey
}

// client finds the server: the one that is named, that of the data directory, or, where none is named and
// this user may not read the usual one or there is none, the one that crenel env told the shell of.
func (r remote) client() (c client, err error) {
	fromEnv := client{settings{Endpoint: os.Getenv("AWS_ENDPOINT_URL"), Region: os.Getenv("AWS_REGION")},
		vpc.AccessKey{ID: os.Getenv("AWS_ACCESS_KEY_ID"), Secret: os.Getenv("AWS_SECRET_ACCESS_KEY")}}
	hasKey := fromEnv.key.ID != "" && fromEnv.key.Secret != ""
	if r.Endpoint != "" {
		if !hasKey {
			return c, errors.New("--endpoint needs the root key of that server in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
		}
		fromEnv.Endpoint = r.Endpoint
		return fromEnv, nil
	}
	dir, err := r.dir()
	if err != nil {
		return c, err
	}
	if c.settings, err = readSettings(dir); err == nil {
		c.key, err = auth.ReadRoot(dir)
	}
	if err != nil && hasKey && fromEnv.Endpoint != "" && r.DataDir == usualDataDir {
		return fromEnv, nil
	}
	if errors.Is(err, os.ErrPermission) {
		return c, fmt.Errorf("%w: run this as root, or with --endpoint and a root key in the environment", err)
	}
	return c, err
}

// requestTimeout is long enough for an import; a server that is there answers all else at once.
const requestTimeout = 10 * time.Minute

// ask has the server carry out the operation that has the input.
func ask[Out, In any](c client, in In) (out Out, err error) {
	body, err := json.Marshal(in)
	if err != nil {
		return out, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(c.Endpoint, "/")+"/crenel/v1/"+admin.NameOf[In](), bytes.NewReader(body))
	if err != nil {
		return out, fmt.Errorf("%q is no URL of a server: %w", c.Endpoint, err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	hash := sha256.Sum256(body)
	err = sigv4.New().SignRequest(&sigv4.SignRequestInput{Request: req, PayloadHash: hash[:], Service: "crenel", Region: "us-east-1", Time: time.Now(),
		Credentials: credentials.Credentials{AccessKeyID: c.key.ID, SecretAccessKey: c.key.Secret}},
		func(o *v4.SignerOptions) { o.AddPayloadHashHeader = true }) // a large import is read only where the head says what its body is
	if err != nil {
		return out, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return out, fmt.Errorf("no server answers at %s: %w", c.Endpoint, rootCause(err))
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return out, fmt.Errorf("the server's answer broke off: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		var e struct{ Message string }
		if json.Unmarshal(answer, &e) != nil || e.Message == "" {
			return out, fmt.Errorf("%s answers %s: it seems to be no crenel", c.Endpoint, res.Status)
		}
		return out, errors.New(e.Message)
	}
	if err := json.Unmarshal(answer, &out); err != nil {
		return out, fmt.Errorf("the server's answer is not understood: %w", err)
	}
	return out, nil
}

// rootCause is what an error says at last: "connection refused".
func rootCause(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// print prints the value as JSON where the user wants that, or else what text writes as aligned columns.
func (r printing) print(w io.Writer, v any, text func(w io.Writer)) error {
	if r.JSON {
		j := json.NewEncoder(w)
		j.SetIndent("", "  ")
		return j.Encode(v)
	}
	columns := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	text(columns)
	return columns.Flush()
}

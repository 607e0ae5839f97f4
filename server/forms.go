package server

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"crenel/auth"
	"crenel/ec2"
	"crenel/sigv4"
)

// A form is how a service writes its answers.
type form struct {
	contentType string
	encodeError func(w io.Writer, requestID string, e *ec2.Error) error
	// The codes of what went wrong before the service was reached.
	noSignature, badSignature, noKey, mismatch, expired, denied string
}

var (
	ec2XML = form{contentType: "text/xml;charset=UTF-8", encodeError: ec2.EncodeError,
		noSignature: "MissingAuthenticationToken", badSignature: "IncompleteSignature",
		noKey: "AuthFailure", mismatch: "AuthFailure", expired: "RequestExpired", denied: "UnauthorizedOperation"}
	queryXML = form{contentType: "text/xml;charset=UTF-8", encodeError: ec2.EncodeSTSError,
		noSignature: "MissingAuthenticationToken", badSignature: "IncompleteSignature",
		noKey: "InvalidClientTokenId", mismatch: "SignatureDoesNotMatch", expired: "SignatureDoesNotMatch", denied: "AccessDenied"}
	awsJSON = form{contentType: "application/x-amz-json-1.1", encodeError: encodeJSONError,
		noSignature: "MissingAuthenticationTokenException", badSignature: "IncompleteSignatureException",
		noKey: "UnrecognizedClientException", mismatch: "InvalidSignatureException", expired: "InvalidSignatureException", denied: "AccessDeniedException"}
)

// formOf is the form in which the client of a service expects its answer. Of services that are not here, it
// is guessed from the request.
func formOf(service string, r *http.Request) form {
	switch {
	case service == "ec2" || service == "":
		return ec2XML
	case service == "servicequotas", service == "crenel", r.Header.Get("X-Amz-Target") != "":
		return awsJSON
	}
	return queryXML
}

// badSignature is what each service says of a request that it cannot authenticate.
func badSignature(c *call, err error) error {
	switch {
	case errors.Is(err, sigv4.ErrMissing):
		return ec2.Errorf(c.form.noSignature, "Request is missing Authentication Token")
	case errors.Is(err, sigv4.ErrMalformed):
		return ec2.Errorf(c.form.badSignature, "The request signature does not conform to AWS standards: %s", err)
	case errors.Is(err, sigv4.ErrUnknownKey) && c.service != "ec2":
		return ec2.Errorf(c.form.noKey, "The security token included in the request is invalid.")
	case errors.Is(err, sigv4.ErrExpired) && c.service != "ec2":
		return ec2.Errorf(c.form.expired, "Signature expired or not yet current: the client's clock and the server's differ by more than 15 minutes.")
	case errors.Is(err, sigv4.ErrExpired):
		return ec2.Errorf(c.form.expired, "Request has expired.")
	case errors.Is(err, sigv4.ErrUnknownKey), errors.Is(err, sigv4.ErrMismatch):
		return c.badScope("AWS was not able to validate the provided access credentials")
	}
	return err
}

// badScope says in the service's code that a signature does not fit.
func (c *call) badScope(format string, args ...any) error {
	return ec2.Errorf(c.form.mismatch, format, args...)
}

// denied says in the service's code that the caller may not do this.
func (c *call) denied(format string, args ...any) error {
	return ec2.Errorf(c.form.denied, format, args...)
}

// unauthorized is AWS's answer to what a policy does not allow. EC2 seals the details for those who may read
// them; of calls that have no resource there is no more to say.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
func (s *Server) unauthorized(c *call, d *auth.Denied) *ec2.Error {
	switch {
	case c.service != "ec2":
		return ec2.Errorf(c.form.denied, "%s", d)
	case d.Request.Resource == "*":
		return ec2.Errorf(c.form.denied, "You are not authorized to perform this operation. %s", d)
	}
	return ec2.Errorf(c.form.denied, "You are not authorized to perform this operation. %s. Encoded authorization failure message: %s", d, d.Message(s.Root.Secret))
}

// wrong is an error in JSON.
type wrong struct {
	Type    string `json:"__type"`
	Message string `json:"message"`
}

func encodeJSONError(w io.Writer, _ string, e *ec2.Error) error {
	return writeJSON(w, wrong{e.Code, e.Message})
}

func writeJSON(w io.Writer, v any) error { return json.NewEncoder(w).Encode(v) }

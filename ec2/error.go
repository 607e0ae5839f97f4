package ec2

import (
	"fmt"
	"io"
	"net/http"
)

// An Error is a refusal as a client sees it.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
type Error struct {
	Code, Message string
	Status        int // of the HTTP response
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Errorf makes an Error with the status that belongs to its code.
func Errorf(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Status: Status(code)}
}

// Status is the HTTP status that AWS sends with an error code.
func Status(code string) int {
	if status, ok := statuses[code]; ok {
		return status
	}
	return http.StatusBadRequest
}

// statuses are those that are not 400.
var statuses = map[string]int{
	"AuthFailure": http.StatusUnauthorized,

	"AccessDenied":               http.StatusForbidden,
	"ExpiredToken":               http.StatusForbidden,
	"InvalidClientTokenId":       http.StatusForbidden,
	"MissingAuthenticationToken": http.StatusForbidden,
	"OptInRequired":              http.StatusForbidden,
	"SignatureDoesNotMatch":      http.StatusForbidden,
	"UnauthorizedOperation":      http.StatusForbidden,

	"DryRunOperation": http.StatusPreconditionFailed,

	"InsufficientAddressCapacity":  http.StatusInternalServerError,
	"InsufficientInstanceCapacity": http.StatusInternalServerError,
	"InternalError":                http.StatusInternalServerError,
	"InternalFailure":              http.StatusInternalServerError,

	"RequestLimitExceeded": http.StatusServiceUnavailable,
	"ServiceUnavailable":   http.StatusServiceUnavailable,
	"Unavailable":          http.StatusServiceUnavailable,
}

// EncodeError writes e as EC2 answers errors.
func EncodeError(w io.Writer, requestID string, e *Error) error {
	x := newEncoder()
	x.open("Response")
	x.open("Errors")
	x.open("Error")
	x.text("Code", e.Code)
	x.text("Message", e.Message)
	x.close("Error")
	x.close("Errors")
	x.text("RequestID", requestID)
	x.close("Response")
	return x.writeTo(w)
}

package vpc

import (
	"errors"
	"fmt"
)

// An Error is a refusal in AWS's words: the code and message that a client sees.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
type Error struct{ Code, Message string }

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Errorf makes an Error. The message is what AWS says, to the letter: clients match on it.
func Errorf(code, format string, args ...any) *Error {
	return &Error{code, fmt.Sprintf(format, args...)}
}

// Code is the code of the Error in err's chain, or "" where there is none.
func Code(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

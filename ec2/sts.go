package ec2

import "io"

const stsNamespace = "https://sts.amazonaws.com/doc/2011-06-15/"

// A CallerIdentity answers GetCallerIdentity, the one operation of STS that
// clients of EC2 make.
type CallerIdentity struct{ Arn, UserId, Account string }

// EncodeSTSCallerIdentity writes the answer to GetCallerIdentity.
func EncodeSTSCallerIdentity(w io.Writer, requestID string, id CallerIdentity) error {
	x := newEncoder()
	x.openRoot("GetCallerIdentityResponse", stsNamespace)
	x.open("GetCallerIdentityResult")
	x.text("Arn", id.Arn)
	x.text("UserId", id.UserId)
	x.text("Account", id.Account)
	x.close("GetCallerIdentityResult")
	x.open("ResponseMetadata")
	x.text("RequestId", requestID)
	x.close("ResponseMetadata")
	x.close("GetCallerIdentityResponse")
	return x.writeTo(w)
}

// EncodeSTSError writes e as STS answers errors.
func EncodeSTSError(w io.Writer, requestID string, e *Error) error {
	fault := "Sender"
	if e.Status >= 500 {
		fault = "Receiver"
	}
	x := newEncoder()
	x.openRoot("ErrorResponse", stsNamespace)
	x.open("Error")
	x.text("Type", fault)
	x.text("Code", e.Code)
	x.text("Message", e.Message)
	x.close("Error")
	x.text("RequestId", requestID)
	x.close("ErrorResponse")
	return x.writeTo(w)
}

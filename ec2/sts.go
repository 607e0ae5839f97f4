package ec2

import "io"

const stsNamespace = "https://sts.amazonaws.com/doc/2011-06-15/"

// A CallerIdentity answers GetCallerIdentity.
type CallerIdentity struct{ Arn, UserId, Account string }

// EncodeSTSCallerIdentity writes the answer to GetCallerIdentity.
func EncodeSTSCallerIdentity(w io.Writer, requestID string, id CallerIdentity) error {
	return encodeSTS(w, requestID, "GetCallerIdentity", func(x *encoder) {
		x.text("Arn", id.Arn)
		x.text("UserId", id.UserId)
		x.text("Account", id.Account)
	})
}

// EncodeSTSDecodedMessage writes the answer to DecodeAuthorizationMessage.
func EncodeSTSDecodedMessage(w io.Writer, requestID, message string) error {
	return encodeSTS(w, requestID, "DecodeAuthorizationMessage", func(x *encoder) { x.text("DecodedMessage", message) })
}

// encodeSTS writes the answer to the action; result writes what is in it.
func encodeSTS(w io.Writer, requestID, action string, result func(*encoder)) error {
	x := newEncoder()
	x.openRoot(action+"Response", stsNamespace)
	x.open(action + "Result")
	result(x)
	x.close(action + "Result")
	x.open("ResponseMetadata")
	x.text("RequestId", requestID)
	x.close("ResponseMetadata")
	x.close(action + "Response")
	return x.writeTo(w)
}

// EncodeSTSError writes e as STS, and IAM, and others of their protocol, answer errors.
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

// Package conformance lets the real AWS SDK for Go talk to Crenel's wire: every
// operation that has types, in both directions; its signatures; and what it
// reads of errors. It is a module of its own since the SDK takes minutes to
// compile:
//
//	go test -C conformance .
package conformance

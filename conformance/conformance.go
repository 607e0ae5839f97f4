// Package conformance lets the real AWS SDK for Go talk to Crenel's wire: every
// operation that has types, in both directions; its signatures; and what it
// reads of errors. It also calls every operation of a running server, in one world
// that the SDK built, lists what no answer sets (testdata/unset.txt), and provokes
// every error. It is a module of its own since the SDK takes minutes to compile:
//
//	go test -C conformance .
package conformance

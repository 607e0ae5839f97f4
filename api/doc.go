// Package api is what AWS calls the operations: one function each, of a State and an input.
//
//	op, ok := api.Lookup("AuthorizeSecurityGroupIngress")
//	in, err := op.Decode(form)
//	out, err := op.Apply(edit, in)     // a write: the edit's Changes are what to commit
//	out, err := op.Read(state, in, hosts)
//
// Everything here is pure: no I/O, no clock, no logger. An operation that refuses its input leaves an
// Edit that its caller throws away. Every error is a *vpc.Error in AWS's words. What AWS does with
// packets is in docs/semantics.md; what it answers, in the tests here.
//
// Adding an operation is four steps: its name in ec2/gen/ops.txt, the function, one line in the
// table of its file, and one in coverage.go that says what it comes to.
package api

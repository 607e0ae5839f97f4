// Package vpc holds the nouns of EC2 networking and State, which holds them all.
//
// A State is an immutable snapshot of one cell. Reading it never blocks and never changes it:
//
//	mine := state.As(vpc.Scope{Account: "123456789012", Region: "us-east-1"})
//	for g := range mine.SecurityGroups.By("vpc", "vpc-0123…") { … }
//
// An Edit is a State being changed. Its Changes are what a store commits:
//
//	e := state.Edit(scope, time.Now(), rand.Reader)
//	e.SecurityGroups.Put(&vpc.SecurityGroup{ID: e.NewID("sg"), …})
//	commit(e.Changes())
//
// Everything here is pure: no I/O, no clock, no logger. Objects are shared between snapshots: a
// reader must not write to them, a writer copies the struct (and the slices it changes) and Puts it.
package vpc

package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"

	clientv3 "go.etcd.io/etcd/client/v3"

	"crenel/vpc"
)

// A sequence is the value of the sequence key. No two writes have the same.
type sequence struct {
	Schema int    `json:"schema"`
	Write  string `json:"write,omitempty"` // names the write; "": an older version made it
	After  string `json:"after,omitempty"` // names the one before it
}

// nextSequence is the value for a write that follows upon the one which left the value before.
func nextSequence(before string) string {
	value, _ := json.Marshal(sequence{Schema: vpc.Schema, Write: rand.Text(), After: writeOf(before)})
	return string(value)
}

// writeOf is the name of the write that left the value.
func writeOf(value string) string {
	var q sequence
	_ = json.Unmarshal([]byte(value), &q) // what is no sequence names no write
	return q.Write
}

// checkSequence refuses what this version does not understand and, where the value must follow upon the one before,
// what comes after another one.
func checkSequence(value []byte, before string, follows bool) error {
	var q sequence
	if err := json.Unmarshal(value, &q); err != nil {
		return fmt.Errorf("the key %s in etcd is damaged or was deleted: %q", sequenceKey, value)
	}
	if q.Schema > vpc.Schema {
		return fmt.Errorf("the data was written by a newer Crenel: it has schema %d, and this one knows up to %d", q.Schema, vpc.Schema)
	}
	if follows && q.Write != "" && q.After != writeOf(before) {
		return fmt.Errorf("%w: a write follows there upon another one than the last that is known here", errOther)
	}
	return nil
}

// errOther says that etcd no longer has the data of which the snapshot is made, and that no watch will tell.
var errOther = errors.New("etcd has other data than before: it was put back to an older copy, or emptied; start again to go on with what it has now")

// check compares the version with what etcd had later: the sequence's revision, 0 where there is none, and its value.
func (v *version) check(revision int64, value string) error {
	switch {
	case revision < v.Revision:
		return fmt.Errorf("%w: it is at revision %d, and was at %d", errOther, revision, v.Revision)
	case revision == v.Revision && value != v.sequence:
		return fmt.Errorf("%w: its revision %d is another one", errOther, revision)
	}
	return nil
}

// ask finds out how far etcd is: the revision of its sequence. v must have been the newest before. Where etcd has lost
// what v is made of, the Store ends.
func (s *Store) ask(ctx context.Context, v *version) (revision int64, err error) {
	resp, err := s.client.Get(ctx, sequenceKey) // linearizable
	if err != nil {
		return 0, s.unavailable(err)
	}
	return s.heard(v, resp)
}

// heard is ask with etcd's answer.
func (s *Store) heard(v *version, resp *clientv3.GetResponse) (revision int64, err error) {
	value := ""
	for _, kv := range resp.Kvs {
		revision, value = kv.ModRevision, string(kv.Value)
	}
	if err := v.check(revision, value); err != nil {
		s.end(err)
		return 0, s.unavailable(err)
	}
	return revision, nil
}

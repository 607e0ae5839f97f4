package admin

import (
	"time"

	"crenel/auth"
	"crenel/vpc"
)

// A CreateKeyInput asks for a new access key: of the account's root user, or of a user with a policy.
type CreateKeyInput struct {
	Account string // "": the server's own
	User    string `json:",omitempty"`
	Policy  string `json:",omitempty"`
}

// A CreateKeyOutput is the only answer that ever holds the secret.
type CreateKeyOutput struct {
	Key
	Secret string
}

// A Key is an access key without its secret.
type Key struct {
	ID, Account string
	User        string `json:",omitempty"` // "": the account's root user
	ARN         string
	Disabled    bool
	Created     time.Time
	Policy      string `json:",omitempty"`
	Own         bool   `json:",omitempty"` // the data directory's: crenel's commands sign with it
}

func show(v Server, k vpc.AccessKey) Key {
	return Key{ID: k.ID, Account: k.Account, User: k.User, ARN: k.ARN(), Disabled: k.Disabled, Created: k.Created, Policy: k.Policy, Own: k.ID == v.Root.ID}
}

// createKey makes the key, and its account if nobody had it yet.
func createKey(v Server, e *vpc.Edit, in *CreateKeyInput) (*CreateKeyOutput, error) {
	account := in.Account
	if account == "" {
		account = v.Root.Account
	}
	key, err := auth.NewUserKey(account, in.User, in.Policy)
	if err != nil {
		return nil, err
	}
	auth.Grant(e, key)
	return &CreateKeyOutput{Key: show(v, *e.AccessKeys.Get(key.ID)), Secret: key.Secret}, nil
}

// A ListKeysInput asks for the keys of an account; "": of all.
type ListKeysInput struct{ Account string }

// A ListKeysOutput holds them by their ids.
type ListKeysOutput struct{ Keys []Key }

func listKeys(v Server, e *vpc.Edit, in *ListKeysInput) (*ListKeysOutput, error) {
	out := &ListKeysOutput{Keys: []Key{}}
	for k := range e.AccessKeys.All() {
		if in.Account == "" || k.Account == in.Account {
			out.Keys = append(out.Keys, show(v, *k))
		}
	}
	return out, nil
}

// A SetKeyInput disables or enables a key.
type SetKeyInput struct {
	ID       string
	Disabled bool
}

// A SetKeyOutput is the key as it is then.
type SetKeyOutput struct{ Key }

func setKey(v Server, e *vpc.Edit, in *SetKeyInput) (*SetKeyOutput, error) {
	k, err := findKey(v, e, in.ID)
	if err != nil {
		return nil, err
	}
	if !in.Disabled && k.Secret == "" {
		return nil, invalid("the access key %s has no secret: it was imported without; make another one", k.ID)
	}
	k.Disabled = in.Disabled
	e.AccessKeys.Put(k)
	return &SetKeyOutput{show(v, *k)}, nil
}

// A DeleteKeyInput deletes a key.
type DeleteKeyInput struct{ ID string }

// A DeleteKeyOutput is the key that was.
type DeleteKeyOutput struct{ Key }

func deleteKey(v Server, e *vpc.Edit, in *DeleteKeyInput) (*DeleteKeyOutput, error) {
	k, err := findKey(v, e, in.ID)
	if err != nil {
		return nil, err
	}
	e.AccessKeys.Delete(k.ID)
	return &DeleteKeyOutput{show(v, *k)}, nil
}

// findKey is a copy of the key. The data directory's own stays as it is: without it there would be no way
// back, and the next start would grant it again.
func findKey(v Server, e *vpc.Edit, id string) (*vpc.AccessKey, error) {
	k := e.AccessKeys.Get(id)
	switch {
	case k == nil:
		return nil, vpc.Errorf("NoSuchEntity", "there is no access key %q", id)
	case k.ID == v.Root.ID:
		return nil, invalid("the access key %s is the data directory's own, which crenel's commands sign with. To replace it, stop the server, remove the file credentials from its data directory, start it, and delete this key then", k.ID)
	}
	return new(*k), nil
}

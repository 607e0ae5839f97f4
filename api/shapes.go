package api

import (
	"encoding/json"
	"fmt"

	"crenel/vpc"
)

// AWS's shapes for a request, for its answer and for what it ends up in have members of the same
// names. So a value of one is stored as JSON and read as another.

// keepAs is a value of a generated struct as it is stored.
func keepAs(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("api: %T: %v", v, err)) // generated structs always marshal
	}
	return string(text)
}

// keepWithin is keepAs of what has at most so many bytes as it is stored. AWS says of no such shape how large
// it may be; without a bound, an account's quota of them could be larger than the server's memory.
func keepWithin(most int, what string, v any) (string, error) {
	kept := keepAs(v)
	if len(kept) > most {
		return "", vpc.Errorf("InvalidParameterValue", "The %s is limited to %d bytes.", what, most)
	}
	return kept, nil
}

// readBack reads what keepAs wrote, as a T.
func readBack[T any](text string) *T {
	v := new(T)
	if err := json.Unmarshal([]byte(text), v); err != nil {
		panic(fmt.Sprintf("api: stored %T: %v", v, err)) // keepAs wrote it
	}
	return v
}

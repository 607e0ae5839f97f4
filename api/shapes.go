package api

import (
	"encoding/json"
	"fmt"
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

// readBack reads what keepAs wrote, as a T.
func readBack[T any](text string) *T {
	v := new(T)
	if err := json.Unmarshal([]byte(text), v); err != nil {
		panic(fmt.Sprintf("api: stored %T: %v", v, err)) // keepAs wrote it
	}
	return v
}

//go:build !linux

package cli

import "errors"

// The commands that need Linux say so elsewhere.
type (
	upCmd         struct{ linuxOnly }
	downCmd       struct{ linuxOnly }
	execCmd       struct{ linuxOnly }
	controllerCmd struct{ linuxOnly }
)

type linuxOnly struct {
	Args []string `arg:"" optional:"" passthrough:"all" hidden:""`
}

// Run refuses.
func (linuxOnly) Run() error {
	return errors.New("this command needs Linux: it is about instances, which run in its namespaces; the API alone is served by crenel server, on Linux and macOS")
}

//go:build linux

package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

type execCmd struct {
	dataDir
	Instance string   `arg:"" help:"The instance: i-…" name:"instance-id"`
	Command  []string `arg:"" help:"The command and its arguments, after --." passthrough:"all"`
}

// Run becomes the host program, which knows how to enter an instance.
func (c *execCmd) Run(*env) error {
	dir, err := c.dir()
	if err != nil {
		return err
	}
	agent, err := agentPath()
	if err != nil {
		return err
	}
	command := c.Command
	if len(command) > 0 && command[0] == "--" {
		command = command[1:]
	}
	if len(command) == 0 {
		return fmt.Errorf("exec: no command; try: crenel exec %s -- sh", c.Instance)
	}
	argv := append([]string{agent, "exec", "--data-dir", dir, c.Instance, "--"}, command...)
	return fmt.Errorf("start %s: %w", agent, syscall.Exec(agent, argv, os.Environ()))
}

// agentPath is the host program, which lies beside this one.
func agentPath() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	path := filepath.Join(filepath.Dir(self), "crenel-agent")
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("crenel-agent must lie beside %s: %w", self, err)
	}
	return path, nil
}

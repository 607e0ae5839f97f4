// Crenel-agent is the host's half of Crenel: it enforces, and it runs the instances.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/alecthomas/kong"
	"golang.org/x/sys/unix"

	"crenel/agent"
	"crenel/instance"
	"crenel/supervise"
)

type commands struct {
	Run   runCmd   `cmd:"" help:"Enforce what the controller of the data directory says; crenel up starts it."`
	Probe probeCmd `cmd:"" help:"Say what this machine lacks for enforcing; exit status 1 if anything."`
	Exec  execCmd  `cmd:"" help:"Run a command inside an instance."`
	Clean cleanCmd `cmd:"" help:"Remove everything that run made, but for the data."`
}

type dataDir struct {
	DataDir string `help:"Where crenel keeps its data." default:"/var/lib/crenel" env:"CRENEL_DATA_DIR"`
}

type runCmd struct {
	dataDir
	Verbose bool `help:"Log every View." env:"CRENEL_VERBOSE"`
}

func (c *runCmd) Run() error {
	if err := supervise.Follow(); err != nil {
		return err
	}
	level := slog.LevelInfo
	if c.Verbose {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})).With("process", "agent")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	defer stop()
	return (&agent.Agent{Dir: c.DataDir, Log: log}).Run(ctx)
}

type probeCmd struct{}

func (probeCmd) Run() error {
	missing := agent.Probe()
	for _, m := range missing {
		fmt.Fprintln(os.Stderr, "crenel:", m)
	}
	if len(missing) > 0 {
		os.Exit(1)
	}
	return nil
}

type execCmd struct {
	dataDir
	Instance string   `arg:""`
	Command  []string `arg:"" passthrough:"all"`
}

func (c *execCmd) Run() error {
	command := c.Command
	if len(command) > 0 && command[0] == "--" {
		command = command[1:]
	}
	status, err := agent.Home(c.DataDir).Exec(context.Background(), c.Instance, instance.Command{
		Args: command, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr})
	if errors.Is(err, instance.ErrNotAlive) {
		return fmt.Errorf("no instance %s is running", c.Instance)
	}
	if err != nil {
		return err
	}
	os.Exit(status)
	return nil
}

type cleanCmd struct {
	dataDir
	Purge bool `help:"The instances' disks too."`
}

func (c *cleanCmd) Run() error {
	dir, err := filepath.EvalSymlinks(c.DataDir)
	if err != nil {
		return err
	}
	return agent.Clean(context.Background(), dir, c.Purge)
}

func main() {
	if instance.IsInit() {
		instance.Init()
	}
	var c commands
	ctx := kong.Parse(&c, kong.Name("crenel-agent"), kong.Description("The host's half of Crenel. People use crenel."))
	if err := ctx.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "crenel:", err)
		os.Exit(1)
	}
}

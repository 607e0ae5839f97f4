// Package cli is the commands of crenel.
//
// Run is a function of its inputs: main hands it the process's own, a test hands it others.
//
//	os.Exit(cli.Run(os.Args[1:], os.Stdout, os.Stderr))
package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/alecthomas/kong"
)

type commands struct {
	Up     upCmd     `cmd:"" help:"Serve the EC2 API and enforce what it says on this machine. Prints one line, ready http://…, when it serves."`
	Env    envCmd    `cmd:"" help:"Print what the AWS CLI and SDKs need, for sh: eval \"$(crenel env)\"."`
	Exec   execCmd   `cmd:"" help:"Run a command inside an instance; the exit status is the command's."`
	Status statusCmd `cmd:"" help:"Say how the server and its host are, how much is stored, and what is stored and not enforced."`
	Key    keyCmd    `cmd:"" help:"Access keys: who may call the API, and what each may do."`
	Quota  quotaCmd  `cmd:"" help:"Quotas: how much an account may have in a Region."`
	Export exportCmd `cmd:"" help:"Write all that the server holds to standard output, a line of JSON for each object."`
	Import importCmd `cmd:"" help:"Make a new server hold what another one exported."`
	Down   downCmd   `cmd:"" help:"Stop the instances and remove every namespace, link, map, mount and pin that up made."`
	Server serverCmd `cmd:"" help:"Serve the EC2 API without a host: nothing is enforced. Needs no root. Prints one line, ready http://…, when it serves."`

	Controller controllerCmd `cmd:"" hidden:"" help:"The API's half of up, which starts it."`
}

// usualDataDir is where data is kept unless another place is named.
const usualDataDir = "/var/lib/crenel"

// dataDir is the flag that every command shares.
type dataDir struct {
	DataDir string `help:"Where crenel keeps its data (default: ${default})." default:"${usual}" env:"CRENEL_DATA_DIR" placeholder:"DIR"`
}

// dir is the data directory as an absolute path without links.
func (d dataDir) dir() (string, error) {
	dir, err := filepath.Abs(d.DataDir)
	if err != nil {
		return "", err
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	return dir, nil
}

// env is what a command may touch of the process that runs it.
type env struct {
	stdout io.Writer
	stderr *os.File
}

// exit is an error that only sets the exit status: what there was to say is said.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// Run runs the command that args name and returns the exit status.
func Run(args []string, stdout io.Writer, stderr *os.File) (status int) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case exit: // kong exits through us after printing help
			status = int(p)
		default:
			panic(p)
		}
	}()
	var c commands
	parser, err := kong.New(&c, kong.Name("crenel"), kong.Vars{"usual": usualDataDir},
		kong.Description("AWS security groups for networks you run yourself: the EC2 API, enforced with eBPF."),
		kong.Writers(stdout, stderr), kong.Exit(func(code int) { panic(exit(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}))
	if err != nil {
		panic(err) // the commands struct is wrong
	}
	if len(args) == 0 || args[0] == "help" {
		args = append(args[min(1, len(args)):], "--help")
	}
	ctx, err := parser.Parse(args)
	if err == nil {
		err = ctx.Run(&env{stdout, stderr})
	}
	if err == nil {
		return 0
	}
	if status := exit(0); errors.As(err, &status) {
		return int(status)
	}
	fmt.Fprintln(stderr, "crenel:", err)
	return 1
}

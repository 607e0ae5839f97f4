// Crenel is the command line, the controller and the all-in-one of Crenel.
package main

import (
	"os"

	"crenel/cli"
)

func main() { os.Exit(cli.Run(os.Args[1:], os.Stdout, os.Stderr)) }

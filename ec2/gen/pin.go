//go:build sdk

package main

// The generator reads this module's source and never runs it; the import, in
// a file that no build includes, keeps the version in go.mod.
import _ "github.com/aws/aws-sdk-go-v2/service/ec2"

package api

import (
	"fmt"
	"strings"
	"testing"
)

// Lists that are longer than AWS takes are refused as such, and long ones that it takes are read to the end.
func TestOverlongLists(t *testing.T) {
	w := newWorld(t)
	list := func(name string, n int, value string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "&%s.%d=%s", name, i+1, value)
		}
		return b.String()[1:]
	}
	w.refuse("CreateTags", list("ResourceId", 1001, w.defaultVPC())+"&Tag.1.Key=a", "InvalidParameterValue: The maximum number of resources in a request is 1000.")
	w.refuse("DescribeVpcs", list("VpcId", 10_000, "vpc-0123456789abcdef0"), "InvalidVpcID.NotFound: The vpc ID 'vpc-0123456789abcdef0' does not exist")
	w.refuse("DescribeVpcs", list("VpcId", 16_000, "x"), `InvalidVpcID.Malformed: Invalid id: "x" (expecting "vpc-...")`)
	w.refuse("TerminateInstances", list("InstanceId", 10_000, "i-0123456789abcdef0"), "InvalidInstanceID.NotFound: The instance ID 'i-0123456789abcdef0' does not exist")
}

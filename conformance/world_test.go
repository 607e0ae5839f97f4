package conformance

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"crenel/ec2"
)

// A world is one network in which everything that is modelled occurs, made by calls of the SDK alone, and a
// second account beside it.
type world struct {
	*caller
	peer *caller

	vpc, subnet, private, zone string
	group, web                 string
	gateway, egress            string
	table, acl                 string
	list, nat, pcx             string
	eni, instance, lone        string // an interface, an instance that has it too, and one with a single interface
	address                    string // an Elastic IP's allocation
	peerVPC, peerGroup         string
}

// newWorld builds it; every part uses what those before it made.
func newWorld(t *testing.T) *world {
	s := start(t, "--no-enforcement")
	w := &world{caller: s.as("111122223333", "us-east-1"), peer: s.as("444455556666", "us-east-1"), zone: "us-east-1a"}
	w.peer.heard = w.heard
	for _, quota := range raised {
		s.run("quota", "set", quota, "20", "--account", w.account, "--lab")
	}
	w.makeDefaults()
	w.makeVPC()
	w.makeGateways()
	w.makeRoutes()
	w.makeACL()
	w.makePrefixLists()
	w.makeGroups()
	w.makePeering()
	w.makeRules()
	w.makeInterfaces()
	w.makeStored()
	w.makeInstances()
	w.makeAddresses()
	w.makeEndpoints()
	w.makeInsights()
	return w
}

// raised are the quotas that make room for several of each noun: to 20.
var raised = []string{"VPCs per Region", "Internet gateways per Region", "Egress-only internet gateways per Region", "NAT gateways per Availability Zone",
	"EC2-VPC Elastic IPs", "Flow logs per VPC, subnet or network interface"}

// several is how many of a noun make more than one page.
const several = 6

// tagged are tags for the resource that a call makes.
func tagged(kind types.ResourceType) []types.TagSpecification {
	return []types.TagSpecification{{ResourceType: kind, Tags: []types.Tag{{Key: new("Name"), Value: new("conformance")}}}}
}

// filter is one filter.
func filter(name string, values ...string) []types.Filter {
	return []types.Filter{{Name: new(name), Values: values}}
}

// describeAll calls every operation that needs no parameter and changes nothing: once for all there is and once for a
// first page.
func (w *world) describeAll() {
	w.Helper()
	for op := range ec2.Operations {
		if !strings.HasPrefix(op, "Describe") && !strings.HasPrefix(op, "Get") || len(requiredBy(op)) > 0 || op == "DescribeLaunchTemplateVersions" {
			continue
		}
		w.describe(op, func(reflect.Value) {})
	}
}

// describe calls an operation that changes nothing, for all there is and, if it has pages, for the smallest first one.
func (w *world) describe(op string, fill func(reflect.Value)) {
	w.Helper()
	_, out, err := call(w.Client, op, fill)
	if err != nil {
		w.Errorf("%s: %v", op, err)
		return
	}
	w.heard.of(op, out)
	for _, size := range []int32{1, 5} { // some begin at 1, most at 5
		_, out, err = call(w.Client, op, func(in reflect.Value) {
			fill(in)
			if max := in.FieldByName("MaxResults"); max.IsValid() {
				max.Set(reflect.ValueOf(new(size)))
			}
		})
		if err == nil {
			w.heard.of(op, out)
		}
	}
}

// TestEveryOperation calls all there are, through the SDK, and compares which fields of the answers were never set.
func TestEveryOperation(t *testing.T) {
	w := newWorld(t)
	w.describeAll()
	w.describeEach()
	w.takeDown()
	var missing []string
	for op := range ec2.Operations {
		if w.heard[op] == nil {
			missing = append(missing, op)
		}
	}
	slices.Sort(missing)
	for _, op := range missing {
		t.Errorf("%s was not called, or never answered", op)
	}
	compareUnset(t, w.heard)
}

// outputOf is the type of the SDK's answer.
func outputOf(op string) reflect.Type {
	method, _ := reflect.TypeFor[*sdk.Client]().MethodByName(op)
	return method.Type.Out(0).Elem()
}

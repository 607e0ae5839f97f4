package conformance

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// neverGiven are codes of AWS's list that no answer here has, with the reason.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
var neverGiven = map[string]string{
	"InvalidGroup.InUse":                     "EC2-Classic's; of a group in a VPC AWS says DependencyViolation",
	"InvalidGroup.Reserved":                  "of the name default EC2 says InvalidParameterValue today",
	"InvalidSecurityGroupID.NotFound":        "an older name of InvalidGroup.NotFound",
	"InvalidVpcRange":                        "an older name of InvalidVpc.Range",
	"InvalidDhcpOptionsId.NotFound":          "an older name of InvalidDhcpOptionID.NotFound",
	"InvalidNextToken":                       "of a token that it did not give EC2 says InvalidParameterValue",
	"InvalidPaginationToken":                 "of a token that it did not give EC2 says InvalidParameterValue",
	"InvalidMaxResults":                      "of a size that an operation does not allow EC2 says InvalidParameterValue",
	"InvalidFilter":                          "of a filter that an operation does not have EC2 says InvalidParameterValue",
	"InvalidQueryParameter":                  "of a parameter that an operation does not have EC2 says UnknownParameter",
	"InvalidAMIID.Unavailable":               "no image is ever deregistered",
	"VcpuLimitExceeded":                      "processors are not counted",
	"SecurityGroupsPerInstanceLimitExceeded": "EC2-Classic's; of an interface AWS says SecurityGroupsPerInterfaceLimitExceeded",
	"RequestLimitExceeded":                   "nobody is throttled",
	"Blocked":                                "no account is blocked",
	"OptInRequired":                          "every account has every Region that the server serves",
	"PendingVerification":                    "no account is to be verified",
	"TagPolicyViolation":                     "there are no tag policies",
	"UnsupportedProtocol":                    "SOAP is not recognized as a protocol at all",
	"UnsupportedInstanceAttribute":           "every attribute is known",
	"InternalFailure":                        "a fault here is an InternalError",
	"Unavailable":                            "a store out of reach is ServiceUnavailable",
}

// elsewhere are codes that take more than the SDK and one server to provoke, with the test that does.
var elsewhere = map[string]string{
	"InternalError":               "server: TestAPanicIsAnInternalError",
	"ServiceUnavailable":          "cli: a server that loses its etcd",
	"IncompleteSignature":         "server: the SDK signs",
	"MissingAuthenticationToken":  "server: the SDK signs",
	"MissingAction":               "server: the SDK names the operation",
	"NoSuchVersion":               "server: the SDK names the version",
	"MalformedQueryString":        "server: the SDK forms the query",
	"UnknownParameter":            "server: the SDK knows the parameters",
	"InvalidCharacter":            "server: the SDK sends UTF-8",
	"InvalidClientTokenId":        "server: STS's",
	"ValidationError":             "server: STS's",
	"InsufficientAddressCapacity": "api: the pool of hosts is small there",
}

// A provocation is a call that ends in an error: its code and its message, in which * stands for ids.
type provocation struct {
	want string
	call func(w *world) string
}

func TestEveryErrorCode(t *testing.T) {
	w := newWorld(t)
	given := map[string]bool{}
	for _, p := range provocations {
		got := p.call(w)
		code, _, _ := strings.Cut(got, ":")
		given[code] = true
		pattern := strings.ReplaceAll(regexp.QuoteMeta(p.want), `\*`, ".+")
		if !regexp.MustCompile("^" + pattern + "$").MatchString(got) {
			t.Errorf("\n got %s\nwant %s", got, p.want)
		}
	}
	for _, code := range codes {
		reasons := 0
		for _, is := range []bool{given[code], neverGiven[code] != "", elsewhere[code] != ""} {
			if is {
				reasons++
			}
		}
		if reasons != 1 {
			t.Errorf("%s: provoked %v, never given %q, elsewhere %q", code, given[code], neverGiven[code], elsewhere[code])
		}
	}
	for _, list := range []map[string]string{neverGiven, elsewhere} {
		for code := range list {
			if !slices.Contains(codes, code) {
				t.Errorf("%s is not in the list of codes", code)
			}
		}
	}
}

// limited is the call with a quota of its account lowered below what there is already, and restored.
func limited(quota string, call func(w *world) string) func(w *world) string {
	return func(w *world) string {
		w.run("quota", "set", quota, "1", "--account", w.account, "--lab")
		was := "default"
		if slices.Contains(raised, quota) {
			was = "20"
		}
		defer w.run("quota", "set", quota, was, "--account", w.account, "--lab")
		return call(w)
	}
}

// entry tries to add an entry to the world's network ACL.
func (w *world) entry(number int32) string {
	return refused(w.caller, w.CreateNetworkAclEntry, sdk.CreateNetworkAclEntryInput{NetworkAclId: &w.acl, RuleNumber: &number, Egress: new(false), Protocol: new("-1"), RuleAction: types.RuleActionAllow, CidrBlock: new("0.0.0.0/0")})
}

// ended is an instance that is terminated.
func (w *world) ended() *string {
	w.Helper()
	for _, r := range do(w.caller, w.DescribeInstances, sdk.DescribeInstancesInput{Filters: filter("instance-state-name", "terminated", "shutting-down")}).Reservations {
		w.await(types.InstanceStateNameTerminated, *r.Instances[0].InstanceId)
		return r.Instances[0].InstanceId
	}
	w.Fatal("no instance is terminated")
	return nil
}

// withoutDefault is the account where it has no default VPC.
func (w *world) withoutDefault() *caller {
	w.Helper()
	c := w.as(w.account, "us-west-2")
	for _, v := range do(c, c.DescribeVpcs, sdk.DescribeVpcsInput{}).Vpcs {
		for _, n := range do(c, c.DescribeSubnets, sdk.DescribeSubnetsInput{}).Subnets {
			do(c, c.DeleteSubnet, sdk.DeleteSubnetInput{SubnetId: n.SubnetId})
		}
		for _, g := range do(c, c.DescribeInternetGateways, sdk.DescribeInternetGatewaysInput{}).InternetGateways {
			do(c, c.DetachInternetGateway, sdk.DetachInternetGatewayInput{InternetGatewayId: g.InternetGatewayId, VpcId: v.VpcId})
		}
		do(c, c.DeleteVpc, sdk.DeleteVpcInput{VpcId: v.VpcId})
	}
	return c
}

// user is one of the account whom the policy limits.
func (w *world) user(policy string) *caller {
	w.Helper()
	file := filepath.Join(w.TempDir(), "policy.json")
	if err := os.WriteFile(file, []byte(policy), 0o600); err != nil {
		w.Fatal(err)
	}
	return w.as(w.account, "us-east-1", "--user", "ops", "--policy", file)
}

// late is what a request gets that was signed an hour ago.
func (w *world) late() string {
	w.Helper()
	o := w.Options()
	o.HTTPSignerV4, o.AuthSchemes = hourAgo{v4.NewSigner()}, nil
	_, err := sdk.New(o).DescribeVpcs(w.Context(), nil)
	return refusal(nil, err)
}

// hourAgo signs as if it were an hour ago.
type hourAgo struct{ *v4.Signer }

func (s hourAgo) SignHTTP(ctx context.Context, c aws.Credentials, r *http.Request, hash, service, region string, at time.Time, more ...func(*v4.SignerOptions)) error {
	return s.Signer.SignHTTP(ctx, c, r, hash, service, region, at.Add(-time.Hour), more...)
}

package conformance

import (
	goflag "flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"crenel/ec2"
)

var update = goflag.Bool("update", false, "write testdata/unset.txt anew")

// whyUnset says why fields are never set: those whose "Operation Path" a pattern matches; the first that does counts.
var whyUnset = []struct{ why, fields string }{
	{"There is no other operator than the owner: no service of AWS manages anything here", `Operator|RequesterManaged|ServiceManaged|ManagesVpcEndpoints|RequesterId|InstanceOwningService|AssociatedResource|VolumeOwnerId|AwsService`},
	{"Not here: Outposts, Local and Wavelength Zones, and where Regions lie", `Outpost|CustomerOwned|Carrier|LocalGateway|EnableLni|ParentZone|Geography|AvailabilityZones\.Messages|SupportedInRegion`},
	{"Not here: transit and VPN gateways, core networks, IPAM, secondary networks", `TransitGateway|PropagatingVgws|CoreNetwork|OdbNetwork|Ipam|Secondary(Interface|Network)|Routes\.IpAddress|PublicIpv4Pool$|DescribeSubnets Subnets\.Type|Subnet\.Type`},
	{"Not here: regional NAT gateways, and appliances on them", `NatGateway.*(AttachedAppliances|AutoProvisionZones|AutoScalingIps|ProvisionedBandwidth|RouteTableId|NatGatewayAddresses\.AvailabilityZone)`},
	{"Not here: EC2-Classic, whose links are always off and whose groups had names", `ClassicLink|(Reservations|RunInstances) ?\.?Groups$|UserIdGroupPairs\.GroupName|SriovNetSupport`},
	{"Not here: VPC encryption controls; subnets for IPv6 alone; public names of both families", `EncryptionControl|Ipv6Native|PublicIpDnsNameOptions|PublicIpv6DnsName|DenyAllIgwTraffic|AssociatedSubnets`},
	{"Not here: reverse DNS of addresses; addresses in subnets", `PtrRecord|DescribeAddresses Addresses\.SubnetId`},
	{"Not here: endpoints to Lattice, resource configurations and other accounts' services", `VpcEndpoint.*(DnsOptions\.|FailureReason|LastError|Ipv[46]Prefixes|PayerResponsibilit|ResourceConfigurationArn|ServiceNetworkArn|ServiceDetails\.(Tags|AcceptanceRequired))`},
	{"Not here: tag fields of flow logs", `TagFieldSpecifications`},
	{"Refused at launch: spot, capacity blocks and targets, placement, hibernation, enclaves, licenses, accelerators, kernels", `Instances\.(Capacity|CpuOptions\.|Elastic|Enclave|Hibernation|InstanceLifecycle|KernelId|RamdiskId|Licenses|Placement\.|Platform$|ProductCodes|SpotInstance|TpmSupport)|DescribeInstanceAttribute (EnclaveOptions|KernelId|RamdiskId|ProductCodes)`},
	{"Refused at launch and attachment: further network cards, queues, ENA Express", `NetworkCardIndex|EnaQueueCount|EnaSrd`},
	{"Not of our volumes: cards, copies, several attachments, restored and initialized ones", `EbsCardIndex|SourceVolumeId|MultiAttachEnabled|FastRestored|VolumeInitializationRate|SseType|VolumeArn|Volumes\.OwnerId`},
	{"Not of our images: all are public, of Linux, unencrypted and copies of nothing", `DescribeImages`},
	{"Not of our instance types: accelerators, disks, EFA, and what AWS measured", `DescribeInstanceTypes`},
	{"Network insights compute nothing: an analysis says that it failed", `NetworkInsights|AnalysisFindings`},
	{"Nothing is ever impaired, and no events are planned", `ImpairedSince|InstanceStatuses\.(Events|ApplicationStatus|PerformanceStatus)`},
	{"Nothing fails half-way and says why", `StatusMessage|StateMessage|StateReason$|FailureMessage`},
	{"No host: nothing is written to consoles", `GetConsoleOutput`},
	{"Not yet there in the answer that makes it: it comes later, or is asked for with another operation", `^(Create|Run|Start|Accept|Associate)[A-Za-z]+ .*`},
	{"What a caller asked to revoke is shown as it was said", `UnknownIpPermissions`},
	{"Rules that go in are not out", `Ingress .*IsEgress`},
	{"Stale rules name a group of another VPC and nothing else", `StaleIpPermissions`},
	{"Not of a launch template's data, which is shown as it was given", `DescribeLaunchTemplateVersions`},
}

// compareUnset compares the fields that were never set with the list of them.
func compareUnset(t *testing.T, h heard) {
	t.Helper()
	const file = "testdata/unset.txt"
	got := describeUnset(t, h)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	was, is := strings.Split(string(want), "\n"), strings.Split(got, "\n")
	for _, line := range was {
		if !slices.Contains(is, line) {
			t.Errorf("gone from %s: %s", file, line)
		}
	}
	for _, line := range is {
		if !slices.Contains(was, line) {
			t.Errorf("new in %s: %s", file, line)
		}
	}
	if t.Failed() {
		t.Log("go test -C conformance -run TestEveryOperation . -update writes it anew")
	}
}

// describeUnset lists, by reason, the fields that no answer set.
func describeUnset(t *testing.T, h heard) string {
	byReason := make([][]string, len(whyUnset))
	fields := 0
	for op := range ec2.Operations {
		for _, l := range h.lacks(op, outputOf(op)) {
			fields++
			at := slices.IndexFunc(whyUnset, func(w struct{ why, fields string }) bool {
				return regexp.MustCompile(w.fields).MatchString(l.op + " " + l.path)
			})
			if at < 0 {
				t.Errorf("nothing says why %s never sets %s", l.op, l.path)
				continue
			}
			line := l.op + " " + l.path
			if l.zero {
				line += ", but false, 0 or empty"
			}
			byReason[at] = append(byReason[at], line)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "The %d fields that no answer sets in the world of TestEveryOperation, by reason. Where a structure or a list is\nnot set, what it would hold is not listed. Written by go test -C conformance -run TestEveryOperation . -update\n", fields)
	for i, w := range whyUnset {
		if len(byReason[i]) == 0 {
			t.Errorf("nothing is unset because: %s", w.why)
			continue
		}
		slices.Sort(byReason[i])
		fmt.Fprintf(&b, "\n# %s\n%s\n", w.why, strings.Join(byReason[i], "\n"))
	}
	return b.String()
}

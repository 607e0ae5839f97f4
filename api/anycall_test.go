package api

import (
	"maps"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"crenel/vpc"
)

// A drawer makes calls of any operation with any parameters: ids of what is there and of what is not, numbers at
// the edges, strings that are empty, long or no text. choose decides everything.
type drawer struct {
	choose func(n int) int // of 0 … n-1
	ids    map[string][]string
	there  []string // every string that the State holds
	form   url.Values
}

func newDrawer(s *vpc.State, stored []string, choose func(int) int) *drawer {
	d := &drawer{choose: choose, ids: map[string][]string{}, form: url.Values{}}
	seen := map[string]bool{}
	for _, object := range stored {
		for _, m := range stringsIn.FindAllStringSubmatch(object, -1) {
			if text := m[1]; !seen[text] {
				seen[text] = true
				d.there = append(d.there, text)
				if prefix := vpc.IDPrefix(text); prefix != "" {
					d.ids[prefix] = append(d.ids[prefix], text)
				}
			}
		}
	}
	return d
}

// stringsIn are the plain strings in JSON.
var stringsIn = regexp.MustCompile(`"([^"\\]{1,64})"[,}\]]`)

// call makes one call of the operation.
func (d *drawer) call(o Operation) url.Values {
	d.form = url.Values{}
	d.members("", reflect.TypeOf(o.input()).Elem(), 0)
	return d.form
}

func (d *drawer) members(prefix string, t reflect.Type, depth int) {
	for i := range t.NumField() {
		f := t.Field(i)
		name := f.Tag.Get("query")
		given := d.choose(8) == 0
		switch {
		case name == "":
			continue
		case f.Tag.Get("required") != "" || idNames[name] != "" && depth > 0:
			given = d.choose(40) != 0
		case name == "DryRun":
			given = d.choose(40) == 0
		case depth > 0:
			given = d.choose(2) == 0
		}
		if given {
			d.value(prefix+name, name, f.Type, depth)
		}
	}
}

func (d *drawer) value(path, name string, t reflect.Type, depth int) {
	switch {
	case t.Kind() == reflect.Pointer:
		d.value(path, name, t.Elem(), depth)
	case t == reflect.TypeFor[time.Time]():
		d.form.Set(path, d.one("2026-11-23T12:00:00Z", "yesterday", ""))
	case t.Kind() == reflect.Struct && depth < 4:
		d.members(path+".", t, depth+1)
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		d.form.Set(path, d.one("c3NoLXJzYQ==", "", "%"))
	case t.Kind() == reflect.Slice:
		n := []int{1, 1, 1, 2, 3, 300}[d.choose(6)]
		if n == 300 && d.choose(8) != 0 {
			n = 1
		}
		for i := range n {
			d.value(path+"."+strconv.Itoa(i+1), name, t.Elem(), depth)
		}
	case t.Kind() == reflect.Bool:
		d.form.Set(path, d.one("true", "false"))
	case t.Kind() == reflect.String:
		d.form.Set(path, d.text(name))
	case t.Kind() == reflect.Int32, t.Kind() == reflect.Int64, t.Kind() == reflect.Float64:
		d.form.Set(path, d.one("0", "1", "1", "2", "5", "8", "22", "80", "100", "255", "1000", "32766", "32767", "65535", "65536", "-1", "-2", "2147483647", "-2147483648"))
	}
}

func (d *drawer) one(list ...string) string { return list[d.choose(len(list))] }

// text is a value of a parameter with the name.
func (d *drawer) text(name string) string {
	prefixes := strings.Fields(idNames[name])
	switch k := d.choose(20); {
	case k == 0:
		return d.one("", " ", "x", strings.Repeat("x", 300), strings.Repeat("é", 70), "\x00", "<&>", "*", "0.0.0.0/0", "-1", "aws:x")
	case k == 1 && len(d.there) > 0:
		return d.there[d.choose(len(d.there))]
	case len(prefixes) > 0 && k == 2:
		return prefixes[0] + d.one("-0123456789abcdef0", "-1", "", "-ABCDEF01")
	case len(prefixes) > 0:
		if known := d.ids[prefixes[d.choose(len(prefixes))]]; len(known) > 0 {
			return known[d.choose(len(known))]
		}
		return prefixes[0] + "-0123456789abcdef0"
	case words[name] != "":
		return d.one(strings.Fields(words[name])...)
	case strings.Contains(name, "Cidr") || strings.Contains(name, "Address") || strings.Contains(name, "Ip") || strings.Contains(name, "Prefix"):
		return d.one("10.0.0.0/16", "10.0.1.0/24", "10.0.1.9/24", "10.0.1.16/28", "10.0.1.20", "10.0.1.21", "192.168.0.0/24", "172.31.0.0/16", "0.0.0.0/0", "::/0", "2001:db8::/64", "2001:db8::1", "3fff::/56", "10.0.0.1/33", "::ffff:10.0.0.1")
	case len(d.there) > 0 && k < 8:
		return d.there[d.choose(len(d.there))]
	}
	return d.one("a", "web", "default", "d", "1", "true", "us-east-1a", "x y", "tcp", "all")
}

// idNames are the prefixes of the ids that parameters hold.
var idNames = map[string]string{"VpcId": "vpc", "PeerVpcId": "vpc", "SubnetId": "subnet", "GroupId": "sg", "SecurityGroupId": "sg", "SourceSecurityGroupName": "sg", "ReferencedGroupId": "sg",
	"SecurityGroupRuleId": "sgr", "NetworkAclId": "acl", "RouteTableId": "rtb", "InternetGatewayId": "igw", "GatewayId": "igw vpce", "EgressOnlyInternetGatewayId": "eigw", "NatGatewayId": "nat",
	"VpcPeeringConnectionId": "pcx", "PrefixListId": "pl", "DestinationPrefixListId": "pl", "NetworkInterfaceId": "eni", "InstanceId": "i", "AllocationId": "eipalloc", "SecondaryAllocationId": "eipalloc",
	"AssociationId": "eipassoc aclassoc rtbassoc vpc-cidr-assoc subnet-cidr-assoc", "AttachmentId": "eni-attach", "DhcpOptionsId": "dopt", "KeyPairId": "key", "LaunchTemplateId": "lt", "VolumeId": "vol",
	"VpcEndpointId": "vpce", "FlowLogId": "fl", "NetworkInsightsPathId": "nip", "NetworkInsightsAnalysisId": "nia", "NetworkInsightsAccessScopeId": "nis", "NetworkInsightsAccessScopeAnalysisId": "nisa",
	"SubnetCidrReservationId": "scr", "NetworkInterfacePermissionId": "eni-perm", "Source": "i eni igw", "Destination": "i eni igw", "ImageId": "ami",
	"ResourceId": "vpc subnet sg eni i acl rtb igw pl eipalloc sgr vol nat pcx lt key fl"}

// words are values that parameters may have.
var words = map[string]string{"IpProtocol": "tcp udp icmp icmpv6 -1 6 50 300", "Protocol": "tcp udp -1 6 17 1 58 50", "RuleAction": "allow deny", "AvailabilityZone": "us-east-1a us-east-1b eu-west-1a",
	"ConnectivityType": "public private", "AddressFamily": "IPv4 IPv6", "ReservationType": "prefix explicit", "Domain": "vpc standard", "TrafficType": "ACCEPT REJECT ALL", "InstanceType": "t3.micro m1.small t2.nano z9.huge",
	"LogDestinationType": "s3 cloud-watch-logs", "LogDestination": "arn:aws:s3:::bucket", "DeliverLogsPermissionArn": "arn:aws:iam::111122223333:role/logs", "Permission": "INSTANCE-ATTACH EIP-ASSOCIATE",
	"InstanceTenancy": "default dedicated", "PeerOwnerId": "111122223333 999999999999", "AwsAccountId": "999999999999 1", "SourceDestCheck": "true", "VpcEndpointType": "Gateway Interface",
	"ServiceName": "com.amazonaws.us-east-1.s3 com.amazonaws.us-east-1.ec2 com.amazonaws.us-east-1.x", "UserData": "IyEvYmluL3NoCg== x",
	"ResourceType": "vpc subnet security-group instance volume network-interface security-group-rule VPC Subnet NetworkInterface spot-instances-request",
	"Attribute":    "enableDnsSupport enableDnsHostnames attachment groupSet sourceDestCheck description userData instanceType disableApiTermination blockDeviceMapping",
	"Name":         "vpc-id tag:a tag-key state group-id owner-id subnet-id instance-id x"}

// actions are all operations, in the order of their names.
func actions(write bool) (all []Operation) {
	for _, name := range slices.Sorted(maps.Keys(operations)) {
		if o := operations[name]; o.Write || !write {
			all = append(all, o)
		}
	}
	return all
}

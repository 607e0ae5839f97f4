package ec2

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

const header = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

func encoded(t *testing.T, encode func(io.Writer) error) string {
	t.Helper()
	var b strings.Builder
	if err := encode(&b); err != nil {
		t.Fatal(err)
	}
	body, ok := strings.CutPrefix(b.String(), header)
	if !ok {
		t.Errorf("got %q, want it to begin with %q", b.String(), header)
	}
	return body
}

func TestEncode(t *testing.T) {
	for _, tt := range []struct {
		name, action string
		out          any
		want         string
	}{
		{"a group as AWS shows it", "DescribeSecurityGroups",
			&DescribeSecurityGroupsOutput{SecurityGroups: []SecurityGroup{{
				OwnerId: p("111122223333"), GroupId: p("sg-1"), GroupName: p("web"), Description: p("web tier"), VpcId: p("vpc-1"),
				IpPermissions:       []IpPermission{{IpProtocol: p("tcp"), FromPort: p[int32](80), ToPort: p[int32](80), IpRanges: []IpRange{{CidrIp: p("0.0.0.0/0"), Description: p("any")}}}},
				IpPermissionsEgress: []IpPermission{},
			}}},
			`<securityGroupInfo><item><groupDescription>web tier</groupDescription><groupId>sg-1</groupId><groupName>web</groupName>` +
				`<ipPermissions><item><fromPort>80</fromPort><ipProtocol>tcp</ipProtocol><ipRanges><item><cidrIp>0.0.0.0/0</cidrIp><description>any</description></item></ipRanges>` +
				`<ipv6Ranges/><prefixListIds/><toPort>80</toPort><groups/></item></ipPermissions><ipPermissionsEgress/>` +
				`<ownerId>111122223333</ownerId><tagSet/><vpcId>vpc-1</vpcId></item></securityGroupInfo>`},
		{"a list with nothing in it, nil", "DescribeVpcs", &DescribeVpcsOutput{}, `<vpcSet/>`},
		{"a list with nothing in it, empty", "DescribeVpcs", &DescribeVpcsOutput{Vpcs: []Vpc{}}, `<vpcSet/>`},
		{"a list that AWS leaves out when it is empty", "RevokeSecurityGroupEgress",
			&RevokeSecurityGroupEgressOutput{Return: p(true), UnknownIpPermissions: []IpPermission{}},
			`<return>true</return><revokedSecurityGroupRuleSet/>`},
		{"the same list, not empty", "RevokeSecurityGroupEgress",
			&RevokeSecurityGroupEgressOutput{Return: p(true), UnknownIpPermissions: []IpPermission{{IpProtocol: p("-1")}}},
			`<return>true</return><revokedSecurityGroupRuleSet/>` +
				`<unknownIpPermissionSet><item><ipProtocol>-1</ipProtocol><ipRanges/><ipv6Ranges/><prefixListIds/><groups/></item></unknownIpPermissionSet>`},
		{"one attribute only", "DescribeNetworkInterfaceAttribute",
			&DescribeNetworkInterfaceAttributeOutput{NetworkInterfaceId: p("eni-1"), Description: &AttributeValue{Value: p("")}},
			`<description><value></value></description><networkInterfaceId>eni-1</networkInterfaceId>`},
		{"no members", "DeleteVpc", &DeleteVpcOutput{}, `<return>true</return>`},
		{"no members and no output", "DeleteVpc", (*DeleteVpcOutput)(nil), `<return>true</return>`},
		{"no output", "DescribeVpcs", (*DescribeVpcsOutput)(nil), ``},
		{"times in milliseconds and UTC", "GetConsoleOutput",
			&GetConsoleOutputOutput{InstanceId: p("i-1"), Timestamp: p(time.Date(2013, 12, 1, 0, 36, 42, 1_999_999, time.FixedZone("", 3600)))},
			`<instanceId>i-1</instanceId><timestamp>2013-11-30T23:36:42.001Z</timestamp>`},
		{"empty strings in a list keep their place", "DescribeVpcEndpointServices",
			&DescribeVpcEndpointServicesOutput{ServiceNames: []string{"a", "", "b"}},
			`<serviceDetailSet/><serviceNameSet><item>a</item><item></item><item>b</item></serviceNameSet>`},
		{"what XML must escape or cannot hold", "DescribeVpcs", &DescribeVpcsOutput{NextToken: p("<&>\"'\n\x00\xffé\ufffe")},
			"<nextToken>&lt;&amp;&gt;&#34;&#39;&#xA;\uFFFD\uFFFDé\uFFFD</nextToken><vpcSet/>"},
	} {
		got := encoded(t, func(w io.Writer) error { return Encode(w, tt.action, "r-1", tt.out) })
		want := `<` + tt.action + `Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r-1</requestId>` + tt.want + `</` + tt.action + `Response>`
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, want)
		}
	}
}

func TestEncodeRefusesWhatIsNoOutput(t *testing.T) {
	for _, out := range []any{nil, DescribeVpcsOutput{}, "x", new(Error)} {
		if err := Encode(io.Discard, "DescribeVpcs", "r", out); err == nil {
			t.Errorf("Encode of %T: got no error", out)
		}
	}
}

// The tags mean to encoding/xml what they mean here, so a test of the API can
// read its answers with it.
func TestAnswersAreReadByEncodingXML(t *testing.T) {
	doc := encoded(t, func(w io.Writer) error {
		return Encode(w, "DescribeVpcs", "r", &DescribeVpcsOutput{Vpcs: []Vpc{{VpcId: p("vpc-1"), IsDefault: p(true), Tags: []Tag{{Key: p("k")}}}}})
	})
	var got DescribeVpcsOutput
	if err := xml.Unmarshal([]byte(doc), &got); err != nil {
		t.Fatal(err)
	}
	if v := got.Vpcs; len(v) != 1 || *v[0].VpcId != "vpc-1" || !*v[0].IsDefault || *v[0].Tags[0].Key != "k" {
		t.Errorf("got %+v from %s", got, doc)
	}
}

func TestEncodeError(t *testing.T) {
	got := encoded(t, func(w io.Writer) error {
		return EncodeError(w, "1a2b3c4d-0000-4000-8000-000000000001", Errorf("InvalidGroup.NotFound", "The security group '%s' does not exist", "sg-<0>\x00"))
	})
	want := `<Response><Errors><Error><Code>InvalidGroup.NotFound</Code><Message>The security group &#39;sg-&lt;0&gt;` + "\uFFFD" +
		`&#39; does not exist</Message></Error></Errors><RequestID>1a2b3c4d-0000-4000-8000-000000000001</RequestID></Response>`
	if got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

func TestStatusOfAnErrorIsThatOfItsCode(t *testing.T) {
	for code, want := range map[string]int{
		"AuthFailure":                  401,
		"UnauthorizedOperation":        403,
		"InvalidClientTokenId":         403,
		"DryRunOperation":              412,
		"InternalError":                500,
		"InternalFailure":              500,
		"InsufficientInstanceCapacity": 500,
		"RequestLimitExceeded":         503,
		"ServiceUnavailable":           503,
		"Unavailable":                  503,
		"InvalidAction":                400,
		"RequestExpired":               400,
		"InvalidGroup.NotFound":        400,
		"":                             400,
	} {
		if got := Errorf(code, "m").Status; got != want {
			t.Errorf("%q: got %d, want %d", code, got, want)
		}
	}
}

func TestEncodeSTS(t *testing.T) {
	got := encoded(t, func(w io.Writer) error {
		return EncodeSTSCallerIdentity(w, "r-1", CallerIdentity{Arn: "arn:aws:iam::123456789012:root", UserId: "123456789012", Account: "123456789012"})
	})
	want := `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:root</Arn>` +
		`<UserId>123456789012</UserId><Account>123456789012</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></GetCallerIdentityResponse>`
	if got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	for code, fault := range map[string]string{"InvalidClientTokenId": "Sender", "ServiceUnavailable": "Receiver"} {
		got := encoded(t, func(w io.Writer) error { return EncodeSTSError(w, "r-1", Errorf(code, "m")) })
		want := `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>` + fault + `</Type><Code>` + code +
			`</Code><Message>m</Message></Error><RequestId>r-1</RequestId></ErrorResponse>`
		if got != want {
			t.Errorf("\n got %s\nwant %s", got, want)
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

var errFull = errors.New("no space left")

func TestEncodeReportsAFailedWrite(t *testing.T) {
	if err := Encode(full{}, "DeleteVpc", "r", &DeleteVpcOutput{}); !errors.Is(err, errFull) {
		t.Errorf("got %v, want %v", err, errFull)
	}
}

// FuzzEncode holds that whatever a string in an answer is, the answer is XML and
// says that string, as far as XML can.
func FuzzEncode(f *testing.F) {
	for _, s := range []string{"", "web", "<a>&\"'</a>", "\x00\x1f\x7f\ud7ff\ufffe\xff", "]]>", "\r\n\t"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		doc := encoded(t, func(w io.Writer) error {
			return Encode(w, "DescribeVpcs", s, &DescribeVpcsOutput{NextToken: &s, Vpcs: []Vpc{{VpcId: &s}}})
		})
		var got DescribeVpcsOutput
		if err := xml.Unmarshal([]byte(doc), &got); err != nil {
			t.Fatalf("%q: %v", doc, err)
		}
		want := strings.Map(func(r rune) rune {
			if r == '\t' || r == '\n' || r == '\r' || r >= ' ' && r <= '\ud7ff' || r >= '\ue000' && r <= '\ufffd' || r > '\uffff' {
				return r
			}
			return utf8.RuneError
		}, s)
		if fmt.Sprint(*got.NextToken, *got.Vpcs[0].VpcId) != fmt.Sprint(want, want) {
			t.Fatalf("%q: got %q", s, doc)
		}
	})
}

package ec2

import (
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func p[T any](v T) *T { return &v }

// decoded is what Decode makes of a query for the operation that it names.
func decoded(query string) (any, error) {
	form, err := ParseForm(query)
	if err != nil {
		return nil, err
	}
	in := Operations[form.Get("Action")].In()
	return in, Decode(form, in)
}

func TestDecode(t *testing.T) {
	for _, tt := range []struct {
		name, query string
		want        any
	}{
		{"scalars and structures", "Action=CreateNetworkAclEntry&Version=2016-11-15&NetworkAclId=acl-1&RuleNumber=100&Protocol=6&RuleAction=allow&Egress=false&PortRange.From=80&PortRange.To=443",
			&CreateNetworkAclEntryInput{NetworkAclId: p("acl-1"), RuleNumber: p[int32](100), Protocol: p("6"), RuleAction: "allow",
				Egress: p(false), PortRange: &PortRange{From: p[int32](80), To: p[int32](443)}}},
		{"names that differ from the members'", "Action=CreateSecurityGroup&GroupName=web&GroupDescription=x&TagSpecification.1.ResourceType=security-group&TagSpecification.1.Tag.1.Key=k&TagSpecification.1.Tag.1.Value=",
			&CreateSecurityGroupInput{GroupName: p("web"), Description: p("x"), TagSpecifications: []TagSpecification{
				{ResourceType: "security-group", Tags: []Tag{{Key: p("k"), Value: p("")}}}}}},
		{"lists in the order of their numbers, with gaps", "Action=DescribeVpcs&VpcId.10=c&VpcId.9=b&VpcId.0=a&VpcId.100=d",
			&DescribeVpcsInput{VpcIds: []string{"a", "b", "c", "d"}}},
		{"lists in lists", "Action=DescribeVpcs&Filter.2.Value.1=c&Filter.1.Name=x&Filter.1.Value.2=b&Filter.1.Value.1=a&Filter.10.Name=z",
			&DescribeVpcsInput{Filters: []Filter{{Name: p("x"), Values: []string{"a", "b"}}, {Values: []string{"c"}}, {Name: p("z")}}}},
		{"an empty string is one, an empty anything else is absent", "Action=RunInstances&MinCount=1&MaxCount=1&Placement.AvailabilityZone=&Placement.PartitionNumber=&Placement=&SecurityGroupId=&EbsOptimized=&BlockDeviceMapping.1=&SecurityGroupId.1=",
			&RunInstancesInput{MinCount: p[int32](1), MaxCount: p[int32](1), Placement: &Placement{AvailabilityZone: p("")}, SecurityGroupIds: []string{""}}},
		{"an empty element does not hide its members", "Action=AuthorizeSecurityGroupIngress&IpPermissions.1=&IpPermissions.1.FromPort=&IpPermissions.1.IpProtocol=-1&IpPermissions.2.ToPort=&IpPermissions.3.ToPort=-1",
			&AuthorizeSecurityGroupIngressInput{IpPermissions: []IpPermission{{IpProtocol: p("-1")}, {ToPort: p[int32](-1)}}}},
		{"times", "Action=StartNetworkInsightsAccessScopeAnalysis&NetworkInsightsAccessScopeId=s&ClientToken=t&DryRun=True",
			&StartNetworkInsightsAccessScopeAnalysisInput{NetworkInsightsAccessScopeId: p("s"), ClientToken: p("t"), DryRun: p(true)}},
		{"times", "Action=DescribeNetworkInsightsAnalyses&AnalysisStartTime=2026-01-02T03:04:05.500Z",
			&DescribeNetworkInsightsAnalysesInput{AnalysisStartTime: p(time.Date(2026, 1, 2, 3, 4, 5, 5e8, time.UTC))}},
		{"base64", "Action=ImportKeyPair&KeyName=k&PublicKeyMaterial=c3NoLXJzYQ==",
			&ImportKeyPairInput{KeyName: p("k"), PublicKeyMaterial: []byte("ssh-rsa")}},
		{"a signature in the parameters is not the operation's", "Action=DescribeVpcs&AWSAccessKeyId=a&X-Amz-Signature=b",
			&DescribeVpcsInput{}},
	} {
		got, err := decoded(tt.query)
		if err != nil {
			t.Errorf("%s: %s: %v", tt.name, tt.query, err)
		} else if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s: %s (-want +got):\n%s", tt.name, tt.query, d)
		}
	}
}

func TestDecodeRefusesByName(t *testing.T) {
	for _, tt := range []struct{ query, want string }{
		{"Action=DescribeVpcs&Bogus=1", "UnknownParameter: The parameter Bogus is not recognized"},
		{"Action=DescribeVpcs&vpcId.1=vpc-1", "UnknownParameter: The parameter vpcId.1 is not recognized"},
		{"Action=DescribeVpcs&VpcIds.1=vpc-1", "UnknownParameter: The parameter VpcIds.1 is not recognized"},
		{"Action=DescribeVpcs&Filter.1.Bogus=1&Filter.1.Name=x", "UnknownParameter: The parameter Filter.1.Bogus is not recognized"},
		{"Action=DescribeVpcs&Filter.1.Name.1=x", "UnknownParameter: The parameter Filter.1.Name.1 is not recognized"},
		{"Action=DescribeVpcs&Filter.one.Name=x", "UnknownParameter: The parameter Filter.one.Name is not recognized"},
		{"Action=DescribeVpcs&Filter.Name=x", "UnknownParameter: The parameter Filter.Name is not recognized"},
		{"Action=DescribeVpcs&VpcId.member.1=x", "UnknownParameter: The parameter VpcId.member.1 is not recognized"},
		{"Action=DescribeVpcs&VpcId.01=x", "UnknownParameter: The parameter VpcId.01 is not recognized"},
		{"Action=DescribeVpcs&VpcId.-1=x", "UnknownParameter: The parameter VpcId.-1 is not recognized"},
		{"Action=DescribeVpcs&VpcId.1000000000=x", "UnknownParameter: The parameter VpcId.1000000000 is not recognized"},
		{"Action=DescribeVpcs&VpcId.=x", "UnknownParameter: The parameter VpcId. is not recognized"},
		{"Action=DescribeVpcs&=x", "UnknownParameter: The parameter  is not recognized"},
		{"Action=DescribeVpcs&B=1&A=1", "UnknownParameter: The parameter A is not recognized"},
		{"Action=DescribeVpcs&VpcId=vpc-1", "InvalidParameterValue: Value (vpc-1) for parameter VpcId is invalid. It has members or elements: give those."},
		{"Action=DescribeVpcs&MaxResults=many", "InvalidParameterValue: Value (many) for parameter MaxResults is invalid. Expected an integer of 32 bits."},
		{"Action=DescribeVpcs&MaxResults=2147483648", "InvalidParameterValue: Value (2147483648) for parameter MaxResults is invalid. Expected an integer of 32 bits."},
		{"Action=DescribeVpcs&DryRun=yes", "InvalidParameterValue: Value (yes) for parameter DryRun is invalid. Expected true or false."},
		{"Action=AuthorizeSecurityGroupIngress&IpPermissions.1.FromPort=x", "InvalidParameterValue: Value (x) for parameter IpPermissions.1.FromPort is invalid. Expected an integer of 32 bits."},
		{"Action=DescribeNetworkInsightsAnalyses&AnalysisStartTime=now", "InvalidParameterValue: Value (now) for parameter AnalysisStartTime is invalid. Expected a time such as 2006-01-02T15:04:05Z."},
		{"Action=ImportKeyPair&KeyName=k&PublicKeyMaterial=!", "InvalidParameterValue: Value (!) for parameter PublicKeyMaterial is invalid. Expected base64."},
		{"Action=DescribeVpcs&MaxResults=5&MaxResults=6", "MalformedQueryString: The parameter MaxResults is given 2 times."},
		{"Action=DescribeVpcs&NextToken=%ff", "InvalidCharacter: The parameter NextToken is not valid UTF-8."},
		{"Action=DescribeVpcs&%ff=1", "UnknownParameter: The parameter \uFFFD is not recognized"},
		{"Action=DescribeVpcs&NextToken=%zz", "MalformedQueryString: The query string contains a syntax error."},
		{"Action=CreateSecurityGroup&GroupName=web", "MissingParameter: The request must contain the parameter GroupDescription"},
		{"Action=CreateSecurityGroup&GroupDescription=&GroupName=web", "MissingParameter: The request must contain the parameter GroupDescription"},
		{"Action=DeleteVpc", "MissingParameter: The request must contain the parameter VpcId"},
		{"Action=TerminateInstances", "MissingParameter: The request must contain the parameter InstanceId"},
		{"Action=CreateNetworkAclEntry&NetworkAclId=a&Egress=true&Protocol=6&RuleNumber=0", "MissingParameter: The request must contain the parameter RuleAction"},
	} {
		_, err := decoded(tt.query)
		if got := fmt.Sprint(err); got != tt.want {
			t.Errorf("%s\n got %s\nwant %s", tt.query, got, tt.want)
		}
	}
}

func TestDecodeBoundsARequest(t *testing.T) {
	var many strings.Builder
	many.WriteString("Action=DescribeVpcs")
	form := url.Values{}
	for i := range 16_001 {
		name := "VpcId." + strconv.Itoa(i)
		many.WriteString("&" + name + "=vpc-1")
		form.Set(name, "vpc-1")
	}
	want := "MalformedQueryString: The request has more than 16000 parameters."
	if _, err := ParseForm(many.String()); fmt.Sprint(err) != want {
		t.Errorf("ParseForm of 16,001 parameters: got %v, want %s", err, want)
	}
	if err := Decode(form, new(DescribeVpcsInput)); fmt.Sprint(err) != want {
		t.Errorf("Decode of 16,001 parameters: got %v, want %s", err, want)
	}
	for _, name := range []string{strings.Repeat("a", 1<<20), "Filter" + strings.Repeat(".1", 1<<19), "Filter.1.Value" + strings.Repeat(".Value", 16)} {
		err := Decode(url.Values{name: {"x"}}, new(DescribeVpcsInput))
		if e := (*Error)(nil); !errors.As(err, &e) || e.Code != "UnknownParameter" || len(e.Message) > 2*maxShown {
			t.Errorf("%.40s…: got %.500v, want a short UnknownParameter", name, err)
		}
	}
}

func TestDecodeTakesAThousandRules(t *testing.T) {
	form := url.Values{"GroupId": {"sg-1"}}
	for i := range 1000 {
		rule := "IpPermissions." + strconv.Itoa(i+1)
		form.Set(rule+".IpProtocol", "tcp")
		form.Set(rule+".FromPort", strconv.Itoa(i))
		form.Set(rule+".ToPort", strconv.Itoa(i))
		form.Set(rule+".IpRanges.1.CidrIp", "0.0.0.0/0")
		form.Set(rule+".IpRanges.1.Description", "all")
	}
	in := new(AuthorizeSecurityGroupIngressInput)
	if err := Decode(form, in); err != nil {
		t.Fatal(err)
	}
	for i, rule := range in.IpPermissions {
		if *rule.FromPort != int32(i) || *rule.IpRanges[0].CidrIp != "0.0.0.0/0" {
			t.Fatalf("rule %d: got %v", i, rule)
		}
	}
	if len(in.IpPermissions) != 1000 {
		t.Errorf("got %d rules, want 1000", len(in.IpPermissions))
	}
}

func TestDecodeRefusesWhatIsNoInput(t *testing.T) {
	for _, in := range []any{nil, DescribeVpcsInput{}, new(int), new(Error)} {
		if err := Decode(url.Values{}, in); err == nil {
			t.Errorf("Decode into %T: got no error", in)
		}
	}
}

// No operation has a parameter with the name of one that Decode passes over.
func TestOperationsHaveNoCommonParameter(t *testing.T) {
	for op, o := range Operations {
		for name := range shapes()[reflect.TypeOf(o.In()).Elem()].params {
			if commonParams[name] {
				t.Errorf("%s has the parameter %s", op, name)
			}
		}
	}
}

// FuzzDecode holds that Decode refuses with an Error that can be sent, or reads
// all that the form says: encoded again, what it read decodes to the same.
func FuzzDecode(f *testing.F) {
	for _, query := range []string{
		"Action=DescribeVpcs&Version=2016-11-15",
		"Action=DescribeSecurityGroups&Filter.1.Name=vpc-id&Filter.1.Value.1=vpc-1&MaxResults=5",
		"Action=AuthorizeSecurityGroupIngress&GroupId=sg-1&IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=80&IpPermissions.1.ToPort=80&IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0%2F0&IpPermissions.1.Groups.1.GroupId=sg-2",
		"Action=RunInstances&ImageId=ami-1&MinCount=1&MaxCount=2&UserData=IyEvYmluL3No&NetworkInterface.1.DeviceIndex=0&NetworkInterface.1.SecurityGroupId.1=sg-1&Placement.AvailabilityZone=",
		"Action=ImportKeyPair&KeyName=k&PublicKeyMaterial=c3NoLXJzYQ%3D%3D",
		"Action=DescribeNetworkInsightsAnalyses&AnalysisStartTime=2026-01-02T03:04:05Z&NetworkInsightsAnalysisId.7=x",
		"Action=DeleteVpc&VpcId.1.2.3=%ff&VpcId=&=&.=&..=1",
		"Action=CreateTags&ResourceId.1=vpc-1&Tag.1.Key=k&Tag.1.Value=%00%01%ef%bf%be",
	} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		form, err := ParseForm(query)
		if err != nil {
			sendable(t, err)
			return
		}
		op, ok := Operations[form.Get("Action")]
		if !ok {
			return
		}
		in := op.In()
		if err := Decode(form, in); err != nil {
			sendable(t, err)
			return
		}
		form = url.Values{}
		encodeForm(form, reflect.ValueOf(in), "")
		again := op.In()
		if err := Decode(form, again); err != nil {
			t.Fatalf("%q: encoded again as %q: %v", query, form.Encode(), err)
		}
		if d := cmp.Diff(in, again, cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("%q: encoded again as %q:\n%s", query, form.Encode(), d)
		}
	})
}

func sendable(t *testing.T, err error) {
	t.Helper()
	e, ok := err.(*Error)
	if !ok || e.Code == "" || e.Message == "" || e.Status != 400 {
		t.Fatalf("got %#v, want an Error", err)
	}
	var b strings.Builder
	if err := EncodeError(&b, "r", e); err != nil {
		t.Fatal(err)
	}
	wellFormed(t, b.String())
}

func wellFormed(t *testing.T, doc string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(doc))
	for {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatalf("%q: %v", doc, err)
		}
	}
}

// encodeForm is Decode the other way.
func encodeForm(form url.Values, v reflect.Value, name string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			if v = v.Elem(); v.Kind() == reflect.String {
				form.Set(name, v.String())
				return
			}
			encodeForm(form, v, name)
		}
	case reflect.Struct:
		if t, ok := v.Interface().(time.Time); ok {
			form.Set(name, t.Format(time.RFC3339Nano))
			return
		}
		if name != "" {
			name += "."
		}
		for i := range v.NumField() {
			if q := v.Type().Field(i).Tag.Get("query"); q != "" {
				encodeForm(form, v.Field(i), name+q)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			if v.Len() > 0 {
				form.Set(name, base64.StdEncoding.EncodeToString(v.Bytes()))
			}
			return
		}
		for i := range v.Len() {
			element := name + "." + strconv.Itoa(i+1)
			if v.Index(i).Kind() == reflect.String {
				form.Set(element, v.Index(i).String())
			} else {
				encodeForm(form, v.Index(i), element)
			}
		}
	case reflect.String:
		if v.Len() > 0 {
			form.Set(name, v.String())
		}
	default:
		form.Set(name, fmt.Sprint(v.Interface()))
	}
}

func BenchmarkDecode(b *testing.B) {
	form, err := ParseForm("Action=AuthorizeSecurityGroupIngress&GroupId=sg-1&IpPermissions.1.FromPort=22&IpPermissions.1.ToPort=22&IpPermissions.1.IpProtocol=tcp&IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0/0&IpPermissions.1.IpRanges.1.Description=x")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := Decode(form, new(AuthorizeSecurityGroupIngressInput)); err != nil {
			b.Fatal(err)
		}
	}
}

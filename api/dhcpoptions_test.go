package api

import (
	"net/url"
	"strconv"
	"strings"
	"testing"

	"crenel/ec2"
	"crenel/vpc"
)

// dhcp is the form of options: "domain-name=a.example;ntp-servers=10.0.0.1 10.0.0.2".
func dhcp(options string) string {
	form := url.Values{}
	for i, o := range strings.Split(options, ";") {
		key, values, _ := strings.Cut(o, "=")
		prefix := "DhcpConfiguration." + strconv.Itoa(i+1)
		form.Set(prefix+".Key", key)
		for j, v := range strings.Split(values, " ") {
			form.Set(prefix+".Value."+strconv.Itoa(j+1), strings.ReplaceAll(v, "_", " "))
		}
	}
	return form.Encode()
}

// dhcpText is a set in the form that dhcp takes.
func dhcpText(o ec2.DhcpOptions) string {
	var options []string
	for _, c := range o.DhcpConfigurations {
		var values []string
		for _, v := range c.Values {
			values = append(values, strings.ReplaceAll(*v.Value, " ", "_"))
		}
		options = append(options, *c.Key+"="+strings.Join(values, " "))
	}
	return strings.Join(options, ";")
}

func TestDHCPOptionsAreKept(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct{ options, want string }{ // want "": the same
		{"domain-name=corp.example;domain-name-servers=10.0.0.2 10.0.1.2;ntp-servers=169.254.169.123;netbios-name-servers=10.0.0.3;netbios-node-type=2", ""},
		{"domain-name-servers=AmazonProvidedDNS", ""},
		{"domain-name-servers=10.0.0.2 AmazonProvidedDNS", ""},
		{"domain-name-servers=10.0.0.2,10.0.1.2", "domain-name-servers=10.0.0.2 10.0.1.2"},
		{"domain-name-servers=10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 2001:db8::1 2001:db8::2 2001:db8::3 2001:db8::4", ""},
		{"ntp-servers=2001:db8::1", ""},
		{"domain-name=a.example_b.example", ""},
		{"ipv6-address-preferred-lease-time=140", ""},
		{"ipv6-address-preferred-lease-time=2147483647;netbios-node-type=8", ""},
	} {
		if c.want == "" {
			c.want = c.options
		}
		out := do[ec2.CreateDhcpOptionsOutput](w, "CreateDhcpOptions", dhcp(c.options)+"&TagSpecification.1.ResourceType=dhcp-options&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=x").DhcpOptions
		shown := do[ec2.DescribeDhcpOptionsOutput](w, "DescribeDhcpOptions", "DhcpOptionsId.1="+*out.DhcpOptionsId).DhcpOptions[0]
		if got := dhcpText(shown); got != c.want || dhcpText(*out) != got || *shown.OwnerId != "111122223333" || *shown.Tags[0].Value != "x" {
			t.Errorf("%s is shown as %s %+v", c.options, got, shown)
		}
	}
	bad := func(value string) string {
		return "InvalidParameterValue: Value (" + value + ") for parameter value is invalid. Invalid DHCP option value."
	}
	for _, c := range []struct{ options, want string }{
		{"router=10.0.0.1", "InvalidParameterValue: Value (router) for parameter name is invalid. Unknown DHCP option"},
		{"Domain-Name=a", "InvalidParameterValue: Value (Domain-Name) for parameter name is invalid. Unknown DHCP option"},
		{"domain-name=a;domain-name=b", "InvalidParameterValue: Value (domain-name) for parameter name is invalid. The DHCP option is specified more than once."},
		{"domain-name=a b", bad("a,b")},
		{"domain-name=a..b", bad("a..b")},
		{"domain-name=a/b", bad("a/b")},
		{"domain-name=", bad("")},
		{"domain-name-servers=ns.example", bad("ns.example")},
		{"domain-name-servers=10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5", bad("10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4,10.0.0.5")},
		{"domain-name-servers=10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 AmazonProvidedDNS", bad("10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4,AmazonProvidedDNS")},
		{"ntp-servers=AmazonProvidedDNS", bad("AmazonProvidedDNS")},
		{"ntp-servers=", bad("")},
		{"netbios-name-servers=2001:db8::1", bad("2001:db8::1")},
		{"netbios-node-type=3", bad("3")},
		{"netbios-node-type=1 2", bad("1,2")},
		{"ipv6-address-preferred-lease-time=139", bad("139")},
		{"ipv6-address-preferred-lease-time=2147483648", bad("2147483648")},
		{"ipv6-address-preferred-lease-time=soon", bad("soon")},
	} {
		t.Run("refuses "+c.options, func(t *testing.T) { w.T = t; w.refuse("CreateDhcpOptions", dhcp(c.options), c.want) })
	}
	w.T = t
	w.refuse("CreateDhcpOptions", "", "MissingParameter: The request must contain the parameter DhcpConfiguration")
	w.refuse("CreateDhcpOptions", "DhcpConfiguration.1.Value.1=x", "MissingParameter: The request must contain the parameter DhcpConfiguration.1.Key")
	w.refuse("CreateDhcpOptions", "DhcpConfiguration.1.Key=domain-name", "MissingParameter: The request must contain the parameter DhcpConfiguration.1.Value")
	w.refuse("CreateDhcpOptions", dhcp("domain-name=a")+"&TagSpecification.1.ResourceType=vpc", "InvalidParameterValue: 'vpc' is not a valid taggable resource type for this operation.")
	w.refuse("CreateDhcpOptions", dhcp("domain-name=a")+"&DryRun=true", "DryRunOperation: Request would have succeeded, but DryRun flag is set.")
}

func TestDHCPOptionsOfAVPC(t *testing.T) {
	w := newWorld(t)
	lab := w.vpc("10.0.0.0/16")
	own := *do[ec2.CreateDhcpOptionsOutput](w, "CreateDhcpOptions", dhcp("domain-name=corp.example")).DhcpOptions.DhcpOptionsId
	has := func(want string) {
		t.Helper()
		if got := *do[ec2.DescribeVpcsOutput](w, "DescribeVpcs", "VpcId.1="+lab).Vpcs[0].DhcpOptionsId; got != want {
			t.Errorf("the VPC has %s, want %s", got, want)
		}
	}
	associate := func(id string) {
		t.Helper()
		do[ec2.AssociateDhcpOptionsOutput](w, "AssociateDhcpOptions", "DhcpOptionsId="+id+"&VpcId="+lab)
		has(id)
	}
	def := vpc.DefaultDHCPOptions(testScope)
	has(def)
	associate(own)
	inUse := func(id string) string {
		return "DependencyViolation: The dhcpOptions '" + id + "' has dependencies and cannot be deleted."
	}
	w.refuse("DeleteDhcpOptions", "DhcpOptionsId="+own, inUse(own))
	w.refuse("DeleteDhcpOptions", "DhcpOptionsId="+def, inUse(def)) // the default VPC has it
	for filter, want := range map[string]int{"dhcp-options-id=" + own: 1, "key=domain-name-servers": 1, "key=domain-name": 2, "value=corp.*": 1, "value=AmazonProvidedDNS": 1, "owner-id=111122223333": 2, "tag-key=x": 0} {
		name, val, _ := strings.Cut(filter, "=")
		if got := len(do[ec2.DescribeDhcpOptionsOutput](w, "DescribeDhcpOptions", "Filter.1.Name="+name+"&Filter.1.Value.1="+val).DhcpOptions); got != want {
			t.Errorf("%s finds %d, want %d", filter, got, want)
		}
	}
	associate("default")
	if got := do[ec2.DescribeVpcsOutput](w, "DescribeVpcs", "Filter.1.Name=dhcp-options-id&Filter.1.Value.1=default").Vpcs; len(got) != 1 || *got[0].VpcId != lab {
		t.Errorf("VPCs without options: %+v", got)
	}
	associate(own)
	for _, c := range []struct{ action, form, want string }{
		{"AssociateDhcpOptions", "VpcId=" + lab, "MissingParameter: The request must contain the parameter DhcpOptionsId"},
		{"AssociateDhcpOptions", "DhcpOptionsId=" + own, "MissingParameter: The request must contain the parameter VpcId"},
		{"AssociateDhcpOptions", "DhcpOptionsId=dopt-00000000&VpcId=" + lab, "InvalidDhcpOptionID.NotFound: The dhcpOptions ID 'dopt-00000000' does not exist"},
		{"AssociateDhcpOptions", "DhcpOptionsId=none&VpcId=" + lab, `InvalidDhcpOptionsId.Malformed: Invalid id: "none" (expecting "dopt-...")`},
		{"AssociateDhcpOptions", "DhcpOptionsId=default&VpcId=vpc-00000000", "InvalidVpcID.NotFound: The vpc ID 'vpc-00000000' does not exist"},
		{"DeleteDhcpOptions", "DhcpOptionsId=default", `InvalidDhcpOptionsId.Malformed: Invalid id: "default" (expecting "dopt-...")`},
		{"DescribeDhcpOptions", "DhcpOptionsId.1=dopt-00000000", "InvalidDhcpOptionID.NotFound: The dhcpOptions ID 'dopt-00000000' does not exist"},
	} {
		w.refuse(c.action, c.form, c.want)
	}
	w.as(vpc.Scope{Account: "999999999999", Region: "us-east-1"}).refuse("DeleteDhcpOptions", "DhcpOptionsId="+own, "InvalidDhcpOptionID.NotFound: The dhcpOptions ID '"+own+"' does not exist")
	do[ec2.DeleteVpcOutput](w, "DeleteVpc", "VpcId="+lab)
	do[ec2.DeleteDhcpOptionsOutput](w, "DeleteDhcpOptions", "DhcpOptionsId="+own)
	w.refuse("DeleteDhcpOptions", "DhcpOptionsId="+own, "InvalidDhcpOptionID.NotFound: The dhcpOptions ID '"+own+"' does not exist")
}

func TestTheDefaultDHCPOptionsComeBack(t *testing.T) {
	w := newWorld(t)
	def := vpc.DefaultDHCPOptions(testScope)
	do[ec2.CreateTagsOutput](w, "CreateTags", "ResourceId.1="+def+"&Tag.1.Key=Name&Tag.1.Value=mine")
	if got := w.tags("Filter.1.Name=resource-type&Filter.1.Value.1=dhcp-options"); got != "dhcp-options Name=mine" {
		t.Errorf("its tags are %q", got)
	}
	do[ec2.AssociateDhcpOptionsOutput](w, "AssociateDhcpOptions", "DhcpOptionsId=default&VpcId="+w.defaultVPC())
	do[ec2.DeleteDhcpOptionsOutput](w, "DeleteDhcpOptions", "DhcpOptionsId="+def)
	if got := do[ec2.DescribeDhcpOptionsOutput](w, "DescribeDhcpOptions", "").DhcpOptions; got == nil || len(got) != 0 {
		t.Errorf("left: %+v", got)
	}
	w.vpc("10.0.0.0/16")
	if got := do[ec2.DescribeDhcpOptionsOutput](w, "DescribeDhcpOptions", "").DhcpOptions; len(got) != 1 || dhcpText(got[0]) != "domain-name=ec2.internal;domain-name-servers=AmazonProvidedDNS" || len(got[0].Tags) != 0 {
		t.Errorf("a new VPC has the options %+v", got)
	}
}

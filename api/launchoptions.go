package api

import (
	"encoding/base64"
	"slices"
	"strings"

	"crenel/vpc"
)

// rest reads what is only kept and shown, and makes the pattern of the instance.
func (l *launch) rest(s *vpc.State) (err error) {
	in, primary := l.in, l.ports[0]
	l.instance = vpc.Instance{Scope: s.Scope, Image: l.image, Type: l.typ.String(), KeyName: value(in.KeyName), Subnet: primary.subnet.ID, VPC: primary.subnet.VPC,
		Zone: primary.subnet.Zone, State: vpc.Pending, KeepAPI: value(in.DisableApiTermination),
		KeepRunning: value(in.DisableApiStop), EBSOptimized: value(in.EbsOptimized), Boots: 1,
		Monitoring: in.Monitoring != nil && value(in.Monitoring.Enabled), Tags: l.tags["instance"]}
	l.instance.Tags = withSystemTags(l.instance.Tags, templateTags(in.LaunchTemplate))
	because(&l.instance, "", "pending", "pending")
	if l.volumes, err = blockDevices(s.Region, l.image, in.BlockDeviceMappings); err != nil {
		return err
	}
	if l.profile, err = profileARN(s.Scope, in.IamInstanceProfile); err != nil {
		return err
	}
	if l.instance.UserData, err = checkUserData(value(in.UserData)); err != nil {
		return err
	}
	if l.instance.Shutdown, err = shutdownBehavior(in.InstanceInitiatedShutdownBehavior); err != nil {
		return err
	}
	if l.instance.CPUCredits, err = l.credits(); err != nil {
		return err
	}
	if err := l.options(); err != nil {
		return err
	}
	if l.instance.Names, err = l.names(primary.subnet); err != nil {
		return err
	}
	l.instance.Metadata, err = l.metadata(s)
	return err
}

// names are what the request says of the instance's private names; where it is silent the subnet decides.
func (l *launch) names(n *vpc.Subnet) (vpc.Names, error) {
	names, o := n.Names, l.in.PrivateDnsNameOptions
	if o == nil {
		return names, nil
	}
	switch o.HostnameType {
	case "":
	case "ip-name", "resource-name":
		names.ByID = o.HostnameType == "resource-name"
	default:
		return names, vpc.Errorf("InvalidParameterValue", "Invalid value '%s' for HostnameType.", o.HostnameType)
	}
	if o.EnableResourceNameDnsARecord != nil {
		names.A = *o.EnableResourceNameDnsARecord
	}
	if o.EnableResourceNameDnsAAAARecord != nil {
		names.AAAA = *o.EnableResourceNameDnsAAAARecord
	}
	return names, nil
}

// options reads those that have a few values each.
func (l *launch) options() error {
	var recovery, bandwidth, capacity string
	if o := l.in.MaintenanceOptions; o != nil {
		recovery = o.AutoRecovery
	}
	if o := l.in.NetworkPerformanceOptions; o != nil {
		bandwidth = o.BandwidthWeighting
	}
	if o := l.in.CapacityReservationSpecification; o != nil {
		capacity = o.CapacityReservationPreference
	}
	for _, option := range []struct {
		name, asked string
		set         *string
		values      []string
	}{
		{"AutoRecovery", recovery, &l.instance.AutoRecovery, []string{"default", "disabled"}},
		{"BandwidthWeighting", bandwidth, &l.instance.Bandwidth, []string{"default", "vpc-1", "ebs-1"}},
		{"CapacityReservationPreference", capacity, &l.instance.Capacity, []string{"open", "none"}},
	} {
		if option.asked != "" && !slices.Contains(option.values, option.asked) {
			return vpc.Errorf("InvalidParameterValue", "Invalid value '%s' for %s.", option.asked, option.name)
		}
		*option.set = option.asked
	}
	return nil
}

// checkUserData refuses user data that is not base64 of at most 16 KB.
func checkUserData(encoded string) (string, error) {
	text := strings.Join(strings.Fields(encoded), "")
	decoded, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return "", vpc.Errorf("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data")
	}
	if len(decoded) > maxUserData {
		return "", vpc.Errorf("InvalidUserData.Malformed", "User data is limited to %d bytes.", maxUserData)
	}
	return text, nil
}

func shutdownBehavior(asked string) (string, error) {
	switch asked {
	case "":
		return "stop", nil
	case "stop", "terminate":
		return asked, nil
	}
	return "", vpc.Errorf("InvalidParameterValue", "Invalid value '%s' for InstanceInitiatedShutdownBehavior.", asked)
}

func (l *launch) credits() (string, error) {
	if l.in.CreditSpecification == nil || !l.typ.burstable {
		return l.typ.credits(), nil
	}
	switch asked := value(l.in.CreditSpecification.CpuCredits); asked {
	case "standard", "unlimited":
		return asked, nil
	default:
		return "", invalid("CpuCredits", asked, "Valid values are: standard, unlimited.")
	}
}

// metadata decides the options of the metadata service: the request's, else the image's, else AWS's.
func (l *launch) metadata(s *vpc.State) (vpc.MetadataOptions, error) {
	o := vpc.MetadataOptions{Tokens: "optional", HopLimit: 1, Endpoint: "enabled", IPv6: "disabled", Tags: "disabled"}
	if m, ok := imageByID(s.Region, l.image); ok && m.imds == "v2.0" {
		o.Tokens, o.HopLimit = "required", 2
	}
	if in := l.in.MetadataOptions; in != nil {
		return changeMetadata(o, in.HttpTokens, in.HttpPutResponseHopLimit, in.HttpEndpoint, in.HttpProtocolIpv6, in.InstanceMetadataTags)
	}
	return o, nil
}

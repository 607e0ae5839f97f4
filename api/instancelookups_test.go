package api

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"crenel/ec2"
)

// What an index finds is what looking at everything finds: a pattern has no index.
func TestIndexedFiltersFindWhatTheOthersDo(t *testing.T) {
	w := newWorld(t)
	w.pool("198.18.0.0/28")
	_, subnet, group := w.testVPC("10.0.0.0/16", "10.0.1.0/24")
	w.withIPv6(subnet, "2600:1f18:1:2::/64", false)
	a := w.run("ClientToken=tok")
	b := w.run("SubnetId=" + subnet + "&Ipv6Address.1.Ipv6Address=2600:1f18:1:2::9")
	w.attach(*w.newFace("SubnetId=" + subnet + "&SecondaryPrivateIpAddressCount=1").NetworkInterfaceId, *b.InstanceId, 1)
	w.newFace("SubnetId=" + *a.SubnetId)
	id, _ := w.allocate()
	association := w.associate("AllocationId=" + id + "&InstanceId=" + *a.InstanceId)
	gone := w.run("SubnetId=" + subnet)
	w.ask("TerminateInstances", *gone.InstanceId)
	w.report(*gone.InstanceId, HostStopped, 1, "")
	reservation := *do[ec2.DescribeInstancesOutput](w, "DescribeInstances", "InstanceId.1="+*a.InstanceId).Reservations[0].ReservationId
	values := map[string][]string{
		"network-interface-id": {*a.NetworkInterfaces[0].NetworkInterfaceId}, "group-id": {group}, "subnet-id": {subnet, *a.SubnetId}, "vpc-id": {*b.VpcId},
		"instance-id": {*a.InstanceId, *gone.InstanceId}, "attachment-id": {*b.NetworkInterfaces[0].Attachment.AttachmentId}, "private-ip-address": {"10.0.1.5", "10.0.1.6"},
		"ipv6-address": {"2600:1f18:1:2::9"}, "allocation-id": {id}, "association-id": {association}, "reservation-id": {reservation}, "client-token": {"tok"},
	}
	ask := func(action, name, value string) (found []string) {
		out, err := w.try(action, "Filter.1.Name="+name+"&Filter.1.Value.1="+url.QueryEscape(value))
		if err != nil {
			t.Fatalf("%s %s=%s: %v", action, name, value, err)
		}
		switch out := out.(type) {
		case *ec2.DescribeNetworkInterfacesOutput:
			for _, i := range out.NetworkInterfaces {
				found = append(found, *i.NetworkInterfaceId)
			}
		case *ec2.DescribeInstancesOutput:
			for _, r := range out.Reservations {
				for _, i := range r.Instances {
					found = append(found, *i.InstanceId)
				}
			}
		}
		return found
	}
	check := func(action, name string) {
		last := name[strings.LastIndex(name, ".")+1:]
		if values[last] == nil {
			t.Errorf("no value for %s", name)
		}
		for _, value := range append(values[last], "none") {
			byIndex := ask(action, name, value)
			if all := ask(action, name, `\`+value); !slices.Equal(byIndex, all) {
				t.Errorf("%s %s=%s: by index %v, else %v", action, name, value, byIndex, all)
			}
		}
	}
	for name := range interfaceLookups {
		check("DescribeNetworkInterfaces", name)
	}
	for name := range instanceLookups {
		check("DescribeInstances", name)
	}
}

// Every filter that AWS documents is known.
func TestTheFiltersOfInterfacesAndInstancesAreKnown(t *testing.T) {
	w := newWorld(t)
	w.run("")
	for _, c := range []struct{ action, names string }{
		{"DescribeNetworkInterfaces", `association.allocation-id association.association-id addresses.association.owner-id addresses.association.public-ip addresses.primary
			addresses.private-ip-address association.ip-owner-id association.public-ip association.public-dns-name attachment.attach-time attachment.attachment-id
			attachment.delete-on-termination attachment.device-index attachment.instance-id attachment.instance-owner-id attachment.status availability-zone
			availability-zone-id description group-id ipv6-addresses.ipv6-address interface-type mac-address network-interface-id operator.managed
			operator.principal owner-id private-dns-name private-ip-address requester-id requester-managed source-dest-check status subnet-id tag:x tag-key vpc-id`},
		{"DescribeInstances", `affinity architecture availability-zone availability-zone-id block-device-mapping.attach-time block-device-mapping.delete-on-termination
			block-device-mapping.device-name block-device-mapping.status block-device-mapping.volume-id boot-mode capacity-reservation-id
			capacity-reservation-specification.capacity-reservation-preference
			capacity-reservation-specification.capacity-reservation-target.capacity-reservation-id
			capacity-reservation-specification.capacity-reservation-target.capacity-reservation-resource-group-arn client-token current-instance-boot-mode
			dns-name ebs-optimized ena-support enclave-options.enabled hibernation-options.configured host-id hypervisor iam-instance-profile.arn
			iam-instance-profile.id image-id instance-id instance-lifecycle instance-state-code instance-state-name instance-type instance.group-id
			instance.group-name ip-address ipv6-address kernel-id key-name launch-index launch-time maintenance-options.auto-recovery
			metadata-options.http-endpoint metadata-options.http-protocol-ipv4 metadata-options.http-protocol-ipv6 metadata-options.http-put-response-hop-limit
			metadata-options.http-tokens metadata-options.instance-metadata-tags metadata-options.state monitoring-state
			network-interface.addresses.association.allocation-id network-interface.addresses.association.association-id
			network-interface.addresses.association.ip-owner-id network-interface.addresses.association.public-dns-name
			network-interface.addresses.association.public-ip network-interface.addresses.primary network-interface.addresses.private-dns-name
			network-interface.addresses.private-ip-address network-interface.association.allocation-id network-interface.association.association-id
			network-interface.association.ip-owner-id network-interface.association.public-dns-name network-interface.association.public-ip
			network-interface.attachment.attach-time network-interface.attachment.attachment-id network-interface.attachment.delete-on-termination
			network-interface.attachment.device-index network-interface.attachment.instance-id network-interface.attachment.instance-owner-id
			network-interface.attachment.network-card-index network-interface.attachment.status network-interface.availability-zone network-interface.description
			network-interface.group-id network-interface.group-name network-interface.ipv6-addresses.ipv6-address network-interface.mac-address
			network-interface.network-interface-id network-interface.owner-id network-interface.private-dns-name network-interface.private-ip-address
			network-interface.requester-id network-interface.requester-managed network-interface.status network-interface.source-dest-check
			network-interface.subnet-id network-interface.tag-key network-interface.tag-value network-interface.vpc-id
			network-performance-options.bandwidth-weighting operator.managed operator.principal outpost-arn owner-id placement-group-name
			placement-partition-number platform platform-details private-dns-name private-dns-name-options.enable-resource-name-dns-a-record
			private-dns-name-options.enable-resource-name-dns-aaaa-record private-dns-name-options.hostname-type private-ip-address product-code product-code.type
			ramdisk-id reason requester-id reservation-id root-device-name root-device-type source-dest-check spot-instance-request-id state-reason-code
			state-reason-message subnet-id tag:x tag-key tenancy tpm-support usage-operation usage-operation-update-time virtualization-type vpc-id`},
		{"DescribeInstanceStatus", `availability-zone availability-zone-id event.code event.description event.instance-event-id event.not-after event.not-before event.not-before-deadline
			instance-state-code instance-state-name instance-status.reachability instance-status.status operator.managed operator.principal
			system-status.reachability system-status.status attached-ebs-status.status`},
		{"DescribeAddresses", `allocation-id association-id instance-id network-border-group network-interface-id network-interface-owner-id private-ip-address public-ip tag:x
			tag-key`},
		{"DescribeNetworkInterfacePermissions", `network-interface-permission.network-interface-permission-id network-interface-permission.network-interface-id
			network-interface-permission.aws-account-id network-interface-permission.aws-service network-interface-permission.permission`},
		{"DescribeInstanceCreditSpecifications", `instance-id`},
	} {
		for _, name := range strings.Fields(c.names) {
			if _, err := w.try(c.action, "Filter.1.Value.1=x&Filter.1.Name="+name); err != nil {
				t.Errorf("%s by %s: %v", c.action, name, err)
			}
		}
	}
}

package conformance

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
)

// often makes a waiter ask as often as the server changes states.
const often = 10 * time.Millisecond

// A waiting is a waiter's Wait with its input.
type waiting func(ctx context.Context, max time.Duration) error

// waitFor makes one of any waiter of the SDK.
func waitFor[In, Options any](wait func(context.Context, *In, time.Duration, ...func(*Options)) error, in In) waiting {
	return func(ctx context.Context, max time.Duration) error {
		return wait(ctx, &in, max, func(o *Options) {
			for _, delay := range []string{"MinDelay", "MaxDelay"} {
				reflect.ValueOf(o).Elem().FieldByName(delay).SetInt(int64(often))
			}
		})
	}
}

// The SDK's waiters end where AWS's answers would end them: well, or, for what never comes, not before their time is
// up or at once with an error.
func TestWaiters(t *testing.T) {
	w := newWorld(t)
	one := func(id string) []string { return []string{id} }
	running := sdk.DescribeInstancesInput{InstanceIds: one(w.lone)}
	ended := sdk.DescribeInstancesInput{InstanceIds: one(*w.ended())}
	absent := sdk.DescribeInstancesInput{InstanceIds: one(*none("i"))}
	status := sdk.DescribeInstanceStatusInput{InstanceIds: one(w.lone)}
	groups := func(state string) sdk.DescribeSecurityGroupVpcAssociationsInput {
		return sdk.DescribeSecurityGroupVpcAssociationsInput{Filters: filter("group-id", state)}
	}
	free := *do(w.caller, w.CreateNetworkInterface, sdk.CreateNetworkInterfaceInput{SubnetId: &w.subnet}).NetworkInterface.NetworkInterfaceId
	gone := do(w.caller, w.DescribeNatGateways, sdk.DescribeNatGatewaysInput{Filter: filter("state", "deleted")}).NatGateways[0]
	volume := sdk.DescribeVolumesInput{Filters: filter("attachment.instance-id", w.instance)}

	const (
		well  = "well"
		never = "never" // it waits on
		wrong = "wrong" // it gives up at once
	)
	for _, tt := range []struct {
		name string
		wait waiting
		want string
	}{
		{"instance-exists", waitFor(sdk.NewInstanceExistsWaiter(w).Wait, running), well},
		{"instance-exists of none", waitFor(sdk.NewInstanceExistsWaiter(w).Wait, absent), never},
		{"instance-running", waitFor(sdk.NewInstanceRunningWaiter(w).Wait, running), well},
		{"instance-running of none", waitFor(sdk.NewInstanceRunningWaiter(w).Wait, absent), never},
		{"instance-running of an ended one", waitFor(sdk.NewInstanceRunningWaiter(w).Wait, ended), wrong},
		{"instance-stopped of a running one", waitFor(sdk.NewInstanceStoppedWaiter(w).Wait, running), never},
		{"instance-stopped of an ended one", waitFor(sdk.NewInstanceStoppedWaiter(w).Wait, ended), wrong},
		{"instance-terminated", waitFor(sdk.NewInstanceTerminatedWaiter(w).Wait, ended), well},
		{"instance-status-ok", waitFor(sdk.NewInstanceStatusOkWaiter(w).Wait, status), well},
		{"system-status-ok", waitFor(sdk.NewSystemStatusOkWaiter(w).Wait, status), well},
		{"security-group-exists", waitFor(sdk.NewSecurityGroupExistsWaiter(w).Wait, sdk.DescribeSecurityGroupsInput{GroupIds: one(w.web)}), well},
		{"security-group-exists of none", waitFor(sdk.NewSecurityGroupExistsWaiter(w).Wait, sdk.DescribeSecurityGroupsInput{GroupIds: one(*none("sg"))}), never},
		{"association associated", waitFor(sdk.NewSecurityGroupVpcAssociationAssociatedWaiter(w).Wait, groups(w.web)), well},
		{"association disassociated", waitFor(sdk.NewSecurityGroupVpcAssociationDisassociatedWaiter(w).Wait, groups(w.group)), well},
		{"association disassociated while it is not", waitFor(sdk.NewSecurityGroupVpcAssociationDisassociatedWaiter(w).Wait, groups(w.web)), never},
		{"network-interface-available", waitFor(sdk.NewNetworkInterfaceAvailableWaiter(w).Wait, sdk.DescribeNetworkInterfacesInput{NetworkInterfaceIds: one(free)}), well},
		{"network-interface-available while in use", waitFor(sdk.NewNetworkInterfaceAvailableWaiter(w).Wait, sdk.DescribeNetworkInterfacesInput{NetworkInterfaceIds: one(w.eni)}), never},
		{"network-interface-available of none", waitFor(sdk.NewNetworkInterfaceAvailableWaiter(w).Wait, sdk.DescribeNetworkInterfacesInput{NetworkInterfaceIds: one(*none("eni"))}), wrong},
		{"subnet-available", waitFor(sdk.NewSubnetAvailableWaiter(w).Wait, sdk.DescribeSubnetsInput{SubnetIds: one(w.subnet)}), well},
		{"vpc-available", waitFor(sdk.NewVpcAvailableWaiter(w).Wait, sdk.DescribeVpcsInput{VpcIds: one(w.vpc)}), well},
		{"vpc-exists", waitFor(sdk.NewVpcExistsWaiter(w).Wait, sdk.DescribeVpcsInput{VpcIds: one(w.vpc)}), well},
		{"vpc-exists of none", waitFor(sdk.NewVpcExistsWaiter(w).Wait, sdk.DescribeVpcsInput{VpcIds: one(*none("vpc"))}), never},
		{"internet-gateway-exists", waitFor(sdk.NewInternetGatewayExistsWaiter(w).Wait, sdk.DescribeInternetGatewaysInput{InternetGatewayIds: one(w.gateway)}), well},
		{"vpc-peering-connection-exists", waitFor(sdk.NewVpcPeeringConnectionExistsWaiter(w).Wait, sdk.DescribeVpcPeeringConnectionsInput{VpcPeeringConnectionIds: one(w.pcx)}), well},
		{"vpc-peering-connection-exists of none", waitFor(sdk.NewVpcPeeringConnectionExistsWaiter(w).Wait, sdk.DescribeVpcPeeringConnectionsInput{VpcPeeringConnectionIds: one(*none("pcx"))}), never},
		{"vpc-peering-connection-deleted", waitFor(sdk.NewVpcPeeringConnectionDeletedWaiter(w).Wait, sdk.DescribeVpcPeeringConnectionsInput{VpcPeeringConnectionIds: one(*none("pcx"))}), well},
		{"nat-gateway-available", waitFor(sdk.NewNatGatewayAvailableWaiter(w).Wait, sdk.DescribeNatGatewaysInput{NatGatewayIds: one(w.nat)}), well},
		{"nat-gateway-available of a deleted one", waitFor(sdk.NewNatGatewayAvailableWaiter(w).Wait, sdk.DescribeNatGatewaysInput{NatGatewayIds: one(*gone.NatGatewayId)}), wrong},
		{"nat-gateway-deleted", waitFor(sdk.NewNatGatewayDeletedWaiter(w).Wait, sdk.DescribeNatGatewaysInput{NatGatewayIds: one(*gone.NatGatewayId)}), well},
		{"nat-gateway-deleted of none", waitFor(sdk.NewNatGatewayDeletedWaiter(w).Wait, sdk.DescribeNatGatewaysInput{NatGatewayIds: one(*none("nat"))}), well},
		{"key-pair-exists", waitFor(sdk.NewKeyPairExistsWaiter(w).Wait, sdk.DescribeKeyPairsInput{KeyNames: one("ops")}), well},
		{"key-pair-exists of none", waitFor(sdk.NewKeyPairExistsWaiter(w).Wait, sdk.DescribeKeyPairsInput{KeyNames: one("nobodys")}), never},
		{"image-available", waitFor(sdk.NewImageAvailableWaiter(w).Wait, sdk.DescribeImagesInput{Filters: filter("name", "debian-12-amd64-*")}), well},
		{"volume-in-use", waitFor(sdk.NewVolumeInUseWaiter(w).Wait, volume), well},
		{"volume-deleted", waitFor(sdk.NewVolumeDeletedWaiter(w).Wait, sdk.DescribeVolumesInput{VolumeIds: one(*none("vol"))}), well},
	} {
		max := time.Minute
		if tt.want == never {
			max = 50 * time.Millisecond
		}
		err := tt.wait(t.Context(), max)
		got := wrong
		if err == nil {
			got = well
		} else if strings.HasPrefix(err.Error(), "exceeded max wait time") || errors.Is(err, context.DeadlineExceeded) {
			got = never
		}
		if got != tt.want {
			t.Errorf("%s: it ends %s, want %s: %v", tt.name, got, tt.want, err)
		}
	}
	// An instance on its way, as waiters see it pass.
	do(w.caller, w.StopInstances, sdk.StopInstancesInput{InstanceIds: one(w.lone)})
	if err := waitFor(sdk.NewInstanceStoppedWaiter(w).Wait, running)(t.Context(), time.Minute); err != nil {
		t.Error(err)
	}
}

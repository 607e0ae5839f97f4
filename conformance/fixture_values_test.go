package conformance

import (
	"fmt"
	"net/netip"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func yes() *types.AttributeBooleanValue { return &types.AttributeBooleanValue{Value: new(true)} }
func no() *types.AttributeBooleanValue  { return &types.AttributeBooleanValue{Value: new(false)} }

var tokens atomic.Int64

// token is a ClientToken that no other call has.
func token() *string { return new(fmt.Sprintf("token-%d", tokens.Add(1))) }

// bump is the range after 10.1.0.0/16, or nil.
func bump(cidr *string) *string {
	if cidr == nil {
		return nil
	}
	return new("10.2.0.0/16")
}

// block is the n-th /64 of an IPv6 range.
func block(whole string, n byte) string {
	a := netip.MustParsePrefix(whole).Addr().As16()
	a[7] = n
	return netip.PrefixFrom(netip.AddrFrom16(a), 64).String()
}

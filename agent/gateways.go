package agent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"crenel/hostapi"
	"crenel/hostnet"
)

// settleGateways makes the NAT gateways that are wanted, and removes the others. It waits for nobody: a gateway is a network
// namespace with a link, and no process. What could not be done is tried again, as is a link that is gone.
func (a *Agent) settleGateways(ctx context.Context) error {
	if a.desired.View == nil {
		return nil // nothing was heard yet: what is there stays
	}
	wanted := map[string]bool{}
	var errs []error
	for _, g := range a.desired.NATGateways {
		wanted[g.ID] = true
		if err := a.gateway(ctx, g); err != nil {
			errs = append(errs, fmt.Errorf("NAT gateway %s: %w", g.ID, err))
		}
	}
	here, err := os.ReadDir(a.paths.gateways())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		errs = append(errs, err)
	}
	for _, f := range here { // their links are gone: see dropDetached
		if !wanted[f.Name()] {
			errs = append(errs, hostnet.RemoveNamespace(filepath.Join(a.paths.gateways(), f.Name())))
		}
	}
	return errors.Join(errs...)
}

// gateway makes the NAT gateway, if it is not there.
func (a *Agent) gateway(ctx context.Context, g hostapi.NATGateway) error {
	i := linkOf(g.Interface)
	ns, err := hostnet.Namespace(filepath.Join(a.paths.gateways(), g.ID), i.Addr.Addr())
	if err != nil {
		return err
	}
	defer ns.Close()
	if w := a.wired[i.ID]; w.index == 0 || w.leaving {
		a.wired[i.ID] = wire{instance: g.ID}
		index, err := a.connect(ctx, i, ns)
		if err != nil {
			return err
		}
		a.wired[i.ID] = wire{index: index, instance: g.ID}
		if err := a.apply(); err != nil {
			return err
		}
	}
	return a.up(ctx, i, ns)
}

// linkOf is the interface's link.
func linkOf(i hostapi.Interface) hostnet.Interface {
	return hostnet.Interface{ID: i.ID, Device: i.DeviceIndex, MAC: net.HardwareAddr(i.MAC[:]), Addr: i.Addr, Gateway: i.Gateway,
		IPv6: i.IPv6, IPv6Gateway: i.IPv6Gateway}
}

// namespace is the network namespace of the instance or NAT gateway.
func (a *Agent) namespace(id string) (*os.File, error) {
	for _, g := range a.desired.NATGateways {
		if g.ID == id {
			return hostnet.Namespace(filepath.Join(a.paths.gateways(), id), g.Interface.Addr.Addr())
		}
	}
	return a.home.NetNS(id)
}

// removeGateways removes the namespaces of all NAT gateways; their links must be gone.
func removeGateways(dir string) error {
	here, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	errs := []error{err}
	for _, f := range here {
		errs = append(errs, hostnet.RemoveNamespace(filepath.Join(dir, f.Name())))
	}
	return errors.Join(append(errs, os.Remove(dir))...)
}

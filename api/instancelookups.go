package api

import (
	"iter"

	"crenel/ec2"
	"crenel/vpc"
)

// find returns the objects with the ids or, where none is given, those that may meet the filters.
func (l lookups[T]) find(s *vpc.State, k ids[T], wanted []string, filters []ec2.Filter) ([]*T, error) {
	if len(wanted) > 0 {
		return k.all(s, wanted)
	}
	return l.asked(s, k, filters), nil
}

var interfaceLookups = lookups[vpc.Interface]{
	"network-interface-id":         only(interfaceIDs),
	"group-id":                     interfacesBy("group"),
	"subnet-id":                    interfacesBy("subnet"),
	"vpc-id":                       interfacesBy("vpc"),
	"attachment.instance-id":       interfacesBy("instance"),
	"attachment.attachment-id":     interfacesBy("attachment"),
	"private-ip-address":           interfacesAt,
	"addresses.private-ip-address": interfacesAt,
	"ipv6-addresses.ipv6-address":  interfacesAt,
	"association.allocation-id":    interfacesOfElasticIP(only(elasticIPIDs)),
	"association.association-id": interfacesOfElasticIP(func(s *vpc.State, value string) iter.Seq[*vpc.ElasticIP] {
		return s.ElasticIPs.By("association", value)
	}),
}

var instanceLookups = lookups[vpc.Instance]{
	"instance-id": only(instanceIDs),
	"reservation-id": func(s *vpc.State, value string) iter.Seq[*vpc.Instance] {
		return s.Instances.By("reservation", value)
	},
	"client-token": func(s *vpc.State, value string) iter.Seq[*vpc.Instance] {
		return s.Instances.By("token", vpc.TokenKey(s.Scope, vpc.Token{Value: value}))
	},
	"instance.group-id":                              instancesOf(interfacesBy("group")),
	"network-interface.group-id":                     instancesOf(interfacesBy("group")),
	"subnet-id":                                      instancesOf(interfacesBy("subnet")),
	"network-interface.subnet-id":                    instancesOf(interfacesBy("subnet")),
	"vpc-id":                                         instancesOf(interfacesBy("vpc")),
	"network-interface.vpc-id":                       instancesOf(interfacesBy("vpc")),
	"network-interface.network-interface-id":         instancesOf(only(interfaceIDs)),
	"private-ip-address":                             instancesOf(interfacesAt),
	"network-interface.addresses.private-ip-address": instancesOf(interfacesAt),
}

// only yields the object with the id.
func only[T any](k ids[T]) func(*vpc.State, string) iter.Seq[*T] {
	return func(s *vpc.State, id string) iter.Seq[*T] {
		return func(yield func(*T) bool) {
			if o := k.table(s).Get(id); o != nil {
				yield(o)
			}
		}
	}
}

func interfacesBy(index string) func(*vpc.State, string) iter.Seq[*vpc.Interface] {
	return func(s *vpc.State, value string) iter.Seq[*vpc.Interface] { return s.Interfaces.By(index, value) }
}

// interfacesAt yields the interface with the address of each VPC.
func interfacesAt(s *vpc.State, address string) iter.Seq[*vpc.Interface] {
	return func(yield func(*vpc.Interface) bool) {
		for v := range s.VPCs.By("scope", s.Key()) {
			if i := s.Interfaces.First("address", vpc.AddressKey(v.ID, address)); i != nil && !yield(i) {
				return
			}
		}
	}
}

// interfacesOfElasticIP yields what the Elastic IPs are associated with, whoever owns them.
func interfacesOfElasticIP(find func(*vpc.State, string) iter.Seq[*vpc.ElasticIP]) func(*vpc.State, string) iter.Seq[*vpc.Interface] {
	return func(s *vpc.State, value string) iter.Seq[*vpc.Interface] {
		return func(yield func(*vpc.Interface) bool) {
			for a := range find(s, value) {
				if i := s.Interfaces.Get(a.Interface); i != nil && !yield(i) {
					return
				}
			}
		}
	}
}

// instancesOf yields the instances that the interfaces are attached to.
func instancesOf(find func(*vpc.State, string) iter.Seq[*vpc.Interface]) func(*vpc.State, string) iter.Seq[*vpc.Instance] {
	return func(s *vpc.State, value string) iter.Seq[*vpc.Instance] {
		return func(yield func(*vpc.Instance) bool) {
			for i := range find(s, value) {
				if i.Attachment == nil {
					continue
				}
				if instance := s.Instances.Get(i.Attachment.Instance); instance != nil && !yield(instance) {
					return
				}
			}
		}
	}
}

package api

import (
	"slices"
	"strconv"

	"crenel/ec2"
	"crenel/vpc"
)

// accountOperations tell an account about itself.
var accountOperations = []Operation{read(describeAccountAttributes)}

// describeAccountAttributes tells what the account may do in the Region.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeAccountAttributes.html
func describeAccountAttributes(s *vpc.State, in *ec2.DescribeAccountAttributesInput) (*ec2.DescribeAccountAttributesOutput, error) {
	defaultVPC := "none"
	if v := s.DefaultVPC(); v != nil {
		defaultVPC = v.ID
	}
	all := []ec2.AccountAttribute{
		accountAttribute("vpc-max-security-groups-per-interface", strconv.Itoa(s.Limit(vpc.GroupsPerInterface))),
		accountAttribute("max-instances", strconv.Itoa(maxInstances)),
		accountAttribute("supported-platforms", "VPC"),
		accountAttribute("default-vpc", defaultVPC),
		accountAttribute("max-elastic-ips", strconv.Itoa(s.Limit(vpc.ElasticIPsPerRegion))),
		accountAttribute("vpc-max-elastic-ips", strconv.Itoa(s.Limit(vpc.ElasticIPsPerRegion))),
	}
	if len(in.AttributeNames) == 0 {
		return &ec2.DescribeAccountAttributesOutput{AccountAttributes: all}, nil
	}
	out := &ec2.DescribeAccountAttributesOutput{}
	for _, name := range in.AttributeNames {
		i := slices.IndexFunc(all, func(a ec2.AccountAttribute) bool { return *a.AttributeName == name })
		if i < 0 {
			return nil, vpc.Errorf("InvalidParameterValue", "Value (%s) for parameter attributeName is invalid. Unknown attribute.", name)
		}
		out.AccountAttributes = append(out.AccountAttributes, all[i])
	}
	return out, nil
}

func accountAttribute(name, val string) ec2.AccountAttribute {
	return ec2.AccountAttribute{AttributeName: new(name), AttributeValues: []ec2.AccountAttributeValue{{AttributeValue: new(val)}}}
}

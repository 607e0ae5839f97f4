package api

import (
	"cmp"
	"slices"
	"strings"

	"crenel/ec2"
	"crenel/vpc"
)

// gatewayServices have gateway endpoints, and interfaceServices interface endpoints: AWS's own, in
// every Region, by the last part of their names.
// https://docs.aws.amazon.com/vpc/latest/privatelink/aws-services-privatelink-support.html
var (
	gatewayServices   = []string{"s3", "dynamodb"}
	interfaceServices = strings.Fields("access-analyzer acm-pca application-autoscaling appmesh-envoy-management athena autoscaling " +
		"autoscaling-plans backup batch bedrock bedrock-runtime cloudformation cloudtrail codeartifact.api codeartifact.repositories codebuild " +
		"codecommit codedeploy codepipeline config datasync dms dynamodb ebs ec2 ec2messages ecr.api ecr.dkr ecs ecs-agent ecs-telemetry " +
		"eks eks-auth elasticache elasticbeanstalk elasticbeanstalk-health elasticfilesystem elasticloadbalancing elasticmapreduce email-smtp " +
		"events execute-api fsx git-codecommit glue guardduty-data imagebuilder inspector2 kafka kinesis-firehose kinesis-streams kms " +
		"lakeformation lambda license-manager logs monitoring network-firewall rds rds-data redshift redshift-data rolesanywhere s3 " +
		"sagemaker.api sagemaker.runtime secretsmanager securityhub servicecatalog servicediscovery sns sqs ssm ssmmessages states " +
		"storagegateway sts synthetics transfer transfer.server xray")
)

// An endpointService is a service with endpoints of one type.
type endpointService struct{ region, short, typ string }

func (v endpointService) name() string { return "com.amazonaws." + v.region + "." + v.short }

// domain is the service's name in DNS, which private DNS leads to the endpoint: "" where it has none.
func (v endpointService) domain() string {
	if v.typ == "Gateway" || v.short == "dynamodb" {
		return ""
	}
	short := map[string]string{"kinesis-streams": "kinesis", "kinesis-firehose": "firehose"}[v.short]
	parts := strings.Split(cmp.Or(short, v.short), ".")
	slices.Reverse(parts)
	return strings.Join(parts, ".") + "." + v.region + ".amazonaws.com"
}

// endpointServices are all of the Region.
func endpointServices(region string) (all []endpointService) {
	for _, short := range gatewayServices {
		all = append(all, endpointService{region, short, "Gateway"})
	}
	for _, short := range interfaceServices {
		all = append(all, endpointService{region, short, "Interface"})
	}
	return all
}

func noService(name string) error {
	return vpc.Errorf("InvalidServiceName", "The Vpc Endpoint Service '%s' does not exist", name)
}

// findService finds a service by its whole name and the type of endpoint that is wanted of it.
func findService(region, name, typ string) (found endpointService, err error) {
	var types []string
	for _, v := range endpointServices(region) {
		if v.name() == name {
			types = append(types, v.typ)
			if v.typ == typ {
				return v, nil
			}
		}
	}
	if types == nil {
		return found, noService(name)
	}
	return found, vpc.Errorf("InvalidParameter", "Endpoint type (%s) does not match available service types ([%s]).", typ, strings.Join(types, ", "))
}

// describeVpcEndpointServices lists the services of the Region.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcEndpointServices.html
func describeVpcEndpointServices(s *vpc.State, in *ec2.DescribeVpcEndpointServicesInput) (*ec2.DescribeVpcEndpointServicesOutput, error) {
	for _, region := range in.ServiceRegions {
		if !vpc.IsRegion(region) {
			return nil, invalid("ServiceRegion", region, "This is not a Region.")
		}
	}
	all := endpointServices(s.Region)
	for _, name := range in.ServiceNames {
		if !slices.ContainsFunc(all, func(v endpointService) bool { return v.name() == name }) {
			return nil, noService(name)
		}
	}
	var items []ec2.ServiceDetail
	for _, v := range all {
		wanted := len(in.ServiceNames) == 0 || slices.Contains(in.ServiceNames, v.name())
		if wanted && (len(in.ServiceRegions) == 0 || slices.Contains(in.ServiceRegions, s.Region)) {
			items = append(items, v.show())
		}
	}
	details, next, err := endpointServiceListing.page(s, in, len(in.ServiceNames) > 0, items)
	if err != nil {
		return nil, err
	}
	out := &ec2.DescribeVpcEndpointServicesOutput{ServiceDetails: details, ServiceNames: []string{}, NextToken: next}
	for _, d := range details {
		out.ServiceNames = append(out.ServiceNames, *d.ServiceName)
	}
	out.ServiceNames = slices.Compact(out.ServiceNames)
	return out, nil
}

func (v endpointService) show() ec2.ServiceDetail {
	d := ec2.ServiceDetail{ServiceName: new(v.name()), ServiceId: new(stableID("vpce-svc", v.region, v.typ+"/"+v.short)),
		ServiceType: []ec2.ServiceTypeDetail{{ServiceType: v.typ}}, ServiceRegion: new(v.region), Owner: new("amazon"),
		AcceptanceRequired: new(false), ManagesVpcEndpoints: new(false), VpcEndpointPolicySupported: new(true),
		SupportedIpAddressTypes: []string{"ipv4"}, AvailabilityZones: []string{}, AvailabilityZoneIds: []string{}, Tags: []ec2.Tag{},
		BaseEndpointDnsNames: []string{v.short + "." + v.region + ".vpce.amazonaws.com"}, PrivateDnsNames: []ec2.PrivateDnsDetails{}}
	if v.typ == "Gateway" {
		d.BaseEndpointDnsNames = []string{v.short + "." + v.region + ".amazonaws.com"}
	}
	if domain := v.domain(); domain != "" {
		d.PrivateDnsName, d.PrivateDnsNameVerificationState = new(domain), "verified"
		d.PrivateDnsNames = []ec2.PrivateDnsDetails{{PrivateDnsName: new(domain)}}
	}
	for _, zone := range vpc.Zones(v.region) {
		d.AvailabilityZones, d.AvailabilityZoneIds = append(d.AvailabilityZones, zone.Name), append(d.AvailabilityZoneIds, zone.ID)
	}
	return d
}

var endpointServiceListing = listing[ec2.ServiceDetail]{
	filters: filters[ec2.ServiceDetail]{
		"owner":          func(d *ec2.ServiceDetail) []string { return of(d.Owner) },
		"service-name":   func(d *ec2.ServiceDetail) []string { return of(d.ServiceName) },
		"service-region": func(d *ec2.ServiceDetail) []string { return of(d.ServiceRegion) },
		"service-type": func(d *ec2.ServiceDetail) []string {
			return each(d.ServiceType, func(t *ec2.ServiceTypeDetail) string { return t.ServiceType })
		},
		"supported-ip-address-types": func(d *ec2.ServiceDetail) []string { return d.SupportedIpAddressTypes },
	}.tagged(func(d *ec2.ServiceDetail) []ec2.Tag { return d.Tags }),
	paging: paging{low: 5, high: 1000},
	key:    func(d *ec2.ServiceDetail) string { return *d.ServiceName + " " + d.ServiceType[0].ServiceType },
}

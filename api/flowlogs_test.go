package api

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"crenel/ec2"
	"crenel/vpc"
)

const (
	toGroup = "&LogGroupName=logs&DeliverLogsPermissionArn=arn:aws:iam::111122223333:role/logs"
	toS3    = "&LogDestinationType=s3&LogDestination=arn:aws:s3:::bucket"
	allOf   = "&TrafficType=ALL"
)

// stranger is another account in the same Region.
var stranger = vpc.Scope{Account: "999999999999", Region: "us-east-1"}

// logged makes a flow log of one resource and returns its id.
func (w *world) logged(kind, id, form string) string {
	w.Helper()
	return do[ec2.CreateFlowLogsOutput](w, "CreateFlowLogs", "ResourceType="+kind+"&ResourceId.1="+id+form).FlowLogIds[0]
}

func TestAFlowLogIsShownAsItWasMade(t *testing.T) {
	w := newWorld(t)
	v := w.defaultVPC()
	w.logged("VPC", v, toGroup+allOf+"&TagSpecification.1.ResourceType=vpc-flow-log&TagSpecification.1.Tag.1.Key=a&TagSpecification.1.Tag.1.Value=b")
	w.logged("VPC", v, toS3+"&TrafficType=REJECT&MaxAggregationInterval=60&DestinationOptions.FileFormat=parquet&DestinationOptions.PerHourPartition=true&LogFormat="+url.QueryEscape("${version} ${vpc-id} ${reject-reason}"))
	var got []string
	for _, l := range do[ec2.DescribeFlowLogsOutput](w, "DescribeFlowLogs", "").FlowLogs {
		line := fmt.Sprintln(*l.ResourceId == v, l.TrafficType, l.LogDestinationType, value(l.LogGroupName)+value(l.LogDestination), *l.MaxAggregationInterval, *l.FlowLogStatus, len(l.Tags), *l.LogFormat)
		if o := l.DestinationOptions; o != nil {
			line += fmt.Sprintln(o.FileFormat, *o.HiveCompatiblePartitions, *o.PerHourPartition)
		}
		if *l.DeliverLogsStatus != "FAILED" || *l.DeliverLogsErrorMessage != notDelivered {
			t.Errorf("a flow log pretends to deliver: %s %s", *l.DeliverLogsStatus, *l.DeliverLogsErrorMessage)
		}
		got = append(got, line)
	}
	slices.Sort(got)
	want := []string{
		"true ALL cloud-watch-logs logs 600 ACTIVE 1 ${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${packets} ${bytes} ${start} ${end} ${action} ${log-status}\n",
		"true REJECT s3 arn:aws:s3:::bucket 60 ACTIVE 0 ${version} ${vpc-id} ${reject-reason}\nparquet false true\n",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestFlowLogsAreRefused(t *testing.T) {
	w := newWorld(t)
	v := w.defaultVPC()
	const group, s3, hose = "&LogGroupName=g&DeliverLogsPermissionArn=arn:aws:iam::1:role/r", toS3, "&LogDestinationType=kinesis-data-firehose&LogDestination=arn:aws:firehose:us-east-1:1:deliverystream/s"
	many := ""
	for n := range maxFlowLogResources + 1 {
		many += fmt.Sprintf("&ResourceId.%d=vpc-%08x", n+2, n)
	}
	for _, c := range []struct{ form, want string }{
		{"ResourceType=Vpc" + allOf + group, "InvalidParameterValue: 1 validation error detected: Value 'Vpc' at 'resourceType' failed to satisfy constraint: Member must satisfy enum value set: [VPC, Subnet, NetworkInterface, TransitGateway, TransitGatewayAttachment, RegionalNatGateway]"},
		{"ResourceType=TransitGateway" + group, "UnsupportedOperation: The resource type TransitGateway is not supported."},
		{"ResourceType=Subnet" + allOf + group, `InvalidSubnetID.Malformed: Invalid id: "` + v + `" (expecting "subnet-...")`},
		{"ResourceType=VPC" + group, "MissingParameter: The request must contain the parameter TrafficType"},
		{"ResourceType=VPC&TrafficType=SOME" + group, "InvalidParameterValue: 1 validation error detected: Value 'SOME' at 'trafficType' failed to satisfy constraint: Member must satisfy enum value set: [ACCEPT, REJECT, ALL]"},
		{"ResourceType=VPC" + allOf + "&LogDestinationType=ftp&LogGroupName=g", "InvalidParameterValue: 1 validation error detected: Value 'ftp' at 'logDestinationType' failed to satisfy constraint: Member must satisfy enum value set: [cloud-watch-logs, s3, kinesis-data-firehose]"},
		{"ResourceType=VPC" + allOf, "InvalidParameter: LogDestination can't be empty if LogGroupName is not provided."},
		{"ResourceType=VPC" + allOf + "&LogDestinationType=s3", "InvalidParameter: LogDestination can't be empty if LogGroupName is not provided."},
		{"ResourceType=VPC" + allOf + s3 + "&LogGroupName=g", "InvalidParameter: Please only provide LogGroupName or only provide LogDestination."},
		{"ResourceType=VPC" + allOf + "&LogDestinationType=s3&LogGroupName=g", "InvalidParameter: LogDestination type must be cloud-watch-logs if LogGroupName is provided."},
		{"ResourceType=VPC" + allOf + "&LogGroupName=g", "InvalidParameter: DeliverLogsPermissionArn can't be empty if LogDestinationType is cloud-watch-logs."},
		{"ResourceType=VPC" + allOf + s3 + "&DeliverLogsPermissionArn=arn:aws:iam::1:role/r", "InvalidParameter: DeliverLogsPermissionArn is not applicable for s3 delivery"},
		{"ResourceType=VPC" + allOf + s3 + "&DeliverCrossAccountRole=arn:aws:iam::1:role/r", "InvalidParameter: DeliverCrossAccountRole is not applicable for s3 delivery"},
		{"ResourceType=VPC" + allOf + hose + "&DeliverLogsPermissionArn=arn:aws:iam::1:role/r", "InvalidParameter: When providing a role for cross-account delivery, both the DeliverLogsPermissionArn and DeliverCrossAccountRole fields must be set."},
		{"ResourceType=VPC" + allOf + "&LogGroupName=g&DeliverLogsPermissionArn=role", "InvalidParameterValue: Value (role) for parameter deliverLogsPermissionArn is invalid. Specify the ARN of an IAM role."},
		{"ResourceType=VPC" + allOf + "&LogGroupName=a+b&DeliverLogsPermissionArn=arn:aws:iam::1:role/r", "InvalidParameterValue: 1 validation error detected: Value 'a b' at 'logGroupName' has an invalid format"},
		{"ResourceType=VPC" + allOf + "&LogDestinationType=s3&LogDestination=bucket", "InvalidParameterValue: Value (bucket) for parameter logDestination is invalid. Specify the ARN of an S3 bucket."},
		{"ResourceType=VPC" + allOf + s3 + "/a/AWSLogs/", "InvalidParameterValue: Value (arn:aws:s3:::bucket/a/AWSLogs/) for parameter logDestination is invalid. AWSLogs is a reserved subfolder name."},
		{"ResourceType=VPC" + allOf + "&LogDestination=arn:aws:s3:::b&DeliverLogsPermissionArn=arn:aws:iam::1:role/r", "InvalidParameterValue: Value (arn:aws:s3:::b) for parameter logDestination is invalid. Specify the ARN of a CloudWatch Logs log group."},
		{"ResourceType=VPC" + allOf + group + "&DestinationOptions.FileFormat=parquet", "InvalidParameter: DestinationOptions is not applicable for cloud-watch-logs delivery"},
		{"ResourceType=VPC" + allOf + s3 + "&DestinationOptions.FileFormat=csv", "InvalidParameterValue: 1 validation error detected: Value 'csv' at 'destinationOptions.fileFormat' failed to satisfy constraint: Member must satisfy enum value set: [plain-text, parquet]"},
		{"ResourceType=VPC" + allOf + group + "&MaxAggregationInterval=300", "InvalidParameter: Invalid Flow Log Max Aggregation Interval"},
		{"ResourceType=VPC" + allOf + group + "&LogFormat=$%7Bversion%7D+", "InvalidParameterValue: 1 validation error detected: Value '${version} ' at 'logFormat' has an invalid format"},
		{"ResourceType=VPC" + allOf + group + "&LogFormat=version", "InvalidParameterValue: 1 validation error detected: Value 'version' at 'logFormat' has an invalid format"},
		{"ResourceType=VPC" + allOf + group + "&LogFormat=", "InvalidParameterValue: 1 validation error detected: Value '' at 'logFormat' has an invalid format"},
		{"ResourceType=VPC" + allOf + group + "&LogFormat=$%7Bversion%7D+$%7Bcolour%7D", "InvalidParameter: Unknown fields provided: [colour]"},
		{"ResourceType=VPC" + allOf + group + "&TagFieldSpecification.1.ResourceType=vpc", "UnsupportedOperation: The parameter TagFieldSpecification is not supported."},
		{"ResourceType=VPC" + allOf + group + "&TagSpecification.1.ResourceType=vpc&TagSpecification.1.Tag.1.Key=a", "InvalidParameterValue: 'vpc' is not a valid taggable resource type for this operation."},
		{"ResourceType=VPC" + allOf + group + many, "InvalidParameterValue: The maximum number of resource IDs in a request is 300."},
		{"ResourceType=VPC" + allOf + group + "&DryRun=true", "DryRunOperation: Request would have succeeded, but DryRun flag is set."},
	} {
		w.refuse("CreateFlowLogs", "ResourceId.1="+v+"&"+c.form, c.want)
	}
	w.refuse("CreateFlowLogs", "ResourceType=VPC"+allOf+group, "MissingParameter: The request must contain the parameter ResourceId")
	w.refuse("CreateFlowLogs", "ResourceType=VPC&ResourceId.1=vpc-0123456789abcdef0"+allOf+group, "InvalidVpcID.NotFound: The vpc ID 'vpc-0123456789abcdef0' does not exist")
	w.as(stranger).refuse("CreateFlowLogs", "ResourceType=VPC&ResourceId.1="+v+allOf+group, "InvalidVpcID.NotFound: The vpc ID '"+v+"' does not exist")
	if n := w.state.FlowLogs.Len(); n != 0 {
		t.Errorf("there are %d flow logs", n)
	}
}

func TestFlowLogsAreMadeWhereTheyCan(t *testing.T) {
	w := newWorld(t)
	v := w.defaultVPC()
	out := do[ec2.CreateFlowLogsOutput](w, "CreateFlowLogs", "ResourceType=VPC&ResourceId.1="+v+"&ResourceId.2=vpc-0123456789abcdef0&ResourceId.3="+v+toGroup+allOf)
	if len(out.FlowLogIds) != 1 || len(out.Unsuccessful) != 1 || *out.Unsuccessful[0].ResourceId != "vpc-0123456789abcdef0" || *out.Unsuccessful[0].Error.Code != "InvalidVpcID.NotFound" || *out.Unsuccessful[0].Error.Message != "The vpc ID 'vpc-0123456789abcdef0' does not exist" {
		t.Errorf("got %+v", out)
	}
	w.refuse("CreateFlowLogs", "ResourceType=VPC&ResourceId.1="+v+toGroup+allOf, "FlowLogAlreadyExists: Error. There is an existing Flow Log with the same configuration and log destination.")
	w.logged("VPC", v, toGroup+"&TrafficType=REJECT")
	w.refuse("CreateFlowLogs", "ResourceType=VPC&ResourceId.1="+v+toS3+allOf, "FlowLogsLimitExceeded: The maximum number of flow logs for '"+v+"' has been reached.")
	first := *do[ec2.CreateFlowLogsOutput](w, "CreateFlowLogs", "ResourceType=Subnet&ClientToken=t&ResourceId.1="+w.defaultSubnet("us-east-1a")+toGroup+allOf).ClientToken
	again := do[ec2.CreateFlowLogsOutput](w, "CreateFlowLogs", "ResourceType=Subnet&ClientToken=t&ResourceId.1="+w.defaultSubnet("us-east-1a")+toGroup+allOf)
	if n := w.state.FlowLogs.Len(); n != 3 || first != "t" || len(again.FlowLogIds) != 1 {
		t.Errorf("the token made %d flow logs, %+v", n, again)
	}
	w.refuse("CreateFlowLogs", "ResourceType=Subnet&ClientToken=t&ResourceId.1="+w.defaultSubnet("us-east-1a")+toS3+allOf, "IdempotentParameterMismatch: Arguments on this idempotent request are inconsistent with arguments used in previous request(s).")
}

func TestFlowLogsAreFoundAndDeleted(t *testing.T) {
	w := newWorld(t)
	subnet := w.defaultSubnet("us-east-1a")
	face := *w.run("").NetworkInterfaces[0].NetworkInterfaceId
	a := w.logged("Subnet", subnet, toGroup+"&TrafficType=ACCEPT&TagSpecification.1.ResourceType=vpc-flow-log&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=x")
	b := w.logged("NetworkInterface", face, "&LogDestination=arn:aws:logs:us-east-1:1:log-group:other&DeliverLogsPermissionArn=arn:aws:iam::1:role/r"+allOf)
	for _, c := range []struct{ name, val, want string }{
		{"deliver-log-status", "FAILED", a + b},
		{"flow-log-id", b, b},
		{"log-destination-type", "cloud-watch-logs", a + b},
		{"log-destination-type", "s3", ""},
		{"log-group-name", "other", b},
		{"log-group-name", "logs", a},
		{"resource-id", face, b},
		{"traffic-type", "ACCEPT", a},
		{"tag:Name", "x", a},
		{"tag-key", "Name", a},
	} {
		var got string
		for _, l := range do[ec2.DescribeFlowLogsOutput](w, "DescribeFlowLogs", "Filter.1.Name="+c.name+"&Filter.1.Value.1="+c.val).FlowLogs {
			got += *l.FlowLogId
		}
		if got != c.want && got != b+a || len(got) != len(c.want) {
			t.Errorf("%s=%s: got %s, want %s", c.name, c.val, got, c.want)
		}
	}
	w.refuse("DescribeFlowLogs", "Filter.1.Name=colour&Filter.1.Value.1=red", "InvalidParameterValue: The filter 'colour' is invalid")
	w.refuse("DescribeFlowLogs", "FlowLogId.1=fl-01234567&FlowLogId.2="+a, "InvalidFlowLogId.NotFound: These flow log ids in the input list are not found: [TotalCount: 1] fl-01234567")
	w.refuse("DescribeFlowLogs", "FlowLogId.1=flow", "InvalidParameterValue: 1 validation error detected: Value 'flow' at 'flowLogId' has an invalid format")
	w.refuse("DescribeFlowLogs", "MaxResults=4", "InvalidParameterValue: Value ( 4 ) for parameter MaxResults is invalid. Expecting a value greater than or equal to 5.")
	if got := do[ec2.DescribeFlowLogsOutput](w, "DescribeFlowLogs", "FlowLogId.1="+a).FlowLogs; len(got) != 1 || *got[0].FlowLogId != a {
		t.Errorf("got %+v", got)
	}
	if got := do[ec2.DescribeFlowLogsOutput](w.as(stranger), "DescribeFlowLogs", "").FlowLogs; len(got) != 0 {
		t.Errorf("another account sees %+v", got)
	}
	w.refuse("DeleteFlowLogs", "FlowLogId.1=fl-01234567&FlowLogId.2=fl-89abcdef", "InvalidFlowLogId.NotFound: These flow log ids in the input list are not found: [TotalCount: 2] fl-01234567 fl-89abcdef")
	w.refuse("DeleteFlowLogs", "FlowLogId.1=x", "InvalidParameterValue: 1 validation error detected: Value 'x' at 'flowLogId' has an invalid format")
	out := do[ec2.DeleteFlowLogsOutput](w, "DeleteFlowLogs", "FlowLogId.1=fl-01234567&FlowLogId.2="+a)
	if len(out.Unsuccessful) != 1 || *out.Unsuccessful[0].ResourceId != "fl-01234567" || *out.Unsuccessful[0].Error.Code != "InvalidFlowLogId.NotFound" || w.state.FlowLogs.Len() != 1 {
		t.Errorf("got %+v, %d are left", out, w.state.FlowLogs.Len())
	}
}

// What is logged takes its flow logs along, however it goes.
func TestFlowLogsGoWithTheirResource(t *testing.T) {
	w := newWorld(t)
	v, subnet, _ := w.testVPC("10.0.0.0/16", "10.0.1.0/24")
	i := w.run("SubnetId=" + subnet)
	w.logged("VPC", v, toGroup+allOf)
	w.logged("Subnet", subnet, toGroup+allOf)
	w.logged("NetworkInterface", *i.NetworkInterfaces[0].NetworkInterfaceId, toGroup+allOf)
	left := func(want int) {
		t.Helper()
		if got := w.state.FlowLogs.Len(); got != want {
			t.Errorf("%d flow logs are left, want %d", got, want)
		}
	}
	left(3)
	do[ec2.TerminateInstancesOutput](w, "TerminateInstances", "InstanceId.1="+*i.InstanceId)
	w.report(*i.InstanceId, HostStopped, 1, "")
	left(2)
	do[ec2.DeleteSubnetOutput](w, "DeleteSubnet", "SubnetId="+subnet)
	left(1)
	do[ec2.DeleteVpcOutput](w, "DeleteVpc", "VpcId="+v)
	left(0)
}

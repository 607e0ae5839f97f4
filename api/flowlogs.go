package api

import (
	"slices"
	"strings"

	"crenel/ec2"
	"crenel/vpc"
)

// flowLogOperations keep flow logs. Nothing writes their records yet, and they say so.
var flowLogOperations = []Operation{
	write(createFlowLogs),
	write(deleteFlowLogs),
	read(describeFlowLogs),
}

// What AWS allows in one request.
const (
	maxFlowLogResources = 300
	maxFlowLogIDs       = 1000
)

// notDelivered is what every flow log says of its delivery.
const notDelivered = "Flow log records are not delivered by this version."

// createFlowLogs makes a flow log for each of the resources. Where none can be made the call fails;
// else the answer lists those of which none was made.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateFlowLogs.html
func createFlowLogs(e *vpc.Edit, in *ec2.CreateFlowLogsInput) (*ec2.CreateFlowLogsOutput, error) {
	token, err := readToken(in)
	if err != nil {
		return nil, err
	}
	out := &ec2.CreateFlowLogsOutput{ClientToken: optional(token.Value), FlowLogIds: []string{}, Unsuccessful: []ec2.UnsuccessfulItem{}}
	if earlier, err := madeBefore(e.State, e.FlowLogs, token, func(l *vpc.FlowLog) vpc.Token { return l.Token }); earlier != nil || err != nil {
		for l := range e.FlowLogs.By("token", vpc.TokenKey(e.Scope, token)) {
			out.FlowLogIds = append(out.FlowLogIds, l.ID)
		}
		return out, err
	}
	check, err := flowLogResources(e.State, in)
	if err != nil {
		return nil, err
	}
	pattern, err := newFlowLog(e, in)
	if err != nil {
		return nil, err
	}
	pattern.Token = token
	resources := slices.Compact(slices.Sorted(slices.Values(in.ResourceIds)))
	out.Unsuccessful, err = forEach(resources, func(id string) error {
		l := pattern
		l.Resource = id
		if err := check(id); err != nil {
			return err
		}
		if err := newForResource(e.State, &l); err != nil {
			return err
		}
		l.ID = e.NewID("fl")
		e.FlowLogs.Put(&l)
		out.FlowLogIds = append(out.FlowLogIds, l.ID)
		return nil
	})
	if len(out.FlowLogIds) == 0 {
		return nil, err
	}
	return out, nil
}

// flowLogResources looks at the kind of the resources and at how their ids are written, and returns
// the question whether one is there.
func flowLogResources(s *vpc.State, in *ec2.CreateFlowLogsInput) (exists func(id string) error, err error) {
	var written func(id string) error
	switch in.ResourceType {
	case "VPC":
		written, exists = vpcIDs.check, func(id string) error { _, err := vpcIDs.find(s, id); return err }
	case "Subnet":
		written, exists = subnetIDs.check, func(id string) error { _, err := subnetIDs.find(s, id); return err }
	case "NetworkInterface":
		written, exists = interfaceIDs.check, func(id string) error { _, err := interfaceIDs.find(s, id); return err }
	case "TransitGateway", "TransitGatewayAttachment", "RegionalNatGateway":
		return nil, vpc.Errorf("UnsupportedOperation", "The resource type %s is not supported.", in.ResourceType)
	default:
		return nil, notOneOf("resourceType", in.ResourceType, "VPC", "Subnet", "NetworkInterface", "TransitGateway", "TransitGatewayAttachment", "RegionalNatGateway")
	}
	if len(in.ResourceIds) > maxFlowLogResources {
		return nil, vpc.Errorf("InvalidParameterValue", "The maximum number of resource IDs in a request is %d.", maxFlowLogResources)
	}
	for _, id := range in.ResourceIds {
		if err := written(id); err != nil {
			return nil, err
		}
	}
	return exists, nil
}

// newFlowLog makes of a request what its flow logs have in common.
func newFlowLog(e *vpc.Edit, in *ec2.CreateFlowLogsInput) (l vpc.FlowLog, err error) {
	switch in.TrafficType {
	case "ACCEPT", "REJECT", "ALL":
	case "":
		return l, missing("TrafficType")
	default:
		return l, notOneOf("trafficType", in.TrafficType, "ACCEPT", "REJECT", "ALL")
	}
	l = vpc.FlowLog{Scope: e.Scope, Traffic: in.TrafficType, DestinationType: in.LogDestinationType, Destination: value(in.LogDestination),
		LogGroup: value(in.LogGroupName), PermissionRole: value(in.DeliverLogsPermissionArn), CrossAccountRole: value(in.DeliverCrossAccountRole),
		Created: e.Now}
	if l.DestinationType == "" {
		l.DestinationType = "cloud-watch-logs"
	}
	if err := refuse(given{"TagFieldSpecification", len(in.TagFieldSpecifications) > 0}); err != nil {
		return l, err
	}
	if err := checkFlowLogDestination(&l); err != nil {
		return l, err
	}
	if l.Options, err = flowLogOptions(&l, in.DestinationOptions); err != nil {
		return l, err
	}
	if l.Format, err = flowLogFormat(in.LogFormat); err != nil {
		return l, err
	}
	switch l.Interval = int(value(in.MaxAggregationInterval)); {
	case in.MaxAggregationInterval == nil:
		l.Interval = 600
	case l.Interval != 60 && l.Interval != 600:
		return l, vpc.Errorf("InvalidParameter", "Invalid Flow Log Max Aggregation Interval")
	}
	tags, err := createTagsFor(in.TagSpecifications, "vpc-flow-log")
	l.Tags = tags["vpc-flow-log"]
	return l, err
}

// newForResource refuses a flow log that its resource has already, and one too many.
func newForResource(s *vpc.State, l *vpc.FlowLog) error {
	n := 0
	for other := range s.FlowLogs.By("resource", l.Resource) {
		if other.Target() == l.Target() && other.Traffic == l.Traffic {
			return vpc.Errorf("FlowLogAlreadyExists", "Error. There is an existing Flow Log with the same configuration and log destination.")
		}
		n++
	}
	if n >= s.Limit(vpc.FlowLogsPerResource) {
		return vpc.Errorf("FlowLogsLimitExceeded", "The maximum number of flow logs for '%s' has been reached.", l.Resource)
	}
	return nil
}

// deleteFlowLogs deletes flow logs. Where none of them is there the call fails; else the answer lists
// those that are not.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteFlowLogs.html
func deleteFlowLogs(e *vpc.Edit, in *ec2.DeleteFlowLogsInput) (*ec2.DeleteFlowLogsOutput, error) {
	ids, err := flowLogsAsked(in.FlowLogIds)
	if err != nil {
		return nil, err
	}
	failed, _ := forEach(ids, func(id string) error {
		if flowLogIDs.get(e.State, id) == nil {
			return noFlowLogs(id)
		}
		e.FlowLogs.Delete(id)
		return nil
	})
	if len(failed) == len(ids) {
		return nil, noFlowLogs(ids...)
	}
	return &ec2.DeleteFlowLogsOutput{Unsuccessful: failed}, nil
}

// describeFlowLogs lists flow logs.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeFlowLogs.html
func describeFlowLogs(s *vpc.State, in *ec2.DescribeFlowLogsInput) (*ec2.DescribeFlowLogsOutput, error) {
	ids, err := flowLogsAsked(in.FlowLogIds)
	if err != nil {
		return nil, err
	}
	if unknown := slices.DeleteFunc(ids, func(id string) bool { return flowLogIDs.get(s, id) != nil }); len(unknown) > 0 {
		return nil, noFlowLogs(unknown...)
	}
	found, err := flowLogIDs.all(s, in.FlowLogIds)
	if err != nil {
		return nil, err
	}
	var items []ec2.FlowLog
	for _, l := range found {
		items = append(items, showFlowLog(l))
	}
	logs, next, err := flowLogListing.page(s, in, len(in.FlowLogIds) > 0, items)
	if err != nil {
		return nil, err
	}
	return &ec2.DescribeFlowLogsOutput{FlowLogs: logs, NextToken: next}, nil
}

// flowLogsAsked are the ids of a request, each once.
func flowLogsAsked(ids []string) ([]string, error) {
	if len(ids) > maxFlowLogIDs {
		return nil, vpc.Errorf("InvalidParameterValue", "The maximum number of flow log IDs in a request is %d.", maxFlowLogIDs)
	}
	for _, id := range ids {
		if flowLogIDs.check(id) != nil {
			return nil, badFormat("flowLogId", id)
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(ids))), nil
}

func noFlowLogs(ids ...string) error {
	return vpc.Errorf("InvalidFlowLogId.NotFound", "These flow log ids in the input list are not found: [TotalCount: %d] %s", len(ids), strings.Join(ids, " "))
}

// badFormat and notOneOf are how the API of flow logs speaks of values.
func badFormat(member, got string) error {
	return vpc.Errorf("InvalidParameterValue", "1 validation error detected: Value '%s' at '%s' has an invalid format", got, member)
}

func notOneOf(member, got string, values ...string) error {
	return vpc.Errorf("InvalidParameterValue", "1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must satisfy enum value set: [%s]", got, member, strings.Join(values, ", "))
}

func showFlowLog(l *vpc.FlowLog) ec2.FlowLog {
	shown := ec2.FlowLog{
		FlowLogId: new(l.ID), ResourceId: new(l.Resource), TrafficType: l.Traffic, FlowLogStatus: new("ACTIVE"), CreationTime: new(l.Created),
		LogDestinationType: l.DestinationType, LogDestination: optional(l.Destination), LogGroupName: optional(logGroupOf(l)),
		DeliverLogsStatus: new("FAILED"), DeliverLogsErrorMessage: new(notDelivered), DeliverLogsPermissionArn: optional(l.PermissionRole),
		DeliverCrossAccountRole: optional(l.CrossAccountRole), LogFormat: new(l.Format), MaxAggregationInterval: new(int32(l.Interval)),
		Tags: tagSet(l.Tags),
	}
	if l.DestinationType == "s3" {
		shown.DestinationOptions = &ec2.DestinationOptionsResponse{FileFormat: l.Options.FileFormat,
			HiveCompatiblePartitions: new(l.Options.Hive), PerHourPartition: new(l.Options.HourlyParts)}
	}
	return shown
}

// logGroupOf is the name of the log group, also where its ARN was given.
func logGroupOf(l *vpc.FlowLog) string {
	if _, name, ok := strings.Cut(l.Destination, ":log-group:"); ok && l.DestinationType == "cloud-watch-logs" {
		return strings.TrimSuffix(name, ":*")
	}
	return l.LogGroup
}

var flowLogListing = listing[ec2.FlowLog]{
	filters: filters[ec2.FlowLog]{
		"deliver-log-status":   func(l *ec2.FlowLog) []string { return of(l.DeliverLogsStatus) },
		"flow-log-id":          func(l *ec2.FlowLog) []string { return of(l.FlowLogId) },
		"log-destination-type": func(l *ec2.FlowLog) []string { return of(l.LogDestinationType) },
		"log-group-name":       func(l *ec2.FlowLog) []string { return of(l.LogGroupName) },
		"resource-id":          func(l *ec2.FlowLog) []string { return of(l.ResourceId) },
		"traffic-type":         func(l *ec2.FlowLog) []string { return of(l.TrafficType) },
	}.tagged(func(l *ec2.FlowLog) []ec2.Tag { return l.Tags }),
	paging: paging{low: 5, high: 1000},
	key:    func(l *ec2.FlowLog) string { return *l.FlowLogId },
}

// defaultFlowLogFields are those of a flow log whose request names none; knownFlowLogFields are all.
// https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
var (
	defaultFlowLogFields = strings.Fields("version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status")
	knownFlowLogFields   = append(strings.Fields("vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr "+
		"region az-id sublocation-type sublocation-id "+
		"pkt-src-aws-service pkt-dst-aws-service flow-direction traffic-path "+
		"ecs-cluster-arn ecs-cluster-name ecs-container-instance-arn ecs-container-instance-id ecs-container-id "+
		"ecs-second-container-id ecs-service-name ecs-task-definition-arn ecs-task-arn ecs-task-id "+
		"reject-reason resource-id encryption-status"), defaultFlowLogFields...)
)

// flowLogFormat reads "${field} ${field} …": known fields with one space between two.
func flowLogFormat(asked *string) (string, error) {
	if asked == nil {
		return "${" + strings.Join(defaultFlowLogFields, "} ${") + "}", nil
	}
	var unknown []string
	for _, part := range strings.Split(*asked, " ") {
		name, opened := strings.CutPrefix(part, "${")
		name, closed := strings.CutSuffix(name, "}")
		if !opened || !closed || name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return "", badFormat("logFormat", *asked)
		}
		if !slices.Contains(knownFlowLogFields, name) {
			unknown = append(unknown, name)
		}
	}
	if unknown != nil {
		return "", vpc.Errorf("InvalidParameter", "Unknown fields provided: [%s]", strings.Join(unknown, ", "))
	}
	return *asked, nil
}

// A flowLogDestination is how the ARNs of one kind of destination begin, and how AWS speaks of it.
type flowLogDestination struct{ arn, resource, form string }

var flowLogDestinations = map[string]flowLogDestination{
	"cloud-watch-logs":      {"logs", "log-group:", "Specify the ARN of a CloudWatch Logs log group."},
	"s3":                    {"s3", "", "Specify the ARN of an S3 bucket."},
	"kinesis-data-firehose": {"firehose", "deliverystream/", "Specify the ARN of a Kinesis Data Firehose delivery stream."},
}

// checkFlowLogDestination looks at where the records shall go, and at what that needs.
func checkFlowLogDestination(l *vpc.FlowLog) error {
	kind, ok := flowLogDestinations[l.DestinationType]
	wrong := func(format string, args ...any) error { return vpc.Errorf("InvalidParameter", format, args...) }
	switch {
	case !ok:
		return notOneOf("logDestinationType", l.DestinationType, "cloud-watch-logs", "s3", "kinesis-data-firehose")
	case l.LogGroup != "" && l.Destination != "":
		return wrong("Please only provide LogGroupName or only provide LogDestination.")
	case l.LogGroup == "" && l.Destination == "":
		return wrong("LogDestination can't be empty if LogGroupName is not provided.")
	case l.LogGroup != "" && l.DestinationType != "cloud-watch-logs":
		return wrong("LogDestination type must be cloud-watch-logs if LogGroupName is provided.")
	case l.DestinationType == "cloud-watch-logs" && l.PermissionRole == "":
		return wrong("DeliverLogsPermissionArn can't be empty if LogDestinationType is cloud-watch-logs.")
	case l.DestinationType == "s3" && l.PermissionRole != "":
		return wrong("DeliverLogsPermissionArn is not applicable for s3 delivery")
	case l.DestinationType == "s3" && l.CrossAccountRole != "":
		return wrong("DeliverCrossAccountRole is not applicable for s3 delivery")
	case l.DestinationType == "kinesis-data-firehose" && (l.PermissionRole == "") != (l.CrossAccountRole == ""):
		return wrong("When providing a role for cross-account delivery, both the DeliverLogsPermissionArn and DeliverCrossAccountRole fields must be set.")
	case l.LogGroup != "" && (len(l.LogGroup) > 512 || strings.Trim(l.LogGroup, logGroupAlphabet) != ""):
		return badFormat("logGroupName", l.LogGroup)
	}
	for _, role := range []struct{ member, arn string }{{"deliverLogsPermissionArn", l.PermissionRole}, {"deliverCrossAccountRole", l.CrossAccountRole}} {
		if role.arn != "" && !strings.HasPrefix(role.arn, "arn:aws:iam::") {
			return invalid(role.member, role.arn, "Specify the ARN of an IAM role.")
		}
	}
	return kind.check(l.Destination)
}

const logGroupAlphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_/#"

// check refuses what is no ARN of the kind: "arn:aws:SERVICE:REGION:ACCOUNT:RESOURCE".
func (d flowLogDestination) check(arn string) error {
	if arn == "" {
		return nil
	}
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" || parts[1] != "aws" || parts[2] != d.arn ||
		!strings.HasPrefix(parts[5], d.resource) || len(parts[5]) == len(d.resource) {
		return invalid("logDestination", arn, d.form)
	}
	_, folder, _ := strings.Cut(parts[5], "/")
	if d.arn == "s3" && slices.Contains(strings.Split(folder, "/"), "AWSLogs") {
		return invalid("logDestination", arn, "AWSLogs is a reserved subfolder name.")
	}
	return nil
}

// flowLogOptions reads how files in S3 shall look; nothing else has files.
func flowLogOptions(l *vpc.FlowLog, asked *ec2.DestinationOptionsRequest) (o vpc.FlowLogOptions, err error) {
	if l.DestinationType != "s3" {
		if asked != nil {
			err = vpc.Errorf("InvalidParameter", "DestinationOptions is not applicable for %s delivery", l.DestinationType)
		}
		return o, err
	}
	o.FileFormat = "plain-text"
	if asked == nil {
		return o, nil
	}
	switch asked.FileFormat {
	case "":
	case "plain-text", "parquet":
		o.FileFormat = asked.FileFormat
	default:
		return o, notOneOf("destinationOptions.fileFormat", asked.FileFormat, "plain-text", "parquet")
	}
	o.Hive, o.HourlyParts = value(asked.HiveCompatiblePartitions), value(asked.PerHourPartition)
	return o, nil
}

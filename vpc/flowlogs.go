package vpc

import "time"

// A FlowLog asks for records of a VPC's, a subnet's or an interface's traffic. Only its tags change.
// https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs.html
type FlowLog struct {
	ID string
	Scope
	Resource         string // the id of what is logged
	Traffic          string // ACCEPT, REJECT or ALL
	DestinationType  string // cloud-watch-logs, s3 or kinesis-data-firehose
	Destination      string // its ARN; "" where LogGroup was given instead
	LogGroup         string // of cloud-watch-logs
	PermissionRole   string // the ARN of the role that may write there; "" where none is needed
	CrossAccountRole string
	Format           string // "${version} ${account-id} …"
	Interval         int    // seconds: 60 or 600
	Options          FlowLogOptions
	Created          time.Time
	Token            Token
	Tags             Tags
}

func newFlowLogs() *Table[FlowLog] {
	return newTable("flow-log", func(l *FlowLog) string { return l.ID }, map[string]func(*FlowLog) []string{
		"token":    func(l *FlowLog) []string { return tokenKeys(l.Scope, l.Token) },
		"resource": func(l *FlowLog) []string { return keys{l.Resource} },
	})
}

// FlowLogOptions are how files in S3 look.
type FlowLogOptions struct {
	FileFormat  string // plain-text or parquet
	Hive        bool   // HiveCompatiblePartitions
	HourlyParts bool   // PerHourPartition
}

// Target is where the records go: two flow logs of a resource must differ in it or in their traffic.
func (l *FlowLog) Target() string { return l.DestinationType + " " + l.Destination + " " + l.LogGroup }

# Every waiter of `aws ec2 wait` about networks and instances, its pages, dry runs, and Service Quotas. Each command starts a
# Python of its own: what does not depend on another runs beside it.
set -eu
fail() { echo "FAILED: $*" >&2; exit 1; }
is() { [ "$1" = "$2" ] || fail "got '$1', want '$2'"; }
refused() { # code command…
	code=$1; shift
	if out=$("$@" 2>&1); then fail "$* is not refused"; fi
	case $out in *"($code)"*) ;; *) fail "$*: $out" ;; esac
}
text() { aws ec2 "$@" --output text; }
begin() { "$@" & pids="${pids-} $!"; }
finish() { for pid in $pids; do wait "$pid" || fail "what ran in the background"; done; pids=; }

VPC=$(text create-vpc --cidr-block 10.80.0.0/16 --query Vpc.VpcId)
begin aws ec2 wait vpc-exists --vpc-ids $VPC
begin aws ec2 wait vpc-available --vpc-ids $VPC
SUBNET=$(text create-subnet --vpc-id $VPC --cidr-block 10.80.0.0/24 --query Subnet.SubnetId)
begin aws ec2 wait subnet-available --subnet-ids $SUBNET
GROUP=$(text create-security-group --vpc-id $VPC --group-name web --description web --query GroupId)
begin aws ec2 wait security-group-exists --group-ids $GROUP
INSTANCE=$(text run-instances --image-id ami-0123456789abcdef0 --subnet-id $SUBNET --security-group-ids $GROUP --query 'Instances[0].InstanceId')
begin aws ec2 wait instance-exists --instance-ids $INSTANCE
IGW=$(text create-internet-gateway --query InternetGateway.InternetGatewayId)
begin aws ec2 wait internet-gateway-exists --internet-gateway-ids $IGW
begin aws ec2 create-key-pair --key-name $VPC --query KeyPairId
begin aws ec2 wait instance-running --instance-ids $INSTANCE
aws ec2 attach-internet-gateway --internet-gateway-id $IGW --vpc-id $VPC
finish
ENI=$(text create-network-interface --subnet-id $SUBNET --groups $GROUP --query NetworkInterface.NetworkInterfaceId)
begin aws ec2 wait network-interface-available --network-interface-ids $ENI
begin aws ec2 wait key-pair-exists --key-names $VPC
begin aws ec2 wait instance-status-ok --instance-ids $INSTANCE
begin aws ec2 wait system-status-ok --instance-ids $INSTANCE
EIP=$(text allocate-address --query AllocationId)
NAT=$(text create-nat-gateway --subnet-id $SUBNET --allocation-id $EIP --query NatGateway.NatGatewayId)
begin aws ec2 wait nat-gateway-available --nat-gateway-ids $NAT
PEER=$(text create-vpc --cidr-block 10.81.0.0/16 --query Vpc.VpcId)
PEERING=$(text create-vpc-peering-connection --vpc-id $VPC --peer-vpc-id $PEER --query VpcPeeringConnection.VpcPeeringConnectionId)
begin aws ec2 wait vpc-peering-connection-exists --vpc-peering-connection-ids $PEERING
finish

# Pages: the CLI asks for the next one until there is none, or stops and says where it was.
PORTS=$(seq -s ' ' 1001 1012 | sed 's/[0-9]*/IpProtocol=tcp,FromPort=&,ToPort=&,IpRanges=[{CidrIp=10.0.0.0\/8}]/g')
aws ec2 authorize-security-group-ingress --group-id $GROUP --ip-permissions $PORTS --query Return
RULES="describe-security-group-rules --filters Name=group-id,Values=$GROUP"
is "$(aws ec2 $RULES --page-size 5 --query 'length(SecurityGroupRules)')" 13
NEXT=$(aws ec2 $RULES --page-size 5 --max-items 7 --query NextToken | tr -d '"')
is "$(aws ec2 $RULES --page-size 5 --starting-token "$NEXT" --query 'length(SecurityGroupRules)')" 6
refused InvalidParameterValue aws ec2 $RULES --next-token x

refused DryRunOperation aws ec2 create-subnet --vpc-id $VPC --cidr-block 10.80.1.0/24 --dry-run
refused InvalidSubnet.Range aws ec2 create-subnet --vpc-id $VPC --cidr-block 10.82.0.0/24 --dry-run
is "$(aws service-quotas get-service-quota --service-code vpc --quota-code L-0EA8095F --query Quota.Value)" 60.0
is "$(aws service-quotas list-aws-default-service-quotas --service-code vpc --page-size 3 --query "Quotas[?QuotaCode=='L-E79EC296'].Value | [0]")" 2500.0

begin aws ec2 stop-instances --instance-ids $INSTANCE --query 'StoppingInstances[0].CurrentState.Name'
begin aws ec2 delete-nat-gateway --nat-gateway-id $NAT
begin aws ec2 delete-vpc-peering-connection --vpc-peering-connection-id $PEERING --query Return
finish
begin aws ec2 wait nat-gateway-deleted --nat-gateway-ids $NAT
begin aws ec2 wait vpc-peering-connection-deleted --vpc-peering-connection-ids $PEERING
begin aws ec2 wait instance-stopped --instance-ids $INSTANCE
finish
aws ec2 terminate-instances --instance-ids $INSTANCE --query 'TerminatingInstances[0].CurrentState.Name'
aws ec2 wait instance-terminated --instance-ids $INSTANCE
# What can never come about fails at once.
refused_wait=0; aws ec2 wait instance-running --instance-ids $INSTANCE 2>/dev/null || refused_wait=$?
is $refused_wait 255

#!/bin/sh
# README.md's session, as a new user types it; every step checks what it saw. Called by TestTheSessionOfTheREADME with
# CRENEL (the program), DATA (the data directory) and NAME (of the group) set, and `aws` on the PATH.
set -eu
say() { echo "session: $*"; }
fail() { echo "session: FAILED: $*" >&2; exit 1; }
eval "$("$CRENEL" env --data-dir "$DATA")"
export AWS_PAGER= AWS_MAX_ATTEMPTS=1
say "$(command aws --version)"

[ "$(aws ec2 describe-vpcs --query 'Vpcs[].[CidrBlock,IsDefault]' --output text)" = "172.31.0.0/16	True" ] || fail "the default VPC"
[ "$(aws ec2 describe-subnets --query 'length(Subnets[?DefaultForAz])')" = 6 ] || fail "its subnets"
[ "$(aws ec2 describe-security-groups --group-names default --query 'SecurityGroups[].GroupName' --output text)" = default ] || fail "its default group"
[ "$(aws sts get-caller-identity --query Account --output text)" = 123456789012 ] || fail "the caller"

SG=$(aws ec2 create-security-group --group-name "$NAME" --description web --query GroupId --output text)
AMI=$(aws ec2 describe-images --filters 'Name=name,Values=al2023-ami-2023*-x86_64' --query 'Images[0].ImageId' --output text)
printf '#!/bin/sh\ncd /srv && echo hello > index.html && exec python3 -m http.server 80\n' > serve.sh
I=$(aws ec2 run-instances --image-id "$AMI" --security-group-ids "$SG" --user-data file://serve.sh --query 'Instances[0].InstanceId' --output text)
aws ec2 wait instance-running --instance-ids "$I"
IP=$(aws ec2 describe-instances --instance-ids "$I" --query 'Reservations[0].Instances[0].PublicIpAddress' --output text)
say "$I has $IP in $SG"
for _ in $(seq 100); do # the web server is the user's: its start is not the API's to wait for
	"$CRENEL" exec --data-dir "$DATA" "$I" -- curl -s -o /dev/null -m 3 http://localhost/ && break
	sleep 0.1
done

reached() { curl -s -m "$1" --noproxy '*' "http://$IP/"; }
silent() { # curl's 28 is a time-out: neither an RST nor an ICMP error came back
	status=0
	reached 2 >/dev/null || status=$?
	[ "$status" = 28 ] || fail "$1: curl says $status, not 28"
}
silent "nothing is allowed in"
aws ec2 authorize-security-group-ingress --group-id "$SG" --protocol tcp --port 80 --cidr 0.0.0.0/0 > authorized.json
grep -q sgr- authorized.json || fail "authorize shows its rule"
[ "$(reached 0.9)" = hello ] || fail "it answers, at once: before a lost packet would be sent again"
aws ec2 authorize-security-group-ingress --group-id "$SG" --protocol tcp --port 80 --cidr 0.0.0.0/0 2> twice.txt && fail "a rule twice"
grep -q '(InvalidPermission.Duplicate)' twice.txt || fail "$(cat twice.txt)"
grep -q 'the specified rule "peer: 0.0.0.0/0, TCP, from port: 80, to port: 80, ALLOW" already exists$' twice.txt || fail "$(cat twice.txt)"
aws ec2 revoke-security-group-ingress --group-id "$SG" --protocol tcp --port 80 --cidr 0.0.0.0/0 > /dev/null
silent "a new connection times out again"

aws ec2 delete-security-group --group-id "$SG" 2> used.txt && fail "a group in use was deleted"
grep -q DependencyViolation used.txt || fail "$(cat used.txt)"
aws ec2 get-console-output --instance-id "$I" --output text --query Output | grep -q "$I" || fail "the console names the instance"
aws ec2 terminate-instances --instance-ids "$I" > /dev/null
aws ec2 wait instance-terminated --instance-ids "$I"
aws ec2 delete-security-group --group-id "$SG" > /dev/null
say done

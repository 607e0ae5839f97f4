# What follows README.md's session in TestTheSessionOfTheREADME: SG, AMI, I and IP are its variables.
aws ec2 authorize-security-group-ingress --group-id "$SG" --protocol tcp --port 80 --cidr 0.0.0.0/0 > authorized.json
grep -q sgr- authorized.json || fail "authorize shows its rule"
aws ec2 authorize-security-group-ingress --group-id "$SG" --protocol tcp --port 80 --cidr 0.0.0.0/0 2> twice.txt && fail "a rule twice"
grep -q '(InvalidPermission.Duplicate)' twice.txt || fail "$(cat twice.txt)"
grep -q 'the specified rule "peer: 0.0.0.0/0, TCP, from port: 80, to port: 80, ALLOW" already exists$' twice.txt || fail "$(cat twice.txt)"

[ "$(aws ec2 describe-vpcs --query 'Vpcs[].[CidrBlock,IsDefault]' --output text)" = "172.31.0.0/16	True" ] || fail "the default VPC"
[ "$(aws ec2 describe-subnets --query 'length(Subnets[?DefaultForAz])')" = 6 ] || fail "its subnets"
[ "$(aws ec2 describe-security-groups --group-names default --query 'SecurityGroups[].GroupName' --output text)" = default ] || fail "its default group"
[ "$(aws sts get-caller-identity --query Account --output text)" = 123456789012 ] || fail "the caller"

aws ec2 delete-security-group --group-id "$SG" 2> used.txt && fail "a group in use was deleted"
grep -q DependencyViolation used.txt || fail "$(cat used.txt)"
aws ec2 get-console-output --instance-id "$I" --output text --query Output | grep -q "$I" || fail "the console names the instance"
[ "$(bin/crenel exec "$I" -- hostname -I | tr -d ' \n')" = "$(aws ec2 describe-instances --instance-ids "$I" --query 'Reservations[0].Instances[0].PrivateIpAddress' --output text)" ] || fail "exec is inside"
aws ec2 terminate-instances --instance-ids "$I" > /dev/null
aws ec2 wait instance-terminated --instance-ids "$I"
aws ec2 delete-security-group --group-id "$SG" > /dev/null

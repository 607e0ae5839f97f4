// A three-tier network with the AWS SDK for JavaScript v3: built, looked at through its paginators and
// waiters, refused where AWS refuses, and taken down.
import assert from "node:assert/strict";
import * as aws from "@aws-sdk/client-ec2";

const ec2 = new aws.EC2({ endpoint: process.env.AWS_ENDPOINT_URL, region: process.env.AWS_REGION });
const wait = { client: ec2, maxWaitTime: 60, minDelay: 1, maxDelay: 1 };
const refused = (call, name, message) =>
  assert.rejects(call, (e) => {
    assert.equal(e.name, name);
    assert.match(e.message, message);
    assert.ok(e.$metadata.requestId && e.$metadata.httpStatusCode < 500);
    return true;
  });

const { Vpc } = await ec2.createVpc({
  CidrBlock: "10.70.0.0/16",
  TagSpecifications: [{ ResourceType: "vpc", Tags: [{ Key: "Name", Value: "js" }] }],
});
await aws.waitUntilVpcAvailable(wait, { VpcIds: [Vpc.VpcId] });
await ec2.modifyVpcAttribute({ VpcId: Vpc.VpcId, EnableDnsHostnames: { Value: true } });

const subnets = [];
for (const [n, zone] of ["us-east-1a", "us-east-1a", "us-east-1b"].entries()) {
  const { Subnet } = await ec2.createSubnet({ VpcId: Vpc.VpcId, CidrBlock: `10.70.${n}.0/24`, AvailabilityZone: zone });
  assert.equal(Subnet.AvailableIpAddressCount, 251);
  subnets.push(Subnet.SubnetId);
}
await aws.waitUntilSubnetAvailable(wait, { SubnetIds: subnets });
await refused(ec2.createSubnet({ VpcId: Vpc.VpcId, CidrBlock: "10.70.0.128/25" }), "InvalidSubnet.Conflict", /10\.70\.0\.128\/25/);

const { InternetGateway } = await ec2.createInternetGateway({});
await ec2.attachInternetGateway({ VpcId: Vpc.VpcId, InternetGatewayId: InternetGateway.InternetGatewayId });
const { RouteTable } = await ec2.createRouteTable({ VpcId: Vpc.VpcId });
await ec2.createRoute({
  RouteTableId: RouteTable.RouteTableId,
  DestinationCidrBlock: "0.0.0.0/0",
  GatewayId: InternetGateway.InternetGatewayId,
});
const { AssociationId } = await ec2.associateRouteTable({ RouteTableId: RouteTable.RouteTableId, SubnetId: subnets[0] });

const groups = {};
for (const name of ["web", "app", "db"]) {
  const { GroupId } = await ec2.createSecurityGroup({ GroupName: name, Description: name, VpcId: Vpc.VpcId });
  groups[name] = GroupId;
}
await aws.waitUntilSecurityGroupExists(wait, { GroupIds: Object.values(groups) });
const web = {
  GroupId: groups.web,
  IpPermissions: [
    {
      IpProtocol: "tcp",
      FromPort: 443,
      ToPort: 443,
      IpRanges: [{ CidrIp: "0.0.0.0/0", Description: "everybody" }],
      Ipv6Ranges: [{ CidrIpv6: "::/0" }],
    },
  ],
};
const { SecurityGroupRules } = await ec2.authorizeSecurityGroupIngress(web);
assert.equal(SecurityGroupRules.length, 2);
await refused(
  ec2.authorizeSecurityGroupIngress(web),
  "InvalidPermission.Duplicate",
  /"peer: 0\.0\.0\.0\/0, TCP, from port: 443, to port: 443, ALLOW" already exists/,
);
for (const [from, to, port] of [["web", "app", 8080], ["app", "db", 5432]])
  await ec2.authorizeSecurityGroupIngress({
    GroupId: groups[to],
    IpPermissions: [{ IpProtocol: "tcp", FromPort: port, ToPort: port, UserIdGroupPairs: [{ GroupId: groups[from] }] }],
  });
await refused(ec2.deleteSecurityGroup({ GroupId: groups.web }), "DependencyViolation", /has a dependent object/);

let pages = 0;
const seen = [];
for await (const page of aws.paginateDescribeSecurityGroupRules(
  { client: ec2, pageSize: 5 },
  { Filters: [{ Name: "group-id", Values: Object.values(groups) }] },
)) {
  pages++;
  seen.push(...page.SecurityGroupRules.map((r) => r.SecurityGroupRuleId));
}
assert.equal(pages, 2);
assert.equal(new Set(seen).size, 3 + 2 + 1 + 1); // what AWS allows out, and what was authorized

const { Instances } = await ec2.runInstances({
  ImageId: process.env.AMI,
  InstanceType: "t3.micro",
  MinCount: 2,
  MaxCount: 2,
  SubnetId: subnets[0],
  SecurityGroupIds: [groups.web],
});
const ids = Instances.map((i) => i.InstanceId);
await aws.waitUntilInstanceRunning(wait, { InstanceIds: ids });
await aws.waitUntilInstanceStatusOk(wait, { InstanceIds: ids });
await refused(ec2.deleteSubnet({ SubnetId: subnets[0] }), "DependencyViolation", /has dependencies and cannot be deleted/);
await ec2.terminateInstances({ InstanceIds: ids });
await aws.waitUntilInstanceTerminated(wait, { InstanceIds: ids });

for (const name of ["db", "app", "web"]) await ec2.deleteSecurityGroup({ GroupId: groups[name] });
await refused(ec2.describeSecurityGroups({ GroupIds: [groups.web] }), "InvalidGroup.NotFound", /does not exist/);
await ec2.disassociateRouteTable({ AssociationId });
await ec2.deleteRouteTable({ RouteTableId: RouteTable.RouteTableId });
await ec2.detachInternetGateway({ VpcId: Vpc.VpcId, InternetGatewayId: InternetGateway.InternetGatewayId });
await ec2.deleteInternetGateway({ InternetGatewayId: InternetGateway.InternetGatewayId });
for (const SubnetId of subnets) await ec2.deleteSubnet({ SubnetId });
await ec2.deleteVpc({ VpcId: Vpc.VpcId });
await refused(ec2.describeVpcs({ VpcIds: [Vpc.VpcId] }), "InvalidVpcID.NotFound", /does not exist/);
console.log("done");

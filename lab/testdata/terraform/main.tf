# A three-tier network, as a Terraform user writes one: inline and separate rules, ACLs with an ICMPv6
# entry, a prefix list, an interface and instances. lab/clients_test.go applies, changes and destroys it.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = "5.100.0" }
  }
}

variable "web_ports" {
  type    = list(number)
  default = [80, 443]
}
variable "ami" {}

provider "aws" {
  skip_metadata_api_check = true
  skip_region_validation  = true
  default_tags { tags = { stack = "three-tier" } }
}

data "aws_availability_zones" "here" { state = "available" }
data "aws_caller_identity" "me" {}
data "aws_ami" "newest" {
  most_recent = true
  owners      = ["amazon"]
  filter {
    name   = "name"
    values = ["al2023-ami-2023*-x86_64"]
  }
}

resource "aws_vpc" "main" {
  cidr_block                       = "10.50.0.0/16"
  enable_dns_hostnames             = true
  assign_generated_ipv6_cidr_block = true
  tags                             = { Name = "three-tier" }
}

resource "aws_vpc_ipv4_cidr_block_association" "more" {
  vpc_id     = aws_vpc.main.id
  cidr_block = "10.51.0.0/16"
  depends_on = [aws_vpc_peering_connection.peer] # not while its acceptance is outstanding
}

resource "aws_vpc_dhcp_options" "main" {
  domain_name         = "three.tier"
  domain_name_servers = ["AmazonProvidedDNS"]
}

resource "aws_vpc_dhcp_options_association" "main" {
  vpc_id          = aws_vpc.main.id
  dhcp_options_id = aws_vpc_dhcp_options.main.id
}

locals {
  tiers = {
    public = { cidr = "10.50.0.0/24", zone = 0 }
    app    = { cidr = "10.50.1.0/24", zone = 0 }
    data   = { cidr = "10.50.2.0/24", zone = 1 }
  }
}

resource "aws_subnet" "tier" {
  for_each                = local.tiers
  vpc_id                  = aws_vpc.main.id
  cidr_block              = each.value.cidr
  ipv6_cidr_block         = cidrsubnet(aws_vpc.main.ipv6_cidr_block, 8, index(keys(local.tiers), each.key))
  availability_zone       = data.aws_availability_zones.here.names[each.value.zone]
  map_public_ip_on_launch = each.key == "public"
  tags                    = { Name = each.key }
}

resource "aws_internet_gateway" "main" { vpc_id = aws_vpc.main.id }
resource "aws_egress_only_internet_gateway" "main" { vpc_id = aws_vpc.main.id }

resource "aws_eip" "nat" { domain = "vpc" }
resource "aws_nat_gateway" "main" {
  allocation_id = aws_eip.nat.id
  subnet_id     = aws_subnet.tier["public"].id
  depends_on    = [aws_internet_gateway.main]
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.main.id
  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.main.id
  }
  route {
    ipv6_cidr_block = "::/0"
    gateway_id      = aws_internet_gateway.main.id
  }
}

resource "aws_route_table" "private" { vpc_id = aws_vpc.main.id }
resource "aws_route" "out" {
  route_table_id         = aws_route_table.private.id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.main.id
}
resource "aws_route" "out6" {
  route_table_id              = aws_route_table.private.id
  destination_ipv6_cidr_block = "::/0"
  egress_only_gateway_id      = aws_egress_only_internet_gateway.main.id
}
resource "aws_route_table_association" "tier" {
  for_each       = local.tiers
  subnet_id      = aws_subnet.tier[each.key].id
  route_table_id = each.key == "public" ? aws_route_table.public.id : aws_route_table.private.id
}

resource "aws_ec2_managed_prefix_list" "offices" {
  name           = "offices"
  address_family = "IPv4"
  max_entries    = 5
  entry {
    cidr        = "203.0.113.0/24"
    description = "here"
  }
  entry { cidr = "198.51.100.0/24" }
}

# Rules inline.
resource "aws_security_group" "web" {
  name        = "web"
  description = "what the internet reaches"
  vpc_id      = aws_vpc.main.id
  dynamic "ingress" {
    for_each = var.web_ports
    content {
      description      = "port ${ingress.value}"
      from_port        = ingress.value
      to_port          = ingress.value
      protocol         = "tcp"
      cidr_blocks      = ["0.0.0.0/0"]
      ipv6_cidr_blocks = ["::/0"]
    }
  }
  ingress {
    from_port       = 22
    to_port         = 22
    protocol        = "tcp"
    prefix_list_ids = [aws_ec2_managed_prefix_list.offices.id]
  }
  ingress {
    from_port   = 8
    to_port     = -1
    protocol    = "icmp"
    cidr_blocks = ["10.50.0.0/16"]
  }
  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

# Rules as resources of their own.
resource "aws_security_group" "app" {
  name        = "app"
  description = "what web reaches"
  vpc_id      = aws_vpc.main.id
}
resource "aws_vpc_security_group_ingress_rule" "app" {
  security_group_id            = aws_security_group.app.id
  ip_protocol                  = "tcp"
  from_port                    = 8080
  to_port                      = 8080
  referenced_security_group_id = aws_security_group.web.id
  tags                         = { Name = "from web" }
}
resource "aws_vpc_security_group_egress_rule" "app" {
  security_group_id = aws_security_group.app.id
  ip_protocol       = "-1"
  cidr_ipv4         = "0.0.0.0/0"
}
resource "aws_security_group" "db" {
  name        = "db"
  description = "what app reaches"
  vpc_id      = aws_vpc.main.id
}
resource "aws_security_group_rule" "db" {
  security_group_id        = aws_security_group.db.id
  type                     = "ingress"
  protocol                 = "tcp"
  from_port                = 5432
  to_port                  = 5432
  source_security_group_id = aws_security_group.app.id
}

resource "aws_network_acl" "data" {
  vpc_id     = aws_vpc.main.id
  subnet_ids = [aws_subnet.tier["data"].id]
  ingress {
    rule_no    = 100
    action     = "allow"
    protocol   = "tcp"
    cidr_block = "10.50.1.0/24"
    from_port  = 5432
    to_port    = 5432
  }
  ingress {
    rule_no         = 110
    action          = "allow"
    protocol        = "58"
    ipv6_cidr_block = "::/0"
    icmp_type       = 128
    icmp_code       = -1
    from_port       = 0
    to_port         = 0
  }
  egress {
    rule_no    = 100
    action     = "allow"
    protocol   = "-1"
    cidr_block = "10.50.0.0/16"
    from_port  = 0
    to_port    = 0
  }
}
resource "aws_network_acl_rule" "data" {
  network_acl_id = aws_network_acl.app.id
  rule_number    = 90
  egress         = false
  protocol       = "udp"
  rule_action    = "deny"
  cidr_block     = "0.0.0.0/0"
  from_port      = 53
  to_port        = 53
}
resource "aws_network_acl" "app" { vpc_id = aws_vpc.main.id }
resource "aws_network_acl_association" "app" {
  network_acl_id = aws_network_acl.app.id
  subnet_id      = aws_subnet.tier["app"].id
}

resource "aws_network_interface" "db" {
  subnet_id       = aws_subnet.tier["data"].id
  private_ips     = ["10.50.2.10", "10.50.2.11"]
  security_groups = [aws_security_group.db.id]
}
resource "aws_instance" "db" {
  ami           = data.aws_ami.newest.id
  instance_type = "t3.micro"
  network_interface {
    network_interface_id = aws_network_interface.db.id
    device_index         = 0
  }
  tags = { Name = "db" }
}
resource "aws_instance" "web" {
  ami                    = var.ami
  instance_type          = "t3.micro"
  subnet_id              = aws_subnet.tier["public"].id
  vpc_security_group_ids = [aws_security_group.web.id]
  user_data              = "#!/bin/sh\nexec sleep infinity\n"
  tags                   = { Name = "web" }
}
resource "aws_eip" "web" {
  domain   = "vpc"
  instance = aws_instance.web.id
}

resource "aws_default_security_group" "main" { vpc_id = aws_vpc.main.id }
resource "aws_flow_log" "main" {
  vpc_id               = aws_vpc.main.id
  traffic_type         = "ALL"
  log_destination_type = "s3"
  log_destination      = "arn:aws:s3:::three-tier-flow-logs"
}

# A peered VPC, both ends ours.
resource "aws_vpc" "peer" { cidr_block = "10.60.0.0/16" }
resource "aws_vpc_peering_connection" "peer" {
  vpc_id      = aws_vpc.main.id
  peer_vpc_id = aws_vpc.peer.id
  auto_accept = true
}
resource "aws_route" "peer" {
  route_table_id            = aws_route_table.private.id
  destination_cidr_block    = aws_vpc.peer.cidr_block
  vpc_peering_connection_id = aws_vpc_peering_connection.peer.id
}

# What modules take over of a new VPC.
resource "aws_default_route_table" "peer" {
  default_route_table_id = aws_vpc.peer.default_route_table_id
  tags                   = { Name = "peer" }
  route {
    cidr_block                = aws_vpc.main.cidr_block
    vpc_peering_connection_id = aws_vpc_peering_connection.peer.id
  }
}
resource "aws_default_network_acl" "peer" {
  default_network_acl_id = aws_vpc.peer.default_network_acl_id
  ingress {
    rule_no    = 100
    action     = "allow"
    protocol   = "-1"
    cidr_block = "0.0.0.0/0"
    from_port  = 0
    to_port    = 0
  }
  egress {
    rule_no    = 100
    action     = "allow"
    protocol   = "-1"
    cidr_block = "0.0.0.0/0"
    from_port  = 0
    to_port    = 0
  }
  lifecycle { ignore_changes = [subnet_ids] }
}
resource "aws_route_table" "main" { vpc_id = aws_vpc.main.id }
resource "aws_main_route_table_association" "main" {
  vpc_id         = aws_vpc.main.id
  route_table_id = aws_route_table.main.id
}

# A peering connection that its other end accepts.
resource "aws_vpc_peering_connection" "accepted" {
  vpc_id      = aws_vpc.peer.id
  peer_vpc_id = aws_default_vpc.default.id
}
resource "aws_vpc_peering_connection_accepter" "accepted" {
  vpc_peering_connection_id = aws_vpc_peering_connection.accepted.id
  auto_accept               = true
}
resource "aws_vpc_peering_connection_options" "accepted" {
  vpc_peering_connection_id = aws_vpc_peering_connection_accepter.accepted.id
  requester { allow_remote_vpc_dns_resolution = true }
}
resource "aws_default_vpc" "default" {}
resource "aws_default_subnet" "first" { availability_zone = data.aws_availability_zones.here.names[0] }

resource "aws_ec2_managed_prefix_list" "partners" {
  name           = "partners"
  address_family = "IPv6"
  max_entries    = 3
}
resource "aws_ec2_managed_prefix_list_entry" "partner" {
  for_each       = toset(["2001:db8:1::/48", "2001:db8:2::/48"])
  cidr           = each.key
  description    = "partner"
  prefix_list_id = aws_ec2_managed_prefix_list.partners.id
}
resource "aws_vpc_security_group_ingress_rule" "partners" {
  security_group_id = aws_security_group.app.id
  ip_protocol       = "icmpv6"
  from_port         = 128
  to_port           = -1
  prefix_list_id    = aws_ec2_managed_prefix_list.partners.id
}

# Endpoints, a template, an instance made of it, and an interface with a public address.
# Nothing is attached: the provider takes two minutes and a half to see that it is detached.
resource "aws_vpc_endpoint" "s3" {
  vpc_id       = aws_vpc.main.id
  service_name = "com.amazonaws.${data.aws_region.here.name}.s3"
}
resource "aws_vpc_endpoint_route_table_association" "s3" {
  vpc_endpoint_id = aws_vpc_endpoint.s3.id
  route_table_id  = aws_route_table.private.id
}
resource "aws_vpc_endpoint" "ssm" {
  vpc_id              = aws_vpc.main.id
  service_name        = "com.amazonaws.${data.aws_region.here.name}.ssm"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = [aws_subnet.tier["app"].id]
  security_group_ids  = [aws_security_group.app.id]
}
resource "aws_key_pair" "admin" {
  key_name   = "three-tier"
  public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMHBJ1hQX9aZ6WF6dg3ha0q11zR+wnPE4bqNR+dS783b three-tier"
}
resource "aws_launch_template" "app" {
  name_prefix            = "app-"
  image_id               = var.ami
  instance_type          = "t3.micro"
  key_name               = aws_key_pair.admin.key_name
  vpc_security_group_ids = [aws_security_group.app.id]
  metadata_options { http_tokens = "required" }
  tag_specifications {
    resource_type = "network-interface"
    tags          = { tier = "app" }
  }
}
resource "aws_instance" "app" {
  subnet_id = aws_subnet.tier["app"].id
  launch_template {
    id      = aws_launch_template.app.id
    version = "$Latest"
  }
  tags = { Name = "app" }
}
resource "aws_network_interface" "app" {
  subnet_id          = aws_subnet.tier["app"].id
  security_groups    = [aws_security_group.app.id]
  source_dest_check  = false
  ipv6_address_count = 1
}
resource "aws_eip" "app" { domain = "vpc" }
resource "aws_eip_association" "app" {
  allocation_id        = aws_eip.app.id
  network_interface_id = aws_network_interface.app.id
  depends_on           = [aws_internet_gateway.main]
}
resource "aws_network_interface_sg_attachment" "web" {
  security_group_id    = aws_security_group.web.id
  network_interface_id = aws_instance.app.primary_network_interface_id
}

data "aws_region" "here" {}
data "aws_vpc" "main" {
  cidr_block = aws_vpc.main.cidr_block
  depends_on = [aws_vpc.main]
}
data "aws_vpc" "default" { default = true }
data "aws_subnets" "tiers" {
  filter {
    name   = "vpc-id"
    values = [aws_vpc.main.id]
  }
  depends_on = [aws_subnet.tier]
}
data "aws_subnet" "app" {
  vpc_id            = aws_vpc.main.id
  availability_zone = aws_subnet.tier["app"].availability_zone
  cidr_block        = aws_subnet.tier["app"].cidr_block
}
data "aws_subnet" "default" {
  default_for_az    = true
  availability_zone = data.aws_availability_zones.here.names[1]
}
data "aws_security_groups" "main" {
  tags       = { stack = "three-tier" }
  depends_on = [aws_security_group.web, aws_security_group.app, aws_security_group.db]
}
data "aws_security_group" "web" {
  vpc_id     = aws_vpc.main.id
  name       = aws_security_group.web.name
  depends_on = [aws_security_group.web]
}
data "aws_instance" "web" {
  instance_id   = aws_instance.web.id
  get_user_data = true
}
data "aws_instances" "app" {
  instance_tags = { Name = aws_instance.app.tags.Name }
}
data "aws_network_interfaces" "app" {
  tags       = { tier = "app" }
  depends_on = [aws_instance.app]
}
data "aws_network_interface" "db" { id = aws_network_interface.db.id }
data "aws_route_table" "public" { subnet_id = aws_route_table_association.tier["public"].subnet_id }
data "aws_ec2_managed_prefix_list" "s3" { name = "com.amazonaws.${data.aws_region.here.name}.s3" }
data "aws_vpc_endpoint_service" "s3" {
  service      = "s3"
  service_type = "Gateway"
}
data "aws_prefix_list" "s3" { name = "com.amazonaws.${data.aws_region.here.name}.s3" }
data "aws_servicequotas_service_quota" "rules" {
  service_code = "vpc"
  quota_name   = "Inbound or outbound rules per security group"
}
data "aws_regions" "all" {}
data "aws_internet_gateway" "main" {
  internet_gateway_id = aws_internet_gateway.main.id
}
data "aws_nat_gateway" "main" { id = aws_nat_gateway.main.id }
data "aws_ec2_instance_type" "small" { instance_type = "t3.micro" }

output "found" {
  value = {
    vpc       = data.aws_vpc.main.id == aws_vpc.main.id
    subnets   = length(data.aws_subnets.tiers.ids)
    subnet    = data.aws_subnet.app.id == aws_subnet.tier["app"].id
    default   = data.aws_subnet.default.vpc_id == data.aws_vpc.default.id
    groups    = length(data.aws_security_groups.main.ids)
    group     = data.aws_security_group.web.id == aws_security_group.web.id
    instance  = data.aws_instance.web.private_ip == aws_instance.web.private_ip
    user_data = base64decode(data.aws_instance.web.user_data_base64)
    instances = length(data.aws_instances.app.ids)
    ports     = length(data.aws_network_interfaces.app.ids)
    rules     = data.aws_servicequotas_service_quota.rules.value
    gateway   = data.aws_internet_gateway.main.attachments[0].vpc_id == aws_vpc.main.id
    nat       = data.aws_nat_gateway.main.public_ip == aws_eip.nat.public_ip
    vcpus     = data.aws_ec2_instance_type.small.default_vcpus
  }
}
output "account" { value = data.aws_caller_identity.me.account_id }
output "web" { value = aws_eip.web.public_ip }

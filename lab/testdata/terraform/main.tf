# A three-tier network, as a Terraform user writes one: inline and separate rules, ACLs with an ICMPv6
# entry, a prefix list, an interface and instances. lab/terraform_test.go applies, changes and destroys it.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = "5.100.0" }
  }
}

variable "web_ports" { default = [80, 443] }
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

output "account" { value = data.aws_caller_identity.me.account_id }
output "web" { value = aws_eip.web.public_ip }

package api

// A Coverage says what an operation comes to, and what of AWS's is missing.
type Coverage struct {
	Effect Effect
	Lacks  string // "": nothing
}

// An Effect is what an operation comes to.
type Effect string

const (
	answers  Effect = "answers"  // it changes nothing
	enforced Effect = "enforced" // on packets and hosts
	kept     Effect = "kept"     // and described, which is all that AWS does with it
)

// stored is the effect of an operation on one of the nouns in StoredOnly.
func stored(noun string) Effect { return Effect("stored: " + noun) }

// A Stored is a noun that is stored and described, and what does not come of it.
type Stored struct{ Noun, Missing string }

// StoredOnly is what requests may set, is stored and described, and nothing here acts on yet.
var StoredOnly = []Stored{
	{"secondary addresses and prefixes", "of IPv4 an interface sends and gets from its primary address only; of prefixes from none"},
	{"addresses of IPv6 that a running instance gets", "the network knows them at once; the instance configures its own at its next start"},
	{"more than one address of a NAT gateway", "it translates to its first one"},
	{"DNS options of peering connections", "names do not resolve"},
	{"routes to endpoints", "their packets are dropped"},
	{"flow logs", "no record is written; each says so in its delivery status"},
	{"network insights", "reachability is not computed; every analysis says so and fails"},
	{"VPC endpoints", "no service answers behind them; their names do not resolve, their policies are not read"},
	{"volumes", "an instance's disk is an overlay over the host's, without a size or a device of its own"},
	{"instance profiles", "there is no IAM: any profile is taken, and no credentials reach the instance"},
	{"key pairs", "nothing puts them into instances"},
	{"metadata options", "instances have no metadata service"},
	{"monitoring", "nothing is measured"},
	{"EBS optimization and CPU credits", "instances share the host's disk and processors"},
	{"DHCP option sets", "instances are given the resolver of the default set"},
	{"DNS attributes of VPCs", "instances are given the VPC's resolver, and nobody answers there yet: names do not resolve"},
}

// coverage is of every operation.
var coverage = map[string]Coverage{
	// security groups
	"CreateSecurityGroup":                        {enforced, ""},
	"DeleteSecurityGroup":                        {enforced, ""},
	"DescribeSecurityGroups":                     {answers, ""},
	"DescribeSecurityGroupRules":                 {answers, ""},
	"AuthorizeSecurityGroupEgress":               {enforced, ""},
	"AuthorizeSecurityGroupIngress":              {enforced, ""},
	"RevokeSecurityGroupEgress":                  {enforced, ""},
	"RevokeSecurityGroupIngress":                 {enforced, ""},
	"ModifySecurityGroupRules":                   {enforced, ""},
	"UpdateSecurityGroupRuleDescriptionsEgress":  {kept, ""},
	"UpdateSecurityGroupRuleDescriptionsIngress": {kept, ""},
	"AssociateSecurityGroupVpc":                  {enforced, ""},
	"DisassociateSecurityGroupVpc":               {enforced, ""},
	"DescribeSecurityGroupVpcAssociations":       {answers, ""},
	"DescribeSecurityGroupReferences":            {answers, "transit gateways"},
	"DescribeStaleSecurityGroups":                {answers, ""},
	"GetSecurityGroupsForVpc":                    {answers, "groups shared by other accounts"},

	// VPCs and what is in them
	"CreateVpc":                        {enforced, "IPAM pools, BYOIP, encryption controls; tenancy is stored"},
	"CreateDefaultVpc":                 {enforced, ""},
	"AssociateVpcCidrBlock":            {enforced, "IPAM pools, BYOIP"},
	"DisassociateVpcCidrBlock":         {enforced, ""},
	"ModifyVpcTenancy":                 {kept, ""},
	"DescribeVpcClassicLink":           {answers, ""},
	"DescribeVpcClassicLinkDnsSupport": {answers, ""},
	"CreateDefaultSubnet":              {enforced, ""},
	"AssociateSubnetCidrBlock":         {enforced, ""},
	"DisassociateSubnetCidrBlock":      {enforced, ""},
	"CreateSubnetCidrReservation":      {enforced, ""},
	"DeleteSubnetCidrReservation":      {enforced, ""},
	"GetSubnetCidrReservations":        {answers, ""},
	"CreateDhcpOptions":                {stored("DHCP option sets"), ""},
	"DeleteDhcpOptions":                {stored("DHCP option sets"), ""},
	"AssociateDhcpOptions":             {stored("DHCP option sets"), ""},
	"CreateNetworkAcl":                 {enforced, ""},
	"DeleteNetworkAcl":                 {enforced, ""},
	"CreateNetworkAclEntry":            {enforced, ""},
	"ReplaceNetworkAclEntry":           {enforced, ""},
	"DeleteNetworkAclEntry":            {enforced, ""},
	"ReplaceNetworkAclAssociation":     {enforced, ""},
	"DeleteVpc":                        {enforced, ""},
	"DescribeVpcs":                     {answers, ""},
	"DescribeVpcAttribute":             {answers, ""},
	"ModifyVpcAttribute":               {stored("DNS attributes of VPCs"), ""},
	"CreateSubnet":                     {enforced, "Outposts, IPAM pools"},
	"DeleteSubnet":                     {enforced, ""},
	"DescribeSubnets":                  {answers, ""},
	"ModifySubnetAttribute":            {enforced, "Outposts' attributes; those of names, DNS64 and IPv6 are stored"},
	"DescribeDhcpOptions":              {answers, ""},
	"DescribeNetworkAcls":              {answers, ""},

	// routing
	"CreateRouteTable":             {enforced, ""},
	"DeleteRouteTable":             {enforced, ""},
	"DescribeRouteTables":          {answers, ""},
	"AssociateRouteTable":          {enforced, "edge associations are stored"},
	"DisassociateRouteTable":       {enforced, ""},
	"ReplaceRouteTableAssociation": {enforced, ""},
	"CreateRoute":                  {enforced, "transit gateways and endpoints as targets are stored: their packets are dropped"},
	"ReplaceRoute":                 {enforced, "as CreateRoute; the local route cannot be given another target"},
	"DeleteRoute":                  {enforced, ""},

	"CreateInternetGateway":    {enforced, ""},
	"AttachInternetGateway":    {enforced, ""},
	"DetachInternetGateway":    {enforced, ""},
	"DeleteInternetGateway":    {enforced, ""},
	"DescribeInternetGateways": {answers, ""},

	"CreateEgressOnlyInternetGateway":    {enforced, ""},
	"DeleteEgressOnlyInternetGateway":    {enforced, ""},
	"DescribeEgressOnlyInternetGateways": {answers, ""},

	"CreateNatGateway":    {enforced, "regional NAT gateways; of several addresses it translates to the first"},
	"DeleteNatGateway":    {enforced, ""},
	"DescribeNatGateways": {answers, ""},

	"CreateVpcPeeringConnection":        {enforced, ""},
	"AcceptVpcPeeringConnection":        {enforced, ""},
	"RejectVpcPeeringConnection":        {enforced, ""},
	"DeleteVpcPeeringConnection":        {enforced, ""},
	"DescribeVpcPeeringConnections":     {answers, ""},
	"ModifyVpcPeeringConnectionOptions": {stored("DNS options of peering connections"), ""},

	"CreateManagedPrefixList":          {enforced, ""},
	"ModifyManagedPrefixList":          {enforced, ""},
	"RestoreManagedPrefixListVersion":  {enforced, ""},
	"DeleteManagedPrefixList":          {enforced, ""},
	"DescribeManagedPrefixLists":       {answers, "lists shared by other accounts"},
	"DescribePrefixLists":              {answers, ""},
	"GetManagedPrefixListEntries":      {answers, ""},
	"GetManagedPrefixListAssociations": {answers, ""},

	// instances and interfaces
	"RunInstances":                         {enforced, "spot and other markets, placement, hibernation, enclaves, licenses"},
	"StartInstances":                       {enforced, ""},
	"StopInstances":                        {enforced, "hibernation"},
	"RebootInstances":                      {enforced, ""},
	"TerminateInstances":                   {enforced, ""},
	"DescribeInstances":                    {answers, ""},
	"DescribeInstanceStatus":               {answers, "events"},
	"DescribeInstanceAttribute":            {answers, ""},
	"DescribeInstanceCreditSpecifications": {answers, ""},
	"ModifyInstanceAttribute":              {enforced, "kernels, enclaves"},
	"ModifyInstanceMetadataOptions":        {stored("metadata options"), ""},
	"GetConsoleOutput":                     {answers, ""},
	"DescribeNetworkInterfaces":            {answers, ""},
	"DescribeNetworkInterfaceAttribute":    {answers, ""},
	"ModifyNetworkInterfaceAttribute":      {enforced, "ENA Express"},
	"ResetNetworkInterfaceAttribute":       {enforced, ""},
	"CreateNetworkInterface":               {enforced, "EFA and trunk interfaces"},
	"DeleteNetworkInterface":               {enforced, ""},
	"AttachNetworkInterface":               {enforced, ""},
	"DetachNetworkInterface":               {enforced, ""},
	"AssignPrivateIpAddresses":             {stored("secondary addresses and prefixes"), ""},
	"UnassignPrivateIpAddresses":           {stored("secondary addresses and prefixes"), ""},
	"AssignIpv6Addresses":                  {enforced, ""},
	"UnassignIpv6Addresses":                {enforced, ""},
	"CreateNetworkInterfacePermission":     {kept, ""},
	"DeleteNetworkInterfacePermission":     {kept, ""},
	"DescribeNetworkInterfacePermissions":  {answers, ""},

	"AllocateAddress":            {enforced, "address pools of one's own, recovery of a released address"},
	"ReleaseAddress":             {enforced, ""},
	"AssociateAddress":           {enforced, "of a secondary address it is stored"},
	"DisassociateAddress":        {enforced, ""},
	"DescribeAddresses":          {answers, ""},
	"DescribeAddressesAttribute": {answers, "PTR records"},

	"DescribeVolumes": {answers, ""},

	"AssociateIamInstanceProfile":            {stored("instance profiles"), ""},
	"DescribeIamInstanceProfileAssociations": {answers, ""},

	// launch templates and key pairs
	"CreateLaunchTemplate":           {enforced, "further versions (CreateLaunchTemplateVersion, ModifyLaunchTemplate); parameters that RunInstances refuses are refused at the launch"},
	"DeleteLaunchTemplate":           {enforced, ""},
	"DescribeLaunchTemplates":        {answers, ""},
	"DescribeLaunchTemplateVersions": {answers, "ResolveAlias: there are no Systems Manager parameters"},
	"CreateKeyPair":                  {stored("key pairs"), "the format ppk"},
	"DeleteKeyPair":                  {stored("key pairs"), ""},
	"DescribeKeyPairs":               {answers, ""},
	"ImportKeyPair":                  {stored("key pairs"), ""},

	// flow logs and network insights
	"CreateFlowLogs":   {stored("flow logs"), "transit gateways, regional NAT gateways, tag fields"},
	"DeleteFlowLogs":   {stored("flow logs"), ""},
	"DescribeFlowLogs": {answers, ""},

	"CreateNetworkInsightsPath":                     {stored("network insights"), "transit and VPN gateways, endpoint services, resources of other accounts"},
	"DeleteNetworkInsightsPath":                     {stored("network insights"), ""},
	"DescribeNetworkInsightsPaths":                  {answers, ""},
	"StartNetworkInsightsAnalysis":                  {stored("network insights"), ""},
	"DeleteNetworkInsightsAnalysis":                 {stored("network insights"), ""},
	"DescribeNetworkInsightsAnalyses":               {answers, ""},
	"CreateNetworkInsightsAccessScope":              {stored("network insights"), ""},
	"DeleteNetworkInsightsAccessScope":              {stored("network insights"), ""},
	"DescribeNetworkInsightsAccessScopes":           {answers, ""},
	"GetNetworkInsightsAccessScopeContent":          {answers, ""},
	"StartNetworkInsightsAccessScopeAnalysis":       {stored("network insights"), ""},
	"DeleteNetworkInsightsAccessScopeAnalysis":      {stored("network insights"), ""},
	"DescribeNetworkInsightsAccessScopeAnalyses":    {answers, ""},
	"GetNetworkInsightsAccessScopeAnalysisFindings": {answers, ""},

	// endpoints
	"CreateVpcEndpoint":           {stored("VPC endpoints"), "types but Gateway and Interface, IPv6, other Regions' services"},
	"ModifyVpcEndpoint":           {stored("VPC endpoints"), "IPv6"},
	"DeleteVpcEndpoints":          {stored("VPC endpoints"), ""},
	"DescribeVpcEndpoints":        {answers, ""},
	"DescribeVpcEndpointServices": {answers, "services of other accounts and Regions"},

	// everything
	"CreateTags":                    {kept, ""},
	"DeleteTags":                    {kept, ""},
	"DescribeTags":                  {answers, ""},
	"DescribeAccountAttributes":     {answers, ""},
	"DescribeAvailabilityZones":     {answers, "Local and Wavelength Zones"},
	"DescribeImages":                {answers, "a few images, all public"},
	"DescribeInstanceTypeOfferings": {answers, ""},
	"DescribeInstanceTypes":         {answers, "a few types"},
	"DescribeRegions":               {answers, ""},
}

package api

import (
	"encoding/base64"
	"strconv"

	"crenel/ec2"
	"crenel/vpc"
)

// describeInstanceAttribute shows one attribute.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceAttribute.html
func describeInstanceAttribute(s *vpc.State, in *ec2.DescribeInstanceAttributeInput) (*ec2.DescribeInstanceAttributeOutput, error) {
	i, err := instanceIDs.find(s, value(in.InstanceId))
	if err != nil {
		return nil, err
	}
	shown := describeInstance(s, i)
	out := &ec2.DescribeInstanceAttributeOutput{InstanceId: new(i.ID)}
	switch in.Attribute {
	case "instanceType":
		out.InstanceType = &ec2.AttributeValue{Value: new(i.Type)}
	case "userData":
		out.UserData = &ec2.AttributeValue{}
		if i.UserData != "" {
			out.UserData.Value = new(i.UserData)
		}
	case "disableApiTermination":
		out.DisableApiTermination = boolean(i.KeepAPI)
	case "disableApiStop":
		out.DisableApiStop = boolean(i.KeepRunning)
	case "instanceInitiatedShutdownBehavior":
		out.InstanceInitiatedShutdownBehavior = &ec2.AttributeValue{Value: new(i.Shutdown)}
	case "rootDeviceName":
		out.RootDeviceName = &ec2.AttributeValue{Value: shown.RootDeviceName}
	case "sourceDestCheck":
		out.SourceDestCheck = &ec2.AttributeBooleanValue{Value: shown.SourceDestCheck}
	case "groupSet":
		out.Groups = shown.SecurityGroups
	case "ebsOptimized":
		out.EbsOptimized = boolean(i.EBSOptimized)
	case "enaSupport":
		out.EnaSupport = boolean(true)
	case "enclaveOptions":
		out.EnclaveOptions = &ec2.EnclaveOptions{Enabled: new(false)}
	case "kernel":
		out.KernelId = &ec2.AttributeValue{}
	case "ramdisk":
		out.RamdiskId = &ec2.AttributeValue{}
	case "sriovNetSupport":
		out.SriovNetSupport = &ec2.AttributeValue{}
	case "blockDeviceMapping":
		out.BlockDeviceMappings = shown.BlockDeviceMappings
	case "productCodes":
	default:
		return nil, invalid("attribute", in.Attribute, "Unknown instance attribute.")
	}
	return out, nil
}

func boolean(b bool) *ec2.AttributeBooleanValue { return &ec2.AttributeBooleanValue{Value: new(b)} }

// modifyInstanceAttribute changes one attribute.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceAttribute.html
func modifyInstanceAttribute(e *vpc.Edit, in *ec2.ModifyInstanceAttributeInput) (*ec2.ModifyInstanceAttributeOutput, error) {
	old, err := instanceIDs.find(e.State, value(in.InstanceId))
	if err != nil {
		return nil, err
	}
	if in, err = named(in); err != nil {
		return nil, err
	}
	if err := refuse(
		given{"EnaSupport", in.EnaSupport != nil},
		given{"EnclaveOptions", in.EnclaveOptions != nil},
		given{"Kernel", in.Kernel != nil},
		given{"Ramdisk", in.Ramdisk != nil},
		given{"SriovNetSupport", in.SriovNetSupport != nil},
	); err != nil {
		return nil, err
	}
	if err := oneOf(
		given{"blockDeviceMapping", len(in.BlockDeviceMappings) > 0},
		given{"disableApiStop", in.DisableApiStop != nil},
		given{"disableApiTermination", in.DisableApiTermination != nil},
		given{"ebsOptimized", in.EbsOptimized != nil},
		given{"groupSet", len(in.Groups) > 0},
		given{"instanceInitiatedShutdownBehavior", in.InstanceInitiatedShutdownBehavior != nil},
		given{"instanceType", in.InstanceType != nil},
		given{"sourceDestCheck", in.SourceDestCheck != nil},
		given{"userData", in.UserData != nil},
	); err != nil {
		return nil, err
	}
	out := &ec2.ModifyInstanceAttributeOutput{}
	if len(in.BlockDeviceMappings) > 0 {
		return out, changeDevices(e, old, in.BlockDeviceMappings)
	}
	if len(in.Groups) > 0 || in.SourceDestCheck != nil {
		return out, changePrimary(e, old, in)
	}
	i := *old
	if err := changeInstance(e.State, &i, in); err != nil {
		return nil, err
	}
	e.Instances.Put(&i)
	return out, nil
}

// named moves the value of the older form, Attribute=…&Value=…, to where the newer one has it.
func named(in *ec2.ModifyInstanceAttributeInput) (*ec2.ModifyInstanceAttributeInput, error) {
	if in.Attribute == "" || in.Value == nil {
		return in, nil
	}
	c := *in
	var boolAttribute **ec2.AttributeBooleanValue
	switch in.Attribute {
	case "instanceType":
		c.InstanceType = &ec2.AttributeValue{Value: in.Value}
	case "instanceInitiatedShutdownBehavior":
		c.InstanceInitiatedShutdownBehavior = &ec2.AttributeValue{Value: in.Value}
	case "kernel":
		c.Kernel = &ec2.AttributeValue{Value: in.Value}
	case "ramdisk":
		c.Ramdisk = &ec2.AttributeValue{Value: in.Value}
	case "sriovNetSupport":
		c.SriovNetSupport = &ec2.AttributeValue{Value: in.Value}
	case "userData":
		text, err := checkUserData(*in.Value)
		if err != nil {
			return nil, err
		}
		decoded, _ := base64.StdEncoding.DecodeString(text) // it was checked
		c.UserData = &ec2.SecureBlobAttributeValue{Value: decoded}
	case "disableApiTermination":
		boolAttribute = &c.DisableApiTermination
	case "disableApiStop":
		boolAttribute = &c.DisableApiStop
	case "ebsOptimized":
		boolAttribute = &c.EbsOptimized
	case "enaSupport":
		boolAttribute = &c.EnaSupport
	case "sourceDestCheck":
		boolAttribute = &c.SourceDestCheck
	default:
		return nil, invalid("attribute", in.Attribute, "Unknown instance attribute.")
	}
	if boolAttribute != nil {
		b, err := strconv.ParseBool(*in.Value)
		if err != nil {
			return nil, invalid("value", *in.Value, "Must be true or false.")
		}
		*boolAttribute = boolean(b)
	}
	return &c, nil
}

// changePrimary changes what belongs to the instance's one interface.
func changePrimary(e *vpc.Edit, i *vpc.Instance, in *ec2.ModifyInstanceAttributeInput) (err error) {
	faces := interfacesOf(e.State, i.ID)
	switch len(faces) {
	case 0:
		return wrongState("The instance '%s' is terminated.", i)
	case 1:
	default:
		return manyInterfaces(i)
	}
	face := *faces[0]
	if in.SourceDestCheck != nil {
		face.SourceDestCheck, err = flag("sourceDestCheck", in.SourceDestCheck)
	} else {
		face.Groups, err = changedGroups(e.State, &face, in.Groups)
	}
	if err == nil {
		e.Interfaces.Put(&face)
	}
	return err
}

// changeInstance sets the one attribute of the instance that the request gives.
func changeInstance(s *vpc.State, i *vpc.Instance, in *ec2.ModifyInstanceAttributeInput) (err error) {
	atRest := in.InstanceType != nil || in.UserData != nil || in.EbsOptimized != nil
	if atRest && i.State != vpc.Stopped {
		return wrongState("The instance '%s' is not in the 'stopped' state.", i)
	}
	switch {
	case in.DisableApiStop != nil:
		i.KeepRunning, err = flag("disableApiStop", in.DisableApiStop)
	case in.DisableApiTermination != nil:
		i.KeepAPI, err = flag("disableApiTermination", in.DisableApiTermination)
	case in.EbsOptimized != nil:
		i.EBSOptimized, err = flag("ebsOptimized", in.EbsOptimized)
	case in.InstanceInitiatedShutdownBehavior != nil:
		asked := value(in.InstanceInitiatedShutdownBehavior.Value)
		if asked == "" {
			return missing("InstanceInitiatedShutdownBehavior")
		}
		i.Shutdown, err = shutdownBehavior(asked)
	case in.UserData != nil:
		i.UserData, err = checkUserData(base64.StdEncoding.EncodeToString(in.UserData.Value))
	case in.InstanceType != nil:
		err = changeType(s, i, value(in.InstanceType.Value))
	}
	return err
}

func changeType(s *vpc.State, i *vpc.Instance, name string) error {
	t, ok := instanceTypes[name]
	if !ok {
		return vpc.Errorf("InvalidInstanceAttributeValue", "Invalid value '%s' for InstanceType.", name)
	}
	if arch := describeInstance(s, i).Architecture; arch != t.arch {
		return wrongArchitecture(t.arch, arch)
	}
	faces := interfacesOf(s, i.ID)
	if err := interfaceLimit(len(faces), t); err != nil {
		return err
	}
	for _, face := range faces {
		if err := withinLimit(face, addressing{}, t.addresses); err != nil {
			return err
		}
	}
	i.Type = name
	if !t.burstable || i.CPUCredits == "" { // else the option that was chosen stays
		i.CPUCredits = t.credits()
	}
	return nil
}

// modifyInstanceMetadataOptions changes the options of the instance's metadata service.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceMetadataOptions.html
func modifyInstanceMetadataOptions(e *vpc.Edit, in *ec2.ModifyInstanceMetadataOptionsInput) (*ec2.ModifyInstanceMetadataOptionsOutput, error) {
	old, err := instanceIDs.find(e.State, value(in.InstanceId))
	if err != nil {
		return nil, err
	}
	if old.State == vpc.ShuttingDown || old.State == vpc.Terminated {
		return nil, wrongState("The instance '%s' is not in a state from which its metadata options can be modified.", old)
	}
	i := *old
	i.Metadata, err = changeMetadata(i.Metadata, in.HttpTokens, in.HttpPutResponseHopLimit, in.HttpEndpoint, in.HttpProtocolIpv6, in.InstanceMetadataTags)
	if err != nil {
		return nil, err
	}
	e.Instances.Put(&i)
	return &ec2.ModifyInstanceMetadataOptionsOutput{InstanceId: new(i.ID), InstanceMetadataOptions: describeMetadata(&i)}, nil
}

// changeMetadata sets those of the options that a request gives.
func changeMetadata(o vpc.MetadataOptions, tokens string, hops *int32, endpoint, ipv6, tags string) (vpc.MetadataOptions, error) {
	for _, option := range []struct {
		name, asked string
		set         *string
		one, other  string
	}{
		{"HttpTokens", tokens, &o.Tokens, "optional", "required"},
		{"HttpEndpoint", endpoint, &o.Endpoint, "enabled", "disabled"},
		{"HttpProtocolIpv6", ipv6, &o.IPv6, "enabled", "disabled"},
		{"InstanceMetadataTags", tags, &o.Tags, "enabled", "disabled"},
	} {
		switch option.asked {
		case "":
		case option.one, option.other:
			*option.set = option.asked
		default:
			return o, vpc.Errorf("InvalidParameterValue", "Invalid value '%s' for %s.", option.asked, option.name)
		}
	}
	if hops != nil {
		if *hops < 1 || *hops > 64 {
			return o, invalid("HttpPutResponseHopLimit", strconv.Itoa(int(*hops)), "It must be between 1 and 64.")
		}
		o.HopLimit = int(*hops)
	}
	return o, nil
}

func describeMetadata(i *vpc.Instance) *ec2.InstanceMetadataOptionsResponse {
	out := &ec2.InstanceMetadataOptionsResponse{State: "applied", HttpTokens: i.Metadata.Tokens, HttpPutResponseHopLimit: new(int32(i.Metadata.HopLimit)),
		HttpEndpoint: i.Metadata.Endpoint, HttpProtocolIpv6: i.Metadata.IPv6, InstanceMetadataTags: i.Metadata.Tags}
	if i.State == vpc.Pending && i.Boots == 1 {
		out.State = "pending"
	}
	return out
}

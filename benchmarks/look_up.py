"""A look-up of one endpoint by the script of contender (a); run whole, from its imports on."""

import sys

import boto3

reply = boto3.client("sagemaker").describe_endpoint(EndpointName=sys.argv[1])
print(reply["EndpointName"], reply["EndpointStatus"])

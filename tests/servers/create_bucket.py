"""Creates the bucket `keys`: `s3 URL KEY SECRET`, or `azure URL`."""

import base64
import email.utils
import hashlib
import hmac
import sys
import urllib.request

# The account key of all Azure emulators.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def create_in_s3(url, key, secret):
    # Azurite needs no other package than Python's own.
    import boto3

    session = boto3.Session(aws_access_key_id=key, aws_secret_access_key=secret, region_name="us-east-1")
    session.client("s3", endpoint_url=url).create_bucket(Bucket="keys")


def create_in_azure(url):
    account = url.rsplit("/", 1)[1]
    headers = {"x-ms-date": email.utils.formatdate(usegmt=True), "x-ms-version": "2021-08-06"}
    text = "PUT" + "\n" * 12 + "".join(f"{name}:{value}\n" for name, value in headers.items())
    text += f"/{account}/{account}/keys\nrestype:container"
    digest = hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()
    headers["Authorization"] = f"SharedKey {account}:{base64.b64encode(digest).decode()}"
    headers["Content-Length"] = "0"
    request = urllib.request.Request(f"{url}/keys?restype=container", method="PUT", headers=headers)
    urllib.request.urlopen(request)


{"s3": create_in_s3, "azure": create_in_azure}[sys.argv[1]](*sys.argv[2:])

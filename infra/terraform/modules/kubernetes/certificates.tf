# Mutual TLS between builds and buildkitd. The authority signs these two certificates and no others. The keys are in
# Terraform's state as well as in the cluster's secrets: protect the state like a secret.

locals {
  buildkit_hosts = [
    # a replica's name is buildkitd-<n>.buildkitd.<namespace>.svc
    for host in ["*.buildkitd.%s.svc", "*.buildkitd.%s.svc.cluster.local", "buildkitd.%s.svc"] : format(host, local.buildkit_namespace)
  ]
  certificates = {
    for name, certificate in {
      server = { hosts = local.buildkit_hosts, uses = ["digital_signature", "server_auth"] }
      client = { hosts = [], uses = ["digital_signature", "client_auth"] }
    } : name => certificate if local.managed
  }
  year = 8760
}

resource "tls_private_key" "authority" {
  count       = local.managed ? 1 : 0
  algorithm   = "ECDSA"
  ecdsa_curve = "P256"
}

resource "tls_self_signed_cert" "authority" {
  count                 = local.managed ? 1 : 0
  private_key_pem       = tls_private_key.authority[0].private_key_pem
  is_ca_certificate     = true
  validity_period_hours = 10 * local.year
  early_renewal_hours   = 2 * local.year
  allowed_uses          = ["cert_signing", "digital_signature"]
  subject {
    common_name = "${var.name} buildkitd authority"
  }
}

resource "tls_private_key" "certificate" {
  for_each    = local.certificates
  algorithm   = "ECDSA"
  ecdsa_curve = "P256"
}

resource "tls_cert_request" "certificate" {
  for_each        = local.certificates
  private_key_pem = tls_private_key.certificate[each.key].private_key_pem
  dns_names       = each.value.hosts
  subject {
    common_name = "${var.name} buildkit ${each.key}"
  }
}

# Valid for a year. The first apply in its last quarter renews it, and the stateful set restarts its pods.
resource "tls_locally_signed_cert" "certificate" {
  for_each              = local.certificates
  cert_request_pem      = tls_cert_request.certificate[each.key].cert_request_pem
  ca_private_key_pem    = tls_private_key.authority[0].private_key_pem
  ca_cert_pem           = tls_self_signed_cert.authority[0].cert_pem
  validity_period_hours = local.year
  early_renewal_hours   = local.year / 4
  allowed_uses          = each.value.uses
}

locals {
  # secret name and namespace => whose certificate it holds
  certificate_secrets = merge(
    { for name in local.managed_names : "${local.buildkit_namespace}/${name}-server" => { namespace = local.buildkit_namespace, name = "${name}-server", certificate = "server" } },
    { for namespace in keys(var.namespaces) : "${namespace}/client" => { namespace = namespace, name = var.buildkitd.client_certificate_secret, certificate = "client" } if local.managed },
  )
}

resource "kubernetes_secret_v1" "certificate" {
  for_each = local.certificate_secrets
  metadata {
    name      = each.value.name
    namespace = each.value.namespace
    labels    = local.labels.buildkitd
  }
  data = {
    "ca.pem"   = tls_self_signed_cert.authority[0].cert_pem
    "cert.pem" = tls_locally_signed_cert.certificate[each.value.certificate].cert_pem
    "key.pem"  = tls_private_key.certificate[each.value.certificate].private_key_pem
  }
  depends_on = [kubernetes_namespace_v1.builds, kubernetes_namespace_v1.buildkit]
}

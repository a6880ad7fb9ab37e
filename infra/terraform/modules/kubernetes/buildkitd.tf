# The managed buildkitd: rootless, a volume each, spoken to with a client certificate only. Jobs choose a replica by the
# base image (boatyard_kubernetes.topology), so every replica keeps its own caches warm and has a name of its own.

locals {
  managed = var.buildkitd != null
  # A list of none or one, for what exists only then.
  managed_names      = local.managed ? ["buildkitd"] : []
  buildkit_namespace = try(var.buildkitd.namespace, "")
  buildkit_labels    = merge(local.labels, { "app.kubernetes.io/name" = "buildkitd" })
  buildkit_port      = 1234
  buildkit_user      = 1000
  buildkit_toml      = <<-EOT
    # BuildKit removes the least used of its cache before the volume is full.
    [worker.oci]
      gc = true
      rootless = true
      noProcessSandbox = true
      [[worker.oci.gcpolicy]]
        all = true
        maxUsedSpace = "80%"
  EOT
}

resource "kubernetes_namespace_v1" "buildkit" {
  for_each = toset(local.managed_names)
  metadata {
    name = local.buildkit_namespace
    # Rootless BuildKit makes its own sandboxes: the runtime's seccomp and AppArmor profiles would forbid that. It has no
    # root, no privilege and no host access beyond it; Pod Security knows nothing between baseline and privileged.
    labels = merge(local.labels, { "pod-security.kubernetes.io/enforce" = "privileged" })
  }
}

resource "kubernetes_config_map_v1" "buildkitd" {
  for_each = toset(local.managed_names)
  metadata {
    name      = each.key
    namespace = kubernetes_namespace_v1.buildkit[each.key].metadata[0].name
    labels    = local.buildkit_labels
  }
  data = { "buildkitd.toml" = local.buildkit_toml }
}

resource "kubernetes_service_v1" "buildkitd" {
  for_each = toset(local.managed_names)
  metadata {
    name      = each.key
    namespace = kubernetes_namespace_v1.buildkit[each.key].metadata[0].name
    labels    = local.buildkit_labels
  }
  spec {
    cluster_ip = "None"
    selector   = { "app.kubernetes.io/name" = "buildkitd", "app.kubernetes.io/instance" = var.name }
    port {
      name = "buildkit"
      port = local.buildkit_port
    }
  }
}

resource "kubernetes_stateful_set_v1" "buildkitd" {
  #checkov:skip=CKV_K8S_43:buildkitd.image is the owner's to pin by digest; the default is a release's tag, which moves with Boatyard's own release.
  for_each = toset(local.managed_names)
  metadata {
    name      = each.key
    namespace = kubernetes_namespace_v1.buildkit[each.key].metadata[0].name
    labels    = local.buildkit_labels
  }
  spec {
    service_name          = kubernetes_service_v1.buildkitd[each.key].metadata[0].name
    replicas              = var.buildkitd.replicas
    pod_management_policy = "Parallel"
    selector {
      match_labels = { "app.kubernetes.io/name" = "buildkitd", "app.kubernetes.io/instance" = var.name }
    }
    template {
      metadata {
        labels = local.buildkit_labels
        annotations = {
          "container.apparmor.security.beta.kubernetes.io/buildkitd" = "unconfined"
          # a new configuration or certificate rolls the pods
          "boatyard.io/configuration" = sha256("${local.buildkit_toml}${tls_locally_signed_cert.certificate["server"].cert_pem}")
        }
      }
      spec {
        automount_service_account_token  = false
        node_selector                    = var.buildkitd.node_selector
        termination_grace_period_seconds = 60
        security_context {
          fs_group        = local.buildkit_user
          run_as_non_root = true
          run_as_user     = local.buildkit_user
          run_as_group    = local.buildkit_user
        }
        dynamic "toleration" {
          for_each = var.buildkitd.tolerations
          content {
            key      = toleration.value.key
            operator = toleration.value.operator
            value    = toleration.value.value
            effect   = toleration.value.effect
          }
        }
        container {
          name  = "buildkitd"
          image = var.buildkitd.image
          args = [
            "--config=/etc/buildkit/buildkitd.toml",
            "--addr=unix:///run/user/${local.buildkit_user}/buildkit/buildkitd.sock",
            "--addr=tcp://0.0.0.0:${local.buildkit_port}",
            "--tlscacert=/certs/ca.pem",
            "--tlscert=/certs/cert.pem",
            "--tlskey=/certs/key.pem",
            "--oci-worker-no-process-sandbox",
          ]
          port {
            name           = "buildkit"
            container_port = local.buildkit_port
          }
          resources {
            requests = var.buildkitd.requests
            limits   = var.buildkitd.limits
          }
          security_context {
            # newuidmap and newgidmap, which make the user namespace, are setuid
            allow_privilege_escalation = true
            privileged                 = false
            run_as_non_root            = true
            run_as_user                = local.buildkit_user
            seccomp_profile {
              type = "Unconfined"
            }
          }
          readiness_probe {
            initial_delay_seconds = 3
            period_seconds        = 15
            timeout_seconds       = 10
            exec {
              command = ["buildctl", "debug", "workers"]
            }
          }
          liveness_probe {
            initial_delay_seconds = 30
            period_seconds        = 60
            timeout_seconds       = 30
            exec {
              command = ["buildctl", "debug", "workers"]
            }
          }
          volume_mount {
            name       = "certificates"
            mount_path = "/certs"
            read_only  = true
          }
          volume_mount {
            name       = "configuration"
            mount_path = "/etc/buildkit"
            read_only  = true
          }
          volume_mount {
            name       = "cache"
            mount_path = "/home/user/.local/share/buildkit"
          }
        }
        volume {
          name = "certificates"
          secret {
            secret_name  = kubernetes_secret_v1.certificate["${local.buildkit_namespace}/${each.key}-server"].metadata[0].name
            default_mode = "0440"
          }
        }
        volume {
          name = "configuration"
          config_map {
            name = kubernetes_config_map_v1.buildkitd[each.key].metadata[0].name
          }
        }
      }
    }
    volume_claim_template {
      metadata {
        name = "cache"
      }
      spec {
        access_modes       = ["ReadWriteOnce"]
        storage_class_name = var.buildkitd.storage_class
        resources {
          requests = { storage = var.buildkitd.cache_size }
        }
      }
    }
  }
}

# Whoever has no client certificate is refused by buildkitd; whoever is in another namespace does not even reach it.
resource "kubernetes_network_policy_v1" "buildkitd" {
  for_each = toset(local.managed_names)
  metadata {
    name      = each.key
    namespace = kubernetes_namespace_v1.buildkit[each.key].metadata[0].name
    labels    = local.buildkit_labels
  }
  spec {
    policy_types = ["Ingress"]
    pod_selector {
      match_labels = { "app.kubernetes.io/name" = "buildkitd" }
    }
    ingress {
      from {
        namespace_selector {
          match_expressions {
            key      = "kubernetes.io/metadata.name"
            operator = "In"
            values   = keys(var.namespaces)
          }
        }
      }
      ports {
        port     = local.buildkit_port
        protocol = "TCP"
      }
    }
  }
}

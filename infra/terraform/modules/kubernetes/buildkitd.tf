# The managed buildkitd: rootless, with one volume per replica, and reachable only with a client certificate. Jobs choose a
# replica by base image (boatyard_kubernetes.topology), so that its caches stay warm; hence the stable names.

locals {
  managed = var.buildkitd != null
  # Empty, or one name: the key of everything that exists only with a managed buildkitd.
  managed_names      = local.managed ? ["buildkitd"] : []
  buildkit_namespace = try(var.buildkitd.namespace, "")
  buildkit_port      = 1234
  buildkit_user      = 1000
  buildkit_socket    = "unix:///run/user/1000/buildkit/buildkitd.sock"
  # See BuildKit's docs/buildkitd.toml.md. One table per registry: TOML refuses a second.
  buildkit_registries = sort(distinct(concat(try(var.buildkitd.insecure_registries, []), keys(try(var.buildkitd.registry_mirrors, {})))))
  buildkit_toml = join("", [for line in concat(
    ["[worker.oci]", "  gc = true", "  reservedSpace = \"10%\"", "  maxUsedSpace = \"80%\""],
    flatten([for host in local.buildkit_registries : concat(
      ["[registry.${jsonencode(host)}]"],
      contains(var.buildkitd.insecure_registries, host) ? ["  http = true", "  insecure = true"] : [],
      contains(keys(var.buildkitd.registry_mirrors), host) ? ["  mirrors = [${jsonencode(var.buildkitd.registry_mirrors[host])}]"] : [],
    )]),
  ) : "${line}\n"])
  # Empty, or one name: the ConfigMap with a company's certificate authority.
  buildkit_ca = compact([try(var.buildkitd.ca_config_map, "")])
  # Without the link-local addresses: a metadata service would give a RUN step the node's credentials.
  outside = { "0.0.0.0/0" = "169.254.0.0/16", "::/0" = "fe80::/10" }
}

resource "kubernetes_namespace_v1" "buildkit" {
  for_each = toset(local.managed_names)
  metadata {
    name = local.buildkit_namespace
    # Rootless BuildKit creates its own sandboxes, which the runtime's seccomp and AppArmor profiles forbid. It needs no
    # root, no privileged container and no host access, but Pod Security has no level between baseline and privileged.
    labels = merge(local.labels.buildkitd, { "pod-security.kubernetes.io/enforce" = "privileged" })
  }
}

resource "kubernetes_config_map_v1" "buildkitd" {
  for_each = toset(local.managed_names)
  metadata {
    name      = each.key
    namespace = kubernetes_namespace_v1.buildkit[each.key].metadata[0].name
    labels    = local.labels.buildkitd
  }
  data = { "buildkitd.toml" = local.buildkit_toml }
}

resource "kubernetes_service_v1" "buildkitd" {
  for_each = toset(local.managed_names)
  metadata {
    name      = each.key
    namespace = kubernetes_namespace_v1.buildkit[each.key].metadata[0].name
    labels    = local.labels.buildkitd
  }
  spec {
    cluster_ip = "None"
    selector   = local.pods.buildkitd
    # Builds on a restarting replica should reach it as soon as it listens.
    publish_not_ready_addresses = true
    port {
      name        = "buildkit"
      port        = local.buildkit_port
      target_port = local.buildkit_port
    }
  }
}

resource "kubernetes_stateful_set_v1" "buildkitd" {
  #checkov:skip=CKV_K8S_43:buildkitd.image is the owner's to pin by digest; the default is a release's tag, which moves with Boatyard's own release.
  for_each = toset(local.managed_names)
  metadata {
    name      = each.key
    namespace = kubernetes_namespace_v1.buildkit[each.key].metadata[0].name
    labels    = local.labels.buildkitd
  }
  spec {
    service_name          = kubernetes_service_v1.buildkitd[each.key].metadata[0].name
    replicas              = var.buildkitd.replicas
    pod_management_policy = "Parallel"
    selector {
      match_labels = local.pods.buildkitd
    }
    template {
      metadata {
        labels = local.labels.buildkitd
        annotations = {
          "container.apparmor.security.beta.kubernetes.io/buildkitd" = "unconfined"
          # A new configuration or certificate restarts the pods.
          "boatyard.io/configuration" = sha256("${local.buildkit_toml}${tls_locally_signed_cert.certificate["server"].cert_pem}")
        }
      }
      spec {
        service_account_name             = kubernetes_service_account_v1.buildkitd[each.key].metadata[0].name
        automount_service_account_token  = false
        enable_service_links             = false
        node_selector                    = var.buildkitd.node_selector
        termination_grace_period_seconds = 120
        security_context {
          fs_group               = local.buildkit_user
          fs_group_change_policy = "OnRootMismatch"
        }
        # One replica per node, if there are enough nodes.
        affinity {
          pod_anti_affinity {
            preferred_during_scheduling_ignored_during_execution {
              weight = 100
              pod_affinity_term {
                topology_key = "kubernetes.io/hostname"
                label_selector {
                  match_labels = local.pods.buildkitd
                }
              }
            }
          }
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
          # Kills processes that steps leave behind; they would keep buildkitd from stopping (boatyard_kubernetes.supervisor).
          command = ["/bin/sh", "-c", file("${path.module}/supervisor.sh"), "buildkitd"]
          args = concat(
            [
              "--addr=${local.buildkit_socket}",
              "--config=/etc/buildkit/buildkitd.toml",
              "--oci-worker-no-process-sandbox",
            ],
            var.buildkitd.host_network ? ["--allow-insecure-entitlement=network.host"] : [],
            [
              "--addr=tcp://0.0.0.0:${local.buildkit_port}",
              "--tlscacert=/certs/ca.pem",
              "--tlscert=/certs/cert.pem",
              "--tlskey=/certs/key.pem",
            ],
          )
          # Go reads this file in place of the system's bundle, and the system's folders as well.
          dynamic "env" {
            for_each = local.buildkit_ca
            content {
              name  = "SSL_CERT_FILE"
              value = "/boatyard/ca/ca.crt"
            }
          }
          termination_message_policy = "FallbackToLogsOnError"
          port {
            name           = "buildkit"
            container_port = local.buildkit_port
          }
          resources {
            requests = var.buildkitd.requests
            limits   = var.buildkitd.limits
          }
          security_context {
            # newuidmap and newgidmap, which set up the user namespace, are setuid, so escalation stays allowed.
            run_as_user  = local.buildkit_user
            run_as_group = local.buildkit_user
            seccomp_profile {
              type = "Unconfined"
            }
          }
          # Two minutes at least, checked every second: a loaded node starts it late.
          startup_probe {
            period_seconds    = 1
            timeout_seconds   = 10
            failure_threshold = 120
            exec {
              command = ["buildctl", "--addr=${local.buildkit_socket}", "debug", "workers"]
            }
          }
          readiness_probe {
            period_seconds  = 10
            timeout_seconds = 10
            exec {
              command = ["buildctl", "--addr=${local.buildkit_socket}", "debug", "workers"]
            }
          }
          # A busy daemon answers late; it gets a minute and a half before it counts as dead.
          liveness_probe {
            period_seconds  = 30
            timeout_seconds = 20
            exec {
              command = ["buildctl", "--addr=${local.buildkit_socket}", "debug", "workers"]
            }
          }
          volume_mount {
            name       = "certificates"
            mount_path = "/certs"
            read_only  = true
          }
          volume_mount {
            name       = "config"
            mount_path = "/etc/buildkit"
            read_only  = true
          }
          volume_mount {
            name       = "run"
            mount_path = "/run/user/1000"
          }
          volume_mount {
            name       = "state"
            mount_path = "/home/user/.local/share/buildkit"
          }
          dynamic "volume_mount" {
            for_each = local.buildkit_ca
            content {
              name       = "ca"
              mount_path = "/boatyard/ca"
              read_only  = true
            }
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
          name = "config"
          config_map {
            name = kubernetes_config_map_v1.buildkitd[each.key].metadata[0].name
          }
        }
        volume {
          name = "run"
          empty_dir {}
        }
        dynamic "volume" {
          for_each = local.buildkit_ca
          content {
            name = "ca"
            config_map {
              name = volume.value
              # Public registries work without it.
              optional = true
            }
          }
        }
      }
    }
    volume_claim_template {
      metadata {
        name = "state"
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

# Ingress: builds, on the port; buildkitd then requires a client certificate. Egress: everything but the metadata services.
resource "kubernetes_network_policy_v1" "buildkitd" {
  for_each = toset(local.managed_names)
  metadata {
    name      = each.key
    namespace = kubernetes_namespace_v1.buildkit[each.key].metadata[0].name
    labels    = local.labels.buildkitd
  }
  spec {
    policy_types = ["Ingress", "Egress"]
    pod_selector {
      match_labels = local.pods.buildkitd
    }
    ingress {
      from {
        namespace_selector {}
        pod_selector {
          match_labels = local.pods.build
        }
      }
      ports {
        port     = local.buildkit_port
        protocol = "TCP"
      }
    }
    egress {
      dynamic "to" {
        for_each = local.outside
        content {
          ip_block {
            cidr   = to.key
            except = [to.value]
          }
        }
      }
    }
    # A node-local DNS cache listens on a link-local address.
    egress {
      dynamic "ports" {
        for_each = ["UDP", "TCP"]
        content {
          port     = 53
          protocol = ports.value
        }
      }
    }
  }
}

resource "kubernetes_service_account_v1" "buildkitd" {
  for_each = toset(local.managed_names)
  metadata {
    name      = each.key
    namespace = kubernetes_namespace_v1.buildkit[each.key].metadata[0].name
    labels    = local.labels.buildkitd
  }
  automount_service_account_token = false
}

resource "kubernetes_pod_disruption_budget_v1" "buildkitd" {
  for_each = toset(local.managed_names)
  metadata {
    name      = each.key
    namespace = kubernetes_namespace_v1.buildkit[each.key].metadata[0].name
    labels    = local.labels.buildkitd
  }
  spec {
    max_unavailable = 1
    selector {
      match_labels = local.pods.buildkitd
    }
  }
}

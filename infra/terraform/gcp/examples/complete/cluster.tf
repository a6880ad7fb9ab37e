# A private cluster with a DNS endpoint: IAM decides who reaches it, and no network must be open.

resource "google_service_account" "nodes" {
  account_id   = "${var.name}-nodes"
  display_name = "Nodes of Boatyard's cluster"
}

# Logs, metrics and other reports of nodes.
resource "google_project_iam_member" "nodes" {
  project = var.project
  role    = "roles/container.defaultNodeServiceAccount"
  member  = "serviceAccount:${google_service_account.nodes.email}"
}

resource "google_container_cluster" "cluster" {
  #checkov:skip=CKV_GCP_12:Dataplane V2 enforces network policies; this is the switch of the older one.
  #checkov:skip=CKV_GCP_65:Google Groups for RBAC need a group of the organisation's own.
  #checkov:skip=CKV_GCP_66:Binary Authorization needs a policy of the owner's own; this is an example.
  #checkov:skip=CKV_GCP_61:Intranode visibility is on; flow logs are the owner's decision, and cost by volume.
  name                        = var.name
  location                    = var.region
  network                     = google_compute_network.network.id
  subnetwork                  = google_compute_subnetwork.nodes.id
  remove_default_node_pool    = true
  initial_node_count          = 1
  deletion_protection         = false
  networking_mode             = "VPC_NATIVE"
  datapath_provider           = "ADVANCED_DATAPATH"
  resource_labels             = { app = "boatyard" }
  enable_shielded_nodes       = true
  enable_intranode_visibility = true
  ip_allocation_policy {
    cluster_secondary_range_name  = "pods"
    services_secondary_range_name = "services"
  }
  private_cluster_config {
    enable_private_nodes    = true
    enable_private_endpoint = true
  }
  control_plane_endpoints_config {
    dns_endpoint_config {
      allow_external_traffic = true
    }
  }
  workload_identity_config {
    workload_pool = "${var.project}.svc.id.goog"
  }
  node_config {
    service_account = google_service_account.nodes.email
    workload_metadata_config {
      mode = "GKE_METADATA"
    }
    shielded_instance_config {
      enable_secure_boot          = true
      enable_integrity_monitoring = true
    }
  }
  release_channel {
    channel = "REGULAR"
  }
  master_authorized_networks_config {}
  master_auth {
    client_certificate_config {
      issue_client_certificate = false
    }
  }
}

resource "google_container_node_pool" "builds" {
  name       = "builds"
  cluster    = google_container_cluster.cluster.id
  location   = var.region
  node_count = 1
  node_config {
    machine_type    = "e2-standard-4"
    disk_size_gb    = 100
    image_type      = "COS_CONTAINERD"
    service_account = google_service_account.nodes.email
    oauth_scopes    = ["https://www.googleapis.com/auth/cloud-platform"]
    workload_metadata_config {
      mode = "GKE_METADATA"
    }
    shielded_instance_config {
      enable_secure_boot          = true
      enable_integrity_monitoring = true
    }
  }
  management {
    auto_repair  = true
    auto_upgrade = true
  }
}

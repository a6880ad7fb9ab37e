# Nodes have no public address; they reach base images and packages through Cloud NAT.

resource "google_compute_network" "network" {
  #checkov:skip=CKV2_GCP_18:GKE makes the firewall rules of its nodes itself, and nothing else is in this network.
  name                    = var.name
  auto_create_subnetworks = false
}

resource "google_compute_subnetwork" "nodes" {
  #checkov:skip=CKV_GCP_26:Flow logs are the owner's decision; they cost by volume, and this is an example.
  #checkov:skip=CKV_GCP_76:The network has no IPv6.
  name                     = "${var.name}-nodes"
  network                  = google_compute_network.network.id
  region                   = var.region
  ip_cidr_range            = "10.20.0.0/20"
  private_ip_google_access = true
  secondary_ip_range {
    range_name    = "pods"
    ip_cidr_range = "10.24.0.0/14"
  }
  secondary_ip_range {
    range_name    = "services"
    ip_cidr_range = "10.28.0.0/20"
  }
}

resource "google_compute_router" "router" {
  name    = var.name
  network = google_compute_network.network.id
  region  = var.region
}

resource "google_compute_router_nat" "nat" {
  name                               = var.name
  router                             = google_compute_router.router.name
  region                             = var.region
  nat_ip_allocate_option             = "AUTO_ONLY"
  source_subnetwork_ip_ranges_to_nat = "ALL_SUBNETWORKS_ALL_IP_RANGES"
}

# How the services reach each other and the database without leaving Google's network.

resource "google_compute_network" "vpc" {
  name                    = "sourcerun"
  auto_create_subnetworks = false
  depends_on              = [google_project_service.api]
}

resource "google_compute_subnetwork" "run" {
  name          = "run"
  network       = google_compute_network.vpc.id
  region        = var.region
  ip_cidr_range = var.subnet_range
  # Without it, calls to run.app time out.
  private_ip_google_access = true

  lifecycle {
    precondition {
      # Google keeps four addresses of each subnet.
      condition     = pow(2, 32 - tonumber(split("/", var.subnet_range)[1])) - 4 >= 4 * (var.public_api.max_instances + var.verifier.max_instances)
      error_message = "subnet_range: each instance takes two addresses, and during a deployment there are twice as many."
    }
  }
}

# The verifier is called from inside only, so its name has to lead to an address that is reached through this network. The
# zone holds for all of run.app.
resource "google_dns_managed_zone" "run_app" {
  name       = "run-app"
  dns_name   = "run.app."
  visibility = "private"
  private_visibility_config {
    networks {
      network_url = google_compute_network.vpc.id
    }
  }
}

# private.googleapis.com
resource "google_dns_record_set" "run_app" {
  managed_zone = google_dns_managed_zone.run_app.name
  name         = "run.app."
  type         = "A"
  ttl          = 300
  rrdatas      = ["199.36.153.8", "199.36.153.9", "199.36.153.10", "199.36.153.11"]
}

resource "google_dns_record_set" "all_of_run_app" {
  managed_zone = google_dns_managed_zone.run_app.name
  name         = "*.run.app."
  type         = "CNAME"
  ttl          = 300
  rrdatas      = ["run.app."]
}

# The database lives in a network of Google's that is joined to ours.
resource "google_compute_global_address" "database" {
  name          = "database"
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  prefix_length = 20
  network       = google_compute_network.vpc.id
}

resource "google_service_networking_connection" "database" {
  network                 = google_compute_network.vpc.id
  service                 = "servicenetworking.googleapis.com"
  reserved_peering_ranges = [google_compute_global_address.database.name]
  # For days after the database is gone, Google still holds the other end.
  deletion_policy = "ABANDON"
}

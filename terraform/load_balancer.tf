# The only way in from outside.

resource "google_compute_global_address" "public" {
  name       = "public-api"
  depends_on = [google_project_service.api]
}

resource "google_compute_region_network_endpoint_group" "public_api" {
  name                  = "public-api"
  region                = var.region
  network_endpoint_type = "SERVERLESS"
  cloud_run {
    service = google_cloud_run_v2_service.public_api.name
  }
}

resource "google_compute_backend_service" "public_api" {
  name                  = "public-api"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  protocol              = "HTTPS"
  security_policy       = google_compute_security_policy.public.id
  backend {
    group = google_compute_region_network_endpoint_group.public_api.id
  }
  # public-api logs each request that reaches it; a part is enough to see those that don't.
  log_config {
    enable      = true
    sample_rate = 0.1
  }
}

resource "google_compute_security_policy" "public" {
  name        = "public-api"
  description = "Keeps internal routes inside, and floods out"
  depends_on  = [google_project_service.api]

  # Decoded, because public-api decodes, too: %6Detrics is /metrics to it.
  rule {
    priority    = 100
    action      = "deny(404)"
    description = "Routes that are not for the public"
    match {
      expr {
        expression = "request.path.urlDecode().startsWith('/internal_api_') || request.path.urlDecode().startsWith('/metrics')"
      }
    }
  }

  rule {
    priority    = 1000
    action      = "throttle"
    description = "One address does not take everybody's turn"
    match {
      versioned_expr = "SRC_IPS_V1"
      config {
        src_ip_ranges = ["*"]
      }
    }
    rate_limit_options {
      enforce_on_key = "IP"
      conform_action = "allow"
      exceed_action  = "deny(429)"
      rate_limit_threshold {
        count        = var.requests_per_minute
        interval_sec = 60
      }
    }
  }

  # Each policy has to have it.
  rule {
    priority    = 2147483647
    action      = "allow"
    description = "Everybody else"
    match {
      versioned_expr = "SRC_IPS_V1"
      config {
        src_ip_ranges = ["*"]
      }
    }
  }
}

resource "google_compute_url_map" "public" {
  name = "public-api"

  # Whoever asks for another host is sent to ours, so that no request gets around the rules below.
  default_url_redirect {
    host_redirect  = var.domain
    https_redirect = true
    strip_query    = false
  }
  host_rule {
    hosts        = [var.domain]
    path_matcher = "public-api"
  }
  path_matcher {
    name            = "public-api"
    default_service = google_compute_backend_service.public_api.id
    # The second of two fences: the security policy is the first.
    dynamic "route_rules" {
      for_each = { "/internal_api_" = 10, "/metrics" = 20 }
      content {
        priority = route_rules.value
        match_rules {
          prefix_match = route_rules.key
        }
        url_redirect {
          path_redirect          = "/"
          redirect_response_code = "FOUND"
          strip_query            = true
        }
      }
    }
  }
}

resource "google_compute_managed_ssl_certificate" "public" {
  # A certificate cannot be changed, only followed by one of another name.
  name = "public-api-${substr(md5(var.domain), 0, 8)}"
  managed {
    domains = [var.domain]
  }
  lifecycle {
    create_before_destroy = true
  }
  depends_on = [google_project_service.api]
}

resource "google_compute_ssl_policy" "modern" {
  name            = "modern"
  profile         = "MODERN"
  min_tls_version = "TLS_1_2"
  depends_on      = [google_project_service.api]
}

resource "google_compute_target_https_proxy" "public" {
  name             = "public-api"
  url_map          = google_compute_url_map.public.id
  ssl_certificates = [google_compute_managed_ssl_certificate.public.id]
  ssl_policy       = google_compute_ssl_policy.modern.id
}

resource "google_compute_global_forwarding_rule" "https" {
  name                  = "public-api-https"
  target                = google_compute_target_https_proxy.public.id
  ip_address            = google_compute_global_address.public.id
  port_range            = "443"
  load_balancing_scheme = "EXTERNAL_MANAGED"
}

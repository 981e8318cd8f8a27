# Whoever comes without encryption is sent to the same address with it.

resource "google_compute_url_map" "to_https" {
  name = "public-api-to-https"
  default_url_redirect {
    https_redirect         = true
    redirect_response_code = "MOVED_PERMANENTLY_DEFAULT"
    strip_query            = false
  }
  depends_on = [google_project_service.api]
}

resource "google_compute_target_http_proxy" "to_https" {
  name    = "public-api-to-https"
  url_map = google_compute_url_map.to_https.id
}

resource "google_compute_global_forwarding_rule" "http" {
  name                  = "public-api-http"
  target                = google_compute_target_http_proxy.to_https.id
  ip_address            = google_compute_global_address.public.id
  port_range            = "80"
  load_balancing_scheme = "EXTERNAL_MANAGED"
}

# Plans the whole with a provider that answers what it likes: every expression is evaluated, nothing is made.
mock_provider "google" {}

variables {
  project           = "acme-ads"
  region            = "europe-west4"
  location          = "EU"
  network           = "projects/acme-ads/global/networks/default"
  database_password = "0123456789abcdef0123456789abcdef"
  readers           = ["group:analysts@example.com"]
}

run "as_written" {
  command = plan

  assert {
    condition     = google_storage_bucket.results.name == "acme-ads-whatif-results" && output.dataset == "acme-ads.whatif"
    error_message = "Buckets and the dataset are named by project and name."
  }
  assert {
    condition     = alltrue([for b in [google_storage_bucket.results, google_storage_bucket.inputs, google_storage_bucket.staging] : b.uniform_bucket_level_access && b.public_access_prevention == "enforced"])
    error_message = "No object has an access list of its own, none is public."
  }
  assert {
    condition     = alltrue([for r in concat(values(local.buckets), values(local.projects)) : !contains(["roles/owner", "roles/editor", "roles/viewer", "roles/storage.admin", "roles/storage.objectAdmin", "roles/bigquery.admin", "roles/dataflow.admin"], r.role)])
    error_message = "No account has a role of administration."
  }
  assert {
    condition     = alltrue([for r in values(local.buckets) : r.bucket != google_storage_bucket.inputs.name || r.role == "roles/storage.objectViewer"])
    error_message = "Nothing of ours changes an input."
  }
  assert {
    condition     = contains([for name, r in local.projects : r.role if startswith(name, "launcher-")], "roles/bigquery.resourceViewer") # who the members are is known once applied
    error_message = "The launcher may ask for loads that others have begun."
  }
  assert {
    condition     = !google_sql_database_instance.store.settings[0].ip_configuration[0].ipv4_enabled
    error_message = "The database has no public address."
  }
  assert {
    condition     = length(google_service_account_iam_member.launcher_on_gke) == 0 && length(google_bigquery_dataset_iam_member.readers) == 2
    error_message = "Without a namespace nobody on GKE acts as the launcher; the reader and those named read."
  }
}

run "on_gke" {
  command = plan
  variables {
    kubernetes_namespace           = "whatif"
    create_private_services_access = false
  }

  assert {
    condition     = google_service_account_iam_member.launcher_on_gke[0].member == "serviceAccount:acme-ads.svc.id.goog[whatif/whatif-launcher]"
    error_message = "The pods' account acts as the launcher's."
  }
  assert {
    condition     = length(google_service_networking_connection.services) == 0
    error_message = "A network that has its access keeps it."
  }
}

run "a_short_password_is_refused" {
  command = plan
  variables {
    database_password = "short"
  }
  expect_failures = [var.database_password]
}

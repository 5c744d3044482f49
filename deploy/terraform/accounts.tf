# Three accounts, each with what it does and no more. Roles are on the bucket, dataset, secret or repository where there is
# one; only what Google grants on projects alone is on the project.
#
#              results         inputs    staging   dataset   jobs of BigQuery   jobs of Dataflow   store   images
#   launcher   read, create,   read      read,     edit      run, see all       create, watch      yes     read
#              delete                    write
#   worker     read, create,   read      read,     -         -                  be a worker        -       read
#              delete                    write
#   reader     read            -         -         view      run                -                  -       -

resource "google_service_account" "launcher" {
  account_id   = "${var.name}-launcher"
  display_name = "What-If Machine: launcher"
}

resource "google_service_account" "worker" {
  account_id   = "${var.name}-worker"
  display_name = "What-If Machine: workers of Dataflow and Flink"
}

resource "google_service_account" "reader" {
  account_id   = "${var.name}-reader"
  display_name = "What-If Machine: Looker, notebooks"
}

locals {
  launcher = "serviceAccount:${google_service_account.launcher.email}"
  worker   = "serviceAccount:${google_service_account.worker.email}"
  reader   = "serviceAccount:${google_service_account.reader.email}"

  # objectUser reads, creates, overwrites and deletes, and can change no setting of a bucket. Workers need it as well: a marker of
  # a variant that was given up is taken back (docs/object-storage.md).
  buckets = {
    launcher-results = { bucket = google_storage_bucket.results.name, role = "roles/storage.objectUser", member = local.launcher }
    launcher-inputs  = { bucket = google_storage_bucket.inputs.name, role = "roles/storage.objectViewer", member = local.launcher }
    launcher-staging = { bucket = google_storage_bucket.staging.name, role = "roles/storage.objectUser", member = local.launcher }
    worker-results   = { bucket = google_storage_bucket.results.name, role = "roles/storage.objectUser", member = local.worker }
    worker-inputs    = { bucket = google_storage_bucket.inputs.name, role = "roles/storage.objectViewer", member = local.worker }
    worker-staging   = { bucket = google_storage_bucket.staging.name, role = "roles/storage.objectUser", member = local.worker }
    reader-results   = { bucket = google_storage_bucket.results.name, role = "roles/storage.objectViewer", member = local.reader }
  }

  # Of jobs jobUser shows one's own only; loads that somebody else has begun must be asked for too (docs/bigquery.md).
  projects = {
    launcher-queries  = { role = "roles/bigquery.jobUser", member = local.launcher }
    launcher-jobs     = { role = "roles/bigquery.resourceViewer", member = local.launcher }
    launcher-dataflow = { role = "roles/dataflow.developer", member = local.launcher }
    worker-dataflow   = { role = "roles/dataflow.worker", member = local.worker }
    reader-queries    = { role = "roles/bigquery.jobUser", member = local.reader }
  }
}

resource "google_storage_bucket_iam_member" "may" {
  for_each = local.buckets
  bucket   = each.value.bucket
  role     = each.value.role
  member   = each.value.member
}

resource "google_project_iam_member" "may" {
  for_each = local.projects
  project  = var.project
  role     = each.value.role
  member   = each.value.member
}

# Creating a Dataflow job whose workers are another account needs the right to act as that account.
resource "google_service_account_iam_member" "launcher_as_worker" {
  service_account_id = google_service_account.worker.name
  role               = "roles/iam.serviceAccountUser"
  member             = local.launcher
}

resource "google_bigquery_dataset_iam_member" "launcher" {
  dataset_id = google_bigquery_dataset.whatif.dataset_id
  role       = "roles/bigquery.dataEditor"
  member     = local.launcher
}

resource "google_bigquery_dataset_iam_member" "readers" {
  for_each   = merge({ for reader in var.readers : reader => reader }, { reader = local.reader })
  dataset_id = google_bigquery_dataset.whatif.dataset_id
  role       = "roles/bigquery.dataViewer"
  member     = each.value
}

resource "google_secret_manager_secret_iam_member" "launcher" {
  secret_id = google_secret_manager_secret.store.id
  role      = "roles/secretmanager.secretAccessor"
  member    = local.launcher
}

resource "google_artifact_registry_repository_iam_member" "pullers" {
  for_each   = { launcher = local.launcher, worker = local.worker }
  location   = google_artifact_registry_repository.images.location
  repository = google_artifact_registry_repository.images.name
  role       = "roles/artifactregistry.reader"
  member     = each.value
}

# On GKE pods are the launcher by their Kubernetes account: no key is ever made.
resource "google_service_account_iam_member" "launcher_on_gke" {
  count              = var.kubernetes_namespace == "" ? 0 : 1
  service_account_id = google_service_account.launcher.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "serviceAccount:${var.project}.svc.id.goog[${var.kubernetes_namespace}/whatif-launcher]"
}

# Results, and what studies read. Two buckets and one for staging, since who may do what differs: nothing of ours
# ever changes an input, and what was staged is worth nothing after its job.

resource "google_storage_bucket" "results" {
  name                        = "${var.project}-${var.name}-results"
  location                    = var.location
  labels                      = var.labels
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  # A result file is written once and never again (its name taken is what makes a commit), so versions would keep only what
  # `whatif gc` and DELETE removed on purpose. What was removed by mistake is to be had back for a week.
  versioning {
    enabled = false
  }
  soft_delete_policy {
    retention_duration_seconds = 7 * 24 * 3600
  }

  lifecycle_rule {
    condition {
      age                   = var.result_days
      matches_storage_class = ["STANDARD"]
    }
    action {
      type          = "SetStorageClass"
      storage_class = "NEARLINE"
    }
  }
  # Parts of uploads that were never finished are invisible and cost all the same.
  lifecycle_rule {
    condition {
      age = 2
    }
    action {
      type = "AbortIncompleteMultipartUpload"
    }
  }
}

resource "google_storage_bucket" "inputs" {
  name                        = "${var.project}-${var.name}-inputs"
  location                    = var.location
  labels                      = var.labels
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  # A simulation reads the generation that it pinned at submission. With versions that one is still there when somebody
  # replaces a snapshot under a running study; without, the study fails with `input_changed`.
  versioning {
    enabled = true
  }
  soft_delete_policy {
    retention_duration_seconds = 7 * 24 * 3600
  }
  lifecycle_rule {
    condition {
      days_since_noncurrent_time = 30
    }
    action {
      type = "Delete"
    }
  }
}

resource "google_storage_bucket" "staging" {
  name                        = "${var.project}-${var.name}-staging"
  location                    = var.region
  labels                      = var.labels
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = true

  versioning {
    enabled = false
  }
  soft_delete_policy {
    retention_duration_seconds = 0
  }
  lifecycle_rule {
    condition {
      age = var.staging_days
    }
    action {
      type = "Delete"
    }
  }
}

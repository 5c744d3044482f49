variable "project" {
  description = "Google Cloud project that everything is made in."
  type        = string
}

variable "region" {
  description = "Region of the database, the images and Dataflow's workers, such as europe-west4."
  type        = string
}

variable "location" {
  description = "Location of the bucket and the dataset. BigQuery loads from a bucket of its own location only: give both the same, the region or a multi-region that holds it (EU, US)."
  type        = string
}

variable "name" {
  description = "What everything is called: the prefix of buckets, accounts and instances."
  type        = string
  default     = "whatif"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,15}[a-z0-9]$", var.name))
    error_message = "Accounts and buckets are named after it: 3 to 17 small letters, digits and hyphens, a letter first."
  }
}

variable "labels" {
  description = "Labels of everything that takes them, such as {team = \"inventory-science\"}."
  type        = map(string)
  default     = {}
}

variable "network" {
  description = "VPC network of the database's private address, as projects/P/global/networks/N."
  type        = string
}

variable "create_private_services_access" {
  description = "Make the network's private services access, which Cloud SQL's private address needs. Set it to false where the network has one already: it has one for all its services."
  type        = bool
  default     = true
}

variable "database_tier" {
  description = "Machine of the database. The launcher's store is small: 1 core and 3.75 GB held 300 submissions a second of 31 variants where it was measured (docs/launcher.md)."
  type        = string
  default     = "db-custom-1-3840"
}

variable "database_availability" {
  description = "REGIONAL keeps a standby in another zone; ZONAL costs half."
  type        = string
  default     = "REGIONAL"

  validation {
    condition     = contains(["REGIONAL", "ZONAL"], var.database_availability)
    error_message = "REGIONAL or ZONAL."
  }
}

variable "database_password" {
  description = "Password of the launcher's database user, such as of `openssl rand -hex 24`. It goes to Cloud SQL and Secret Manager and is in neither plan nor state."
  type        = string
  sensitive   = true
  ephemeral   = true

  validation {
    condition     = can(regex("^[A-Za-z0-9]{24,}$", var.database_password))
    error_message = "At least 24 letters and digits: it is part of an address, where other characters would have to be escaped."
  }
}

variable "database_password_version" {
  description = "Count it up to have a changed database_password written."
  type        = number
  default     = 1
}

variable "kubernetes_namespace" {
  description = "Namespace of the launcher on GKE (deploy/kubernetes), whose service account `whatif-launcher` may act as the launcher's. Empty: no GKE."
  type        = string
  default     = ""
}

variable "readers" {
  description = "Who may query the views and read results, such as group:analysts@example.com or Looker's service account."
  type        = set(string)
  default     = []
}

variable "result_days" {
  description = "Days after which result files become cheaper to keep (Nearline). They are not deleted: `whatif gc` does that."
  type        = number
  default     = 30
}

variable "staging_days" {
  description = "Days after which what Dataflow staged is deleted. The longest job must be shorter."
  type        = number
  default     = 14
}

variable "deletion_protection" {
  description = "Refuse to destroy the database and the dataset."
  type        = bool
  default     = true
}

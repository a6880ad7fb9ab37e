# Optional: a key of Cloud KMS for the buckets, topics, repositories and secrets. Google's service agents use it, so no account
# of Boatyard's may. Terraform creates no key: a key ring can never be deleted.

locals {
  kms_key = var.encryption.key_name
  kms_agents = local.kms_key == null ? {} : {
    artifactregistry = "serviceAccount:service-${local.project_number}@gcp-sa-artifactregistry.iam.gserviceaccount.com"
    pubsub           = local.pubsub_agent
    secretmanager    = "serviceAccount:service-${local.project_number}@gcp-sa-secretmanager.iam.gserviceaccount.com"
    storage          = "serviceAccount:${data.google_storage_project_service_account.current[0].email_address}"
  }
}

resource "google_kms_crypto_key_iam_member" "agent" {
  for_each      = local.kms_agents
  crypto_key_id = local.kms_key
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = each.value
}

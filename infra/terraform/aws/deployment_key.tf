# The key that isolates projects (docs/security.md). Terraform creates the secret without a value, and the first function
# that needs the key writes it once: it is in no state and no plan.

resource "aws_secretsmanager_secret" "deployment_key" {
  #checkov:skip=CKV_AWS_149:var.encryption takes or makes a customer-managed key.
  #checkov:skip=CKV2_AWS_57:Another key gives every image another name, and all are built again; nobody rotates it unasked.
  name_prefix             = "${var.name}-deployment-key-"
  description             = "Boatyard ${var.name}: the key from which the names of each project's images and caches are made"
  kms_key_id              = local.kms_key_arn
  recovery_window_in_days = 7
  tags                    = var.tags
}

# App Service authentication checks each caller's token of Entra ID before the function runs, and the function believes what it
# says of the caller. So nobody else may come in, unless the owner has opened the function to everybody; then the function
# believes nothing.

locals {
  # Azure CLI's own application: `az account get-access-token` asks as it.
  azure_cli = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
  # Empty lists would let in everybody who gets a token; this is nobody's id.
  nobody = "00000000-0000-0000-0000-000000000000"
  # Empty, or one: the key of what exists only with authentication.
  authentication = [for application in var.application[*] : application if !var.anonymous]
  allowed = {
    applications = setunion([local.azure_cli], var.caller_applications)
    principals   = length(var.caller_principals) == 0 ? [local.nobody] : var.caller_principals
  }
}

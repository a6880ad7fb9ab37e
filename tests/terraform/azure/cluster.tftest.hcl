# Builds in a cluster.

mock_provider "azurerm" {
  source = "./tests/mocks"
}

mock_provider "kubernetes" {}

mock_provider "tls" {}

variables {
  application = { client_id = "55555555-5555-5555-5555-555555555555" }
  bundle      = { path = "tests/bundle.zip" }
  cluster = {
    id                 = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/aks/providers/Microsoft.ContainerService/managedClusters/runs"
    oidc_issuer_url    = "https://westeurope.oic.prod-aks.azure.com/t/i/"
    kubelet_principals = { nodes = "88888888-8888-8888-8888-888888888888" }
  }
  location        = "westeurope"
  projects        = { flytesnacks = { domains = ["development", "production"] } }
  resource_group  = "builds"
  subscription_id = "11111111-1111-1111-1111-111111111111"
}

run "a_cluster" {
  variables {
    image_builder = { kubernetes = { podLabels = { team = "ml" } } }
  }
  assert {
    condition     = keys(azurerm_user_assigned_identity.builder) == ["flytesnacks/development", "flytesnacks/production"]
    error_message = "Each project and domain has an identity."
  }
  assert {
    condition     = azurerm_federated_identity_credential.builder["flytesnacks/development"].subject == "system:serviceaccount:flytesnacks-development:boatyard-builder" && azurerm_federated_identity_credential.builder["flytesnacks/development"].issuer == var.cluster.oidc_issuer_url && azurerm_federated_identity_credential.builder["flytesnacks/development"].audience == tolist(["api://AzureADTokenExchange"])
    error_message = "Only that namespace's service account becomes the identity."
  }
  assert {
    condition     = jsondecode(output.environment.BOATYARD_SETTINGS).kubernetes.podLabels == { "azure.workload.identity/use" = "true", team = "ml" }
    error_message = "Without the label AKS gives a pod no token."
  }
  assert {
    condition     = output.environment.BOATYARD_CLUSTER == var.cluster.id && output.environment.BOATYARD_RUNNER == "kubernetes"
    error_message = "The function knows the cluster."
  }
  assert {
    condition     = azurerm_role_assignment.function["cluster"].role_definition_name == "Azure Kubernetes Service Cluster User Role" && azurerm_role_assignment.function["cluster"].scope == var.cluster.id
    error_message = "The function finds the cluster; RBAC says what it may do there."
  }
  assert {
    condition     = output.builder_image == "${output.default_repository}-builder:1.2.3-0123456789ab" && jsondecode(output.environment.BOATYARD_SETTINGS).kubernetes.builderImage == output.builder_image
    error_message = "Jobs run the image without an engine."
  }
  assert {
    condition     = { for key, grant in azurerm_role_assignment.registry : key => "${grant.role_definition_name} ${grant.principal_id}" if key == "own: kubelet nodes" } == { "own: kubelet nodes" = "AcrPull 88888888-8888-8888-8888-888888888888" }
    error_message = "The kubelet pulls images and the builder image."
  }
  assert {
    condition     = length(azurerm_container_registry_task.build) == 0 && keys(azurerm_key_vault.vault) == ["key"] && length(azurerm_role_assignment.builder) == 0 && length(azurerm_role_assignment.builder_signs) == 0 && length(azurerm_role_assignment.builder_secrets) == 0 && keys(azurerm_role_definition.role) == ["deployment_key", "registry"]
    error_message = "ACR Tasks and its vault are not needed, and a job reads no container."
  }
  assert {
    condition     = module.kubernetes[0].buildkitd_replicas == ["tcp://buildkitd-0.buildkitd.boatyard-buildkit.svc:1234"] && output.namespaces == tomap({ "flytesnacks/development" = "flytesnacks-development", "flytesnacks/production" = "flytesnacks-production" })
    error_message = "Each project and domain has a namespace, and the managed buildkitd is the default."
  }
}

run "an_image_of_ones_own" {
  variables {
    image_builder = { buildkitUri = "tcp://buildkitd.buildkit.svc.cluster.local:1234", kubernetes = { builderImage = "ghcr.io/acme/builder@sha256:0" } }
  }
  assert {
    condition     = output.builder_image == "ghcr.io/acme/builder@sha256:0" && output.builder_repository == null && module.kubernetes[0].buildkitd_replicas == []
    error_message = "An image that is named needs no repository, and a buildkitUri no buildkitd."
  }
}

run "no_pod_may_run_buildkit" {
  variables {
    image_builder = { kubernetes = { runBuildkit = false } }
  }
  assert {
    condition     = module.settings.pod_security == "restricted" && module.kubernetes[0].buildkitd_replicas == [] && jsondecode(output.environment.BOATYARD_SETTINGS).layers == "registry"
    error_message = "Namespaces are restricted, nothing runs a buildkitd, and layers are of the registry."
  }
}

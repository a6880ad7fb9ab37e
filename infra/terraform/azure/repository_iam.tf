# Roles on registries, as Union's Image Builder has them: a builder has AcrPush; the functions and the kubelet have AcrPull. Where
# a registry grants by repository ("RBAC Registry + ABAC Repository Permissions") other roles do, because it ignores these. For
# registries of other subscriptions they are outputs, and granted here only if var.cross_registry says so.

locals {
  roles = {
    pull = { false = "AcrPull", true = "Container Registry Repository Reader" }
    push = { false = "AcrPush", true = "Container Registry Repository Writer" }
  }
  builder_pushers = { for key, builder in azurerm_user_assigned_identity.builder : "builder ${key}" => builder.principal_id }
  # Who makes images: builds, and with var.inline the function, which pulls like the others, too.
  pushers = merge(local.builder_pushers, { for key in local.inline_enabled ? ["inline"] : [] : key => azurerm_user_assigned_identity.function.principal_id })
  # Not by try: it makes the keys unknown where an identity is.
  kubelets = { for key, principal in(var.cluster == null ? {} : var.cluster.kubelet_principals) : "kubelet ${key}" => principal }
  pullers  = merge({ function = azurerm_user_assigned_identity.function.principal_id }, local.kubelets)
  # Registry => who does what there. "own" is this deployment's.
  registry_uses = merge(
    { for id in keys(var.repository.bases) : id => { push = {}, pull = merge(local.builder_pushers, local.pullers) } },
    { for id in var.repository.push_ids : id => { push = local.pushers, pull = local.pullers } },
    { own = { push = local.pushers, pull = local.pullers } },
  )
  registry_grants = merge([
    for id, uses in local.registry_uses : merge([
      for verb, principals in uses : {
        for who, principal in principals : "${id}: ${who}" => {
          registry     = id
          role         = local.roles[verb][id == "own" ? var.repository.abac : contains(var.repository.abac_ids, id)]
          principal_id = principal
        }
      }
    ]...)
  ]...)
  # Azure compares ids without their case.
  is_elsewhere = { for id in keys(local.registry_uses) : id => id != "own" && !startswith(lower(id), lower("/subscriptions/${local.subscription}/")) }
}

resource "azurerm_role_assignment" "registry" {
  for_each             = { for key, grant in local.registry_grants : key => grant if !local.is_elsewhere[grant.registry] || var.cross_registry.grant }
  scope                = each.value.registry == "own" ? local.registry_id : each.value.registry
  role_definition_name = each.value.role
  principal_id         = each.value.principal_id
  # A new identity takes a while to be known everywhere in Entra ID.
  principal_type = "ServicePrincipal"
}

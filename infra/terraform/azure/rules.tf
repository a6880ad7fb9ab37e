# The events that Event Grid brings to the queue, each topic by its own identity. Event Grid calls no function: App Service
# authentication would refuse it.

locals {
  # Builds are stored by their base only if something uses it.
  remembers_bases = length(var.repository.bases) > 0 || var.events.drift_schedule != null
  # Event Grid reports registries of this subscription; the drift report covers others.
  topics = merge(
    { for key in var.events.specs ? ["specs"] : [] : key => {
      name     = "${var.name}-specs-${local.suffix}"
      source   = azurerm_storage_account.account["data"].id
      location = local.location
      type     = "Microsoft.Storage.StorageAccounts"
      event    = "Microsoft.Storage.BlobCreated"
      subjects = ["/blobServices/default/containers/${local.bucket_name}/blobs/specs/"]
    } },
    { for id, base in var.repository.bases : id => {
      name     = "${var.name}-${lower(split("/", id)[8])}-${local.suffix}"
      source   = id
      location = coalesce(base.location, local.location)
      type     = "Microsoft.ContainerRegistry.Registries"
      event    = "Microsoft.ContainerRegistry.ImagePushed"
      subjects = [for repository in base.repositories : "${repository}:"]
    } if !local.is_elsewhere[id] },
  )
}

resource "azurerm_eventgrid_system_topic" "events" {
  for_each            = local.topics
  name                = each.value.name
  resource_group_name = var.resource_group
  location            = each.value.location
  source_resource_id  = each.value.source
  topic_type          = each.value.type
  tags                = var.tags
  identity {
    type = "SystemAssigned"
  }
}

resource "azurerm_role_assignment" "topic" {
  for_each             = azurerm_eventgrid_system_topic.events
  scope                = local.queue_ids["events"]
  role_definition_name = "Storage Queue Data Message Sender"
  principal_id         = each.value.identity[0].principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_eventgrid_system_topic_event_subscription" "events" {
  for_each              = local.topics
  name                  = "boatyard"
  system_topic          = azurerm_eventgrid_system_topic.events[each.key].name
  resource_group_name   = var.resource_group
  event_delivery_schema = "EventGridSchema"
  included_event_types  = [each.value.event]
  advanced_filter {
    string_begins_with {
      key    = "subject"
      values = each.value.subjects
    }
  }
  storage_queue_endpoint {
    storage_account_id = azurerm_storage_account.account["data"].id
    queue_name         = azurerm_storage_queue.queue["events"].name
  }
  delivery_identity {
    type = "SystemAssigned"
  }
  retry_policy {
    event_time_to_live    = 1440
    max_delivery_attempts = 30
  }
  depends_on = [azurerm_role_assignment.topic]
}

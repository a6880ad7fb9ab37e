# The queue of events, which the app's host reads. A message that fails comes again by itself; after five deliveries the host
# moves it to the poison queue, and the function keeps it, with its reason, in the dead letters.

locals {
  events_enabled = var.events.specs || length(var.repository.bases) > 0 || local.inline_enabled
  queues = !local.events_enabled ? {} : {
    events       = "${var.name}-events"
    poison       = "${var.name}-events-poison"
    dead_letters = "${var.name}-dead-letters"
  }
  queue_ids = {
    for key, queue in azurerm_storage_queue.queue :
    key => "${azurerm_storage_account.account["data"].id}/queueServices/default/queues/${queue.name}"
  }
}

# Orders that others put on the queue themselves.
resource "azurerm_role_assignment" "publisher" {
  for_each             = local.events_enabled ? var.events.publishers : []
  scope                = local.queue_ids["events"]
  role_definition_name = "Storage Queue Data Message Sender"
  principal_id         = each.key
}

resource "azurerm_storage_queue" "queue" {
  for_each           = local.queues
  name               = each.value
  storage_account_id = azurerm_storage_account.account["data"].id
}

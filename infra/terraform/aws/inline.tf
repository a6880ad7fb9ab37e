# The function for events makes images itself (var.inline): it pulls and pushes, and reads the secrets of projects. The other
# function only asks it, by the queue.

locals {
  inline_enabled = local.runner == "inline"
  inline_statements = {
    http = [
      {
        Sid      = "ReadInlineLogs"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = [local.object_arns.logs]
      },
      local.ask_statement,
    ]
    events = concat(local.image_statements, [
      {
        Sid      = "WriteInlineLogs"
        Effect   = "Allow"
        Action   = ["s3:PutObject"]
        Resource = [local.object_arns.logs]
      },
      {
        Sid      = "ReadSecrets"
        Effect   = "Allow"
        Action   = ["secretsmanager:GetSecretValue"]
        Resource = values(local.secret_arns)
      },
      local.ask_statement,
    ])
  }
  ask_statement = {
    # A message for each build. Whoever looks at a build whose function was killed sends it again.
    Sid      = "AskForBuilds"
    Effect   = "Allow"
    Action   = ["sqs:SendMessage"]
    Resource = [local.queue_arns["events"]]
  }
  inline_bundle = coalesce(try(var.inline.bundle, null), replace(var.bundle.path, "/\\.zip$/", "-inline.zip"))
}

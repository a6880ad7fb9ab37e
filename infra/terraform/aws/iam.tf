# The functions' roles: DescribeImages and GetAuthorizationToken like the proxy of Union's Image Builder, and what the other
# parts need. docs/deploy-aws.md gives the reason for each statement, and a test compares the two.

locals {
  secret_arns = {
    for scope in keys(module.settings.scopes) :
    scope => "arn:${local.partition}:secretsmanager:${local.region}:${local.account_id}:secret:${var.name}/${scope}/*"
  }
  # Folder of the bucket => its objects.
  object_arns = { for folder in keys(local.folders) : folder => "${local.bucket_arn}/${folder}/*" }
  function_statements = {
    for key, extra in {
      http   = local.http_statements
      events = local.events_statements
      } : key => concat(
      local.common_statements,
      local.runner_statements,
      extra,
      [for statement in local.inline_statements[key] : statement if local.inline_enabled],
      [for group, statement in local.log_statements : statement if group == key],
      local.kms_statements,
    ) if contains(keys(local.functions), key)
  }
  common_statements = concat(
    [
      {
        # There is no narrower resource: the token is for the account's whole registry.
        Sid      = "RegistryToken"
        Effect   = "Allow"
        Action   = ["ecr:GetAuthorizationToken"]
        Resource = ["*"]
      },
      {
        # BatchGetImage reads indexes and manifests: an image's platforms, and the digest of its configuration.
        Sid      = "FindImages"
        Effect   = "Allow"
        Action   = ["ecr:DescribeImages", "ecr:BatchGetImage"]
        Resource = local.pull_repository_arns
      },
      {
        # To read an image's labels, which hold its key: an image with the right tag and another key is not the requested one.
        Sid      = "ReadLabels"
        Effect   = "Allow"
        Action   = ["ecr:GetDownloadUrlForLayer"]
        Resource = local.push_repository_arns
      },
      {
        # The only secret whose value a function may read. Builders may not.
        Sid      = "DeploymentKey"
        Effect   = "Allow"
        Action   = ["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"]
        Resource = [aws_secretsmanager_secret.deployment_key.arn]
      },
      {
        # Before a forced build: may the existing image's tag move?
        Sid      = "ReadMutability"
        Effect   = "Allow"
        Action   = ["ecr:DescribeRepositories"]
        Resource = local.push_repository_arns
      },
      {
        # Without it S3 answers 403 instead of 404 for an absent object.
        Sid      = "ListBucket"
        Effect   = "Allow"
        Action   = ["s3:ListBucket"]
        Resource = [local.bucket_arn]
      },
      {
        # A signed URL grants what the function itself may do.
        Sid      = "SignContexts"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject"]
        Resource = [local.object_arns.contexts]
      },
    ],
    !local.remembers_bases ? [] : [{
      Sid      = "RememberBases"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:PutObject"]
      Resource = [local.object_arns.bases]
    }],
    !var.repository.create_missing ? [] : [{
      Sid      = "MakeRepositories"
      Effect   = "Allow"
      Action   = ["ecr:CreateRepository"]
      Resource = local.push_repository_arns
    }],
    !var.function.tracing ? [] : [{
      # X-Ray knows no resources.
      Sid      = "Trace"
      Effect   = "Allow"
      Action   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
      Resource = ["*"]
    }],
    var.function.vpc == null ? [] : [{
      # Lambda requires it of functions in a VPC; network interfaces have no name before their creation.
      Sid      = "JoinVpc"
      Effect   = "Allow"
      Action   = ["ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:DeleteNetworkInterface"]
      Resource = ["*"]
    }],
  )
  runner_statements = local.runner == "kubernetes" ? local.cluster_statements : concat(
    local.uses_codebuild ? local.codebuild_runner_statements : [],
    local.record_statements,
  )
  # Without a cluster, builds are records in the bucket.
  record_statements = [
    {
      Sid      = "KeepRecords"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:PutObject"]
      Resource = [local.object_arns.jobs, local.object_arns.builds, local.object_arns.open]
    },
    {
      # A build that has ended is no longer open.
      Sid      = "CloseRecords"
      Effect   = "Allow"
      Action   = ["s3:DeleteObject"]
      Resource = [local.object_arns.open]
    },
    {
      Sid      = "KnowSecretsExist"
      Effect   = "Allow"
      Action   = ["secretsmanager:DescribeSecret"]
      Resource = values(local.secret_arns)
    },
  ]
  # On a cluster, secrets are in the namespaces. Only the function that makes images itself reads the value of a project's secret.
  http_statements = local.runner == "kubernetes" ? [] : [{
    Sid      = "WriteSecrets"
    Effect   = "Allow"
    Action   = ["secretsmanager:CreateSecret", "secretsmanager:DeleteSecret", "secretsmanager:PutSecretValue", "secretsmanager:RestoreSecret", "secretsmanager:TagResource"]
    Resource = values(local.secret_arns)
    }, {
    # Names and tags of all secrets, without values: IAM has no narrower resource.
    Sid      = "ListSecrets"
    Effect   = "Allow"
    Action   = ["secretsmanager:ListSecrets"]
    Resource = ["*"]
  }]
  events_statements = concat(local.take_statements, length(var.repository.base_arns) == 0 || local.inline_enabled ? [] : [{
    # One message for each image to rebuild on a pushed base.
    Sid      = "SpreadWork"
    Effect   = "Allow"
    Action   = ["sqs:SendMessage"]
    Resource = [local.queue_arns["events"]]
  }])
  take_statements = [
    {
      Sid      = "TakeEvents"
      Effect   = "Allow"
      Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
      Resource = [local.queue_arns["events"]]
    },
    {
      Sid      = "PutAside"
      Effect   = "Allow"
      Action   = ["sqs:SendMessage"]
      Resource = [local.queue_arns["dead-letters"]]
    },
    {
      Sid      = "ReadSpecs"
      Effect   = "Allow"
      Action   = ["s3:GetObject"]
      Resource = [local.object_arns.specs]
    },
    {
      Sid      = "WriteResults"
      Effect   = "Allow"
      Action   = ["s3:PutObject"]
      Resource = [local.object_arns.results]
    },
    {
      # The previous report is what drift is compared with.
      Sid      = "ReportDrift"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:PutObject"]
      Resource = [local.object_arns.drift]
    },
  ]
  # Lambda and CodeBuild name the streams, so the whole group is the resource.
  log_statements = {
    for key, group in aws_cloudwatch_log_group.logs : key => {
      Sid      = "WriteLogs"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = ["${group.arn}:*"]
    }
  }
}

resource "aws_iam_role" "function" {
  for_each    = local.functions
  name        = each.value.name
  description = "Boatyard's function ${each.key}"
  tags        = var.tags
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "function" {
  for_each = local.functions
  name     = "boatyard"
  role     = aws_iam_role.function[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    # IAM refuses statements without resources, and some have none in some deployments.
    Statement = [for statement in local.function_statements[each.key] : statement if length(statement.Resource) > 0]
  })
}

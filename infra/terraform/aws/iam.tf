# The functions' roles: DescribeImages and GetAuthorizationToken as the seed document has them for its proxy, and
# what their own parts need. docs/deploy-aws.md says why for each; a test holds the two together.

locals {
  secret_arns = {
    for scope in keys(module.settings.scopes) :
    scope => "arn:${local.partition}:secretsmanager:${local.region}:${local.account_id}:secret:${var.name}/${scope}/*"
  }
  # folder of the bucket => its objects
  object_arns = { for folder in keys(local.folders) : folder => "${local.bucket_arn}/${folder}/*" }
  function_statements = {
    for key, extra in {
      http   = local.http_statements
      events = local.events_statements
      } : key => concat(
      local.common_statements,
      local.runner_statements,
      extra,
      [for group, statement in local.log_statements : statement if group == key],
      local.kms_statements,
    ) if contains(keys(local.functions), key)
  }
  common_statements = concat(
    [
      {
        # AWS has no narrower resource for it: the token belongs to the registry of the account.
        Sid      = "RegistryToken"
        Effect   = "Allow"
        Action   = ["ecr:GetAuthorizationToken"]
        Resource = ["*"]
      },
      {
        # BatchGetImage reads an index or a manifest: which platforms an image has, and where its labels are.
        Sid      = "FindImages"
        Effect   = "Allow"
        Action   = ["ecr:DescribeImages", "ecr:BatchGetImage"]
        Resource = local.pull_repository_arns
      },
      {
        # The key among an image's labels: one under our tag that is another's is not the answer.
        Sid      = "ReadLabels"
        Effect   = "Allow"
        Action   = ["ecr:GetDownloadUrlForLayer"]
        Resource = local.push_repository_arns
      },
      {
        # The one secret whose value a function may read. No builder may.
        Sid      = "DeploymentKey"
        Effect   = "Allow"
        Action   = ["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"]
        Resource = [aws_secretsmanager_secret.deployment_key.arn]
      },
      {
        # Before a forced build: may the tag of an image that is there move?
        Sid      = "ReadMutability"
        Effect   = "Allow"
        Action   = ["ecr:DescribeRepositories"]
        Resource = local.push_repository_arns
      },
      {
        # Without it an absent object is 403 and not 404: it could not be known to be absent.
        Sid      = "ListBucket"
        Effect   = "Allow"
        Action   = ["s3:ListBucket"]
        Resource = [local.bucket_arn]
      },
      {
        # What a function signs a URL for, its caller or its job may do.
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
      # X-Ray has no resources.
      Sid      = "Trace"
      Effect   = "Allow"
      Action   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
      Resource = ["*"]
    }],
    var.function.vpc == null ? [] : [{
      # Lambda asks for it of a function in a VPC: network interfaces have no name before they are made.
      Sid      = "JoinVpc"
      Effect   = "Allow"
      Action   = ["ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:DeleteNetworkInterface"]
      Resource = ["*"]
    }],
  )
  runner_statements = local.runner == "kubernetes" ? local.cluster_statements : local.codebuild_runner_statements
  # On a cluster secrets are the namespace's own. Neither function may read a project's value.
  http_statements = local.runner == "kubernetes" ? [] : [{
    Sid      = "WriteSecrets"
    Effect   = "Allow"
    Action   = ["secretsmanager:CreateSecret", "secretsmanager:DeleteSecret", "secretsmanager:PutSecretValue", "secretsmanager:RestoreSecret", "secretsmanager:TagResource"]
    Resource = values(local.secret_arns)
    }, {
    # Names and tags of all secrets: IAM knows no narrower grant, and none shows a value.
    Sid      = "ListSecrets"
    Effect   = "Allow"
    Action   = ["secretsmanager:ListSecrets"]
    Resource = ["*"]
  }]
  events_statements = concat(local.take_statements, length(var.repository.base_arns) == 0 ? [] : [{
    # A pushed base's dependents become a message each.
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
      # The report of the day before is what drift is measured against.
      Sid      = "ReportDrift"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:PutObject"]
      Resource = [local.object_arns.drift]
    },
  ]
  # Streams have the names that Lambda and CodeBuild give them; the group is named.
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
    # IAM refuses a statement without resources; some have none in some deployments.
    Statement = [for statement in local.function_statements[each.key] : statement if length(statement.Resource) > 0]
  })
}

# The functions' roles: DescribeImages and GetAuthorizationToken as the seed document has them for its proxy, and
# what their own parts need. docs/deploy-aws.md says why for each; a test holds the two together.

locals {
  secret_arn_prefix = "arn:${local.partition}:secretsmanager:${local.region}:${local.account_id}:secret:${var.name}"
  function_statements = {
    for key, extra in {
      http   = local.http_statements
      events = local.events_statements
    } : key => concat(local.common_statements, extra, local.kms_statements) if contains(keys(local.functions), key)
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
        # BatchGetImage reads the index: which platforms an image has.
        Sid      = "FindImages"
        Effect   = "Allow"
        Action   = ["ecr:DescribeImages", "ecr:BatchGetImage"]
        Resource = local.pull_repository_arns
      },
      {
        # Without ListBucket an absent object is 403 and not 404: it could not be known to be absent.
        Sid      = "ListRecordsAndContexts"
        Effect   = "Allow"
        Action   = ["s3:ListBucket"]
        Resource = [local.bucket_arn]
      },
      {
        Sid      = "ReadAndWriteRecordsAndContexts"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject"]
        Resource = [for key in ["contexts", "builds"] : "${local.bucket_arn}/${local.folders[key]}*"]
      },
      {
        Sid      = "KnowSecretsExist"
        Effect   = "Allow"
        Action   = ["secretsmanager:DescribeSecret"]
        Resource = [for scope in keys(local.scopes) : "${local.secret_arn_prefix}/${scope}/*"]
      },
      {
        Sid      = "WriteLogs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = [for key in keys(local.functions) : "${aws_cloudwatch_log_group.logs[key].arn}:*"]
      },
    ],
    local.runner_statements,
    !var.function.tracing ? [] : [{
      # X-Ray has no resources.
      Sid      = "Trace"
      Effect   = "Allow"
      Action   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
      Resource = ["*"]
    }],
    var.function.vpc == null ? [] : [{
      # Lambda's own condition for a function in a VPC: network interfaces have no name before they are made.
      Sid      = "JoinVpc"
      Effect   = "Allow"
      Action   = ["ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:DeleteNetworkInterface"]
      Resource = ["*"]
    }],
  )
  http_statements = [{
    # Write only: neither function may read a value.
    Sid      = "WriteSecrets"
    Effect   = "Allow"
    Action   = ["secretsmanager:CreateSecret", "secretsmanager:PutSecretValue", "secretsmanager:TagResource"]
    Resource = [for scope in keys(local.scopes) : "${local.secret_arn_prefix}/${scope}/*"]
  }]
  events_statements = [
    {
      Sid      = "TakeEvents"
      Effect   = "Allow"
      Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
      Resource = aws_sqs_queue.events[*].arn
    },
    {
      Sid      = "ReadSpecs"
      Effect   = "Allow"
      Action   = ["s3:GetObject"]
      Resource = ["${local.bucket_arn}/${local.folders.specs}*"]
    },
  ]
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
  policy   = jsonencode({ Version = "2012-10-17", Statement = local.function_statements[each.key] })
}

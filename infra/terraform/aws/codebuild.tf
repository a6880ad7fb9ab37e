# Where there is no cluster: one CodeBuild build an image. What it runs is `python3 -m boatyard_aws.build_step`; the function
# says so with every build, so the project's own buildspec is never used.

locals {
  # A list of none or one, for what exists only then.
  codebuild_names = local.runner == "codebuild" ? ["${var.name}-builder"] : []
  codebuild_arns  = [for name in local.codebuild_names : "arn:${local.partition}:codebuild:${local.region}:${local.account_id}:project/${name}"]
  codebuild_image = coalesce(var.codebuild.image, {
    LINUX_CONTAINER = "aws/codebuild/amazonlinux-x86_64-standard:5.0"
    ARM_CONTAINER   = "aws/codebuild/amazonlinux-aarch64-standard:3.0"
  }[var.codebuild.type])
  # CodeBuild's own images have Python and Docker, and nothing of ours: that comes as the project's source. An image of
  # yours may have it.
  codebuild_bundle = local.runner != "codebuild" ? null : try(coalesce(
    var.codebuild.bundle,
    startswith(local.codebuild_image, "aws/codebuild/") ? replace(var.bundle.path, "/\\.zip$/", "-builder.zip") : null,
  ), null)
  # One name, so that a build that waits while the code changes still finds it, and a permission that never changes.
  codebuild_keys = local.codebuild_bundle == null ? [] : ["code/builder.zip"]
  # What a build may do beside pulling and pushing.
  codebuild_statements = concat(
    [for key, statement in local.log_statements : statement if key == "codebuild"],
    [
      {
        Sid      = "ReadContexts"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = [local.object_arns.contexts]
      },
      {
        Sid      = "ReadAndTellJob"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject"]
        Resource = [local.object_arns.jobs]
      },
      {
        Sid      = "ReadSecrets"
        Effect   = "Allow"
        Action   = ["secretsmanager:GetSecretValue"]
        Resource = values(local.secret_arns)
      },
    ],
    length(local.codebuild_keys) == 0 ? [] : [{
      Sid      = "ReadCode"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:GetObjectVersion"]
      Resource = [for key in local.codebuild_keys : "${local.bucket_arn}/${key}"]
    }],
  )
  # What the functions may do with it.
  codebuild_runner_statements = [
    {
      Sid      = "RunBuilds"
      Effect   = "Allow"
      Action   = ["codebuild:StartBuild", "codebuild:BatchGetBuilds", "codebuild:StopBuild"]
      Resource = local.codebuild_arns
    },
    {
      Sid      = "ReadBuildLogs"
      Effect   = "Allow"
      Action   = ["logs:GetLogEvents"]
      Resource = flatten([for key, statement in local.log_statements : statement.Resource if key == "codebuild"])
    },
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
}

resource "aws_s3_object" "codebuild" {
  #checkov:skip=CKV_AWS_186:The bucket's own encryption applies; var.encryption takes or makes a customer-managed key.
  for_each    = toset(local.codebuild_keys)
  bucket      = aws_s3_bucket.bucket.id
  key         = each.key
  source      = local.codebuild_bundle
  source_hash = try(filesha256(local.codebuild_bundle), null)
  depends_on  = [aws_s3_bucket_server_side_encryption_configuration.bucket]
  lifecycle {
    precondition {
      condition     = fileexists(local.codebuild_bundle)
      error_message = "There is no ${local.codebuild_bundle}, which builds run: `make bundle CLOUD=aws` writes it beside the functions' bundle; codebuild.bundle names another."
    }
  }
}

resource "aws_codebuild_project" "builder" {
  #checkov:skip=CKV_AWS_147:AWS's own key by default; var.encryption takes or makes a customer-managed key. A build leaves no artifact.
  #checkov:skip=CKV_AWS_316:BuildKit makes containers. CodeBuild gives each build a machine of its own.
  for_each       = toset(local.codebuild_names)
  name           = each.key
  description    = "Boatyard's builds, one an image"
  service_role   = aws_iam_role.builder["codebuild"].arn
  encryption_key = local.kms_key_arn
  # Of a build that asks for no time of its own; the function asks for limits.buildTimeoutSeconds and a little.
  build_timeout  = 65
  queued_timeout = var.codebuild.queued_minutes
  tags           = var.tags
  artifacts {
    type = "NO_ARTIFACTS"
  }
  environment {
    type            = var.codebuild.type
    compute_type    = var.codebuild.compute_type
    image           = local.codebuild_image
    privileged_mode = true
  }
  logs_config {
    cloudwatch_logs {
      group_name = aws_cloudwatch_log_group.logs["codebuild"].name
    }
  }
  source {
    type      = length(local.codebuild_keys) > 0 ? "S3" : "NO_SOURCE"
    location  = length(local.codebuild_keys) > 0 ? "${aws_s3_bucket.bucket.id}/${local.codebuild_keys[0]}" : null
    buildspec = file("${path.module}/buildspec.yaml")
  }
  depends_on = [aws_iam_role_policy.builder, aws_s3_object.codebuild]
}

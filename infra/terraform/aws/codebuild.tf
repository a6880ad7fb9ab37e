# Without a cluster: one CodeBuild build per image, or beside the function that makes images itself, per image that needs a RUN. The function sends the buildspec with every build
# (`python3 -m boatyard_aws.build_step`), so the project's own buildspec is never used.

locals {
  # Empty, or one name: the key of everything that exists only with CodeBuild.
  codebuild_names = local.uses_codebuild ? ["${var.name}-builder"] : []
  codebuild_arns  = [for name in local.codebuild_names : "arn:${local.partition}:codebuild:${local.region}:${local.account_id}:project/${name}"]
  codebuild_image = coalesce(var.codebuild.image, {
    LINUX_CONTAINER = "aws/codebuild/amazonlinux-x86_64-standard:5.0"
    ARM_CONTAINER   = "aws/codebuild/amazonlinux-aarch64-standard:3.0"
  }[var.codebuild.type])
  # CodeBuild's own images have Python and Docker. The job's code comes as the project's source, unless the image is
  # your own and contains it.
  codebuild_bundle = !local.uses_codebuild ? null : try(coalesce(
    var.codebuild.bundle,
    startswith(local.codebuild_image, "aws/codebuild/") ? replace(var.bundle.path, "/\\.zip$/", "-builder.zip") : null,
  ), null)
  # A fixed name: a build that waits while the code changes still finds it, and the permission never changes.
  codebuild_keys = local.codebuild_bundle == null ? [] : ["code/builder.zip"]
  # A build's permissions beside pulling and pushing.
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
  # The functions' permissions.
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
      error_message = "${local.codebuild_bundle}, the archive that builds run, does not exist. Run `make bundle CLOUD=aws`, which writes it beside the functions' bundle, or set codebuild.bundle."
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
  # In minutes, for builds without a timeout; the function sets one, a little above limits.buildTimeoutSeconds.
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

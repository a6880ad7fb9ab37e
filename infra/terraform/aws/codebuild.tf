# Where there is no cluster: one CodeBuild build per image.

locals {
  # A list of none or one, for what exists only then.
  codebuild_names = local.runner == "codebuild" ? ["${var.name}-builder"] : []
  codebuild_arns  = [for name in local.codebuild_names : "arn:${local.partition}:codebuild:${local.region}:${local.account_id}:project/${name}"]
  codebuild_image = coalesce(var.codebuild.image, "aws/codebuild/amazonlinux-x86_64-standard:5.0")
  codebuild_statements = [{
    Sid      = "WriteLogs"
    Effect   = "Allow"
    Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    Resource = [for key in ["codebuild"] : "${aws_cloudwatch_log_group.logs[key].arn}:*" if local.runner == "codebuild"]
  }]
}

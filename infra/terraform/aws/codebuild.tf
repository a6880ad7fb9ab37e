# Where there is no cluster: one CodeBuild build per image.

locals {
  # A list of none or one, for what exists only then.
  codebuild_names = local.runner == "codebuild" ? ["${var.name}-builder"] : []
  codebuild_arns  = [for name in local.codebuild_names : "arn:${local.partition}:codebuild:${local.region}:${local.account_id}:project/${name}"]
  # What the build's container may do beside pulling and pushing.
  codebuild_statements = [{
    Sid      = "WriteLogs"
    Effect   = "Allow"
    Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    Resource = [for key, group in aws_cloudwatch_log_group.logs : "${group.arn}:*" if key == "codebuild"]
  }]
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
      Resource = [for key, group in aws_cloudwatch_log_group.logs : "${group.arn}:*" if key == "codebuild"]
    },
  ]
}

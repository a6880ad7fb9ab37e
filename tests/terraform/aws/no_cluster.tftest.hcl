# Builds in CodeBuild: the least that can be asked for, and what is refused.

mock_provider "aws" {
  source = "./tests/mocks"
}

mock_provider "kubernetes" {}

mock_provider "tls" {}

variables {
  bundle   = { path = "tests/bundle.zip" }
  projects = { flytesnacks = { domains = ["development"] } }
}

run "the_least" {
  assert {
    condition     = length(aws_codebuild_project.builder) == 1 && length(module.kubernetes) == 0
    error_message = "Without a cluster CodeBuild builds."
  }
  assert {
    condition     = aws_lambda_function.function["http"].environment[0].variables.BOATYARD_DEPLOYMENT_KEY == aws_secretsmanager_secret.deployment_key.arn
    error_message = "the function knows the secret with the deployment's key"
  }
  assert {
    condition     = aws_lambda_function.function["http"].environment[0].variables.BOATYARD_RUNNER == "codebuild"
    error_message = "The function is told."
  }
  assert {
    condition     = jsondecode(output.environment.BOATYARD_SETTINGS).buildkit.driver == "buildx"
    error_message = "A CodeBuild container has a Docker engine and no buildkitd."
  }
  assert {
    condition     = keys(aws_s3_object.codebuild) == ["code/builder.zip"] && aws_s3_object.codebuild["code/builder.zip"].source == "tests/bundle-builder.zip"
    error_message = "What runs inside a build goes up from beside the bundle."
  }
  assert {
    condition     = one(values(aws_codebuild_project.builder)).source[0].type == "S3" && endswith(one(values(aws_codebuild_project.builder)).source[0].location, "/code/builder.zip")
    error_message = "The project's source is the archive."
  }
  assert {
    condition     = one([for s in jsondecode(aws_iam_role_policy.builder["codebuild"].policy).Statement : s.Resource if s.Sid == "ReadCode"]) == ["arn:aws:s3:::boatyard-123456789012-eu-west-1/code/builder.zip"]
    error_message = "The build reads that object and no other of its folder."
  }
  assert {
    condition     = output.builder_repository == null && output.builder_image == null
    error_message = "CodeBuild's own image runs the builds."
  }
  assert {
    condition     = aws_lambda_function_url.http.authorization_type == "AWS_IAM"
    error_message = "Nobody calls without a signature."
  }
  assert {
    condition     = aws_ecr_repository.repository["images"].image_tag_mutability == "IMMUTABLE" && aws_ecr_repository.repository["cache"].image_tag_mutability == "MUTABLE"
    error_message = "Images keep their tags; a cache overwrites its own."
  }
  assert {
    condition     = [for rule in jsondecode(aws_ecr_lifecycle_policy.repository["images"].policy).rules : rule.selection.tagStatus] == ["untagged"] && [for rule in jsondecode(aws_ecr_lifecycle_policy.repository["cache"].policy).rules : rule.selection.tagStatus] == ["untagged", "any"]
    error_message = "The cache expires with the layers in it, and no tagged image does."
  }
  assert {
    condition     = tolist(aws_lambda_event_source_mapping.events[0].function_response_types) == tolist(["ReportBatchItemFailures"])
    error_message = "One bad message does not bring back the others."
  }
  assert {
    condition     = alltrue([for group in aws_cloudwatch_log_group.logs : group.retention_in_days == 365])
    error_message = "Every log group has a retention."
  }
  assert {
    condition     = keys(aws_cloudwatch_event_rule.rule) == ["specs"]
    error_message = "Bases and drift are asked for."
  }
}

run "another_accounts_repository_and_a_key" {
  variables {
    codebuild     = { bundle = "tests/own.zip", type = "ARM_CONTAINER" }
    encryption    = { create_key = true }
    image_builder = { defaultRepository = "210987654321.dkr.ecr.us-east-1.amazonaws.com/team/images" }
  }
  assert {
    condition     = keys(aws_ecr_repository.repository) == ["cache"]
    error_message = "A repository that is named is not made."
  }
  assert {
    condition = contains(
      one([for s in jsondecode(aws_iam_role_policy.builder["codebuild"].policy).Statement : s.Resource if s.Sid == "Push"]),
      "arn:aws:ecr:us-east-1:210987654321:repository/team/images"
    )
    error_message = "Push names the repository with its own account and region."
  }
  assert {
    condition     = one(values(aws_s3_object.codebuild)).source == "tests/own.zip" && one(values(aws_codebuild_project.builder)).environment[0].image == "aws/codebuild/amazonlinux-aarch64-standard:3.0"
    error_message = "An archive that is named is taken, and the image fits the type."
  }
  assert {
    condition = (
      one(one(aws_s3_bucket_server_side_encryption_configuration.bucket.rule).apply_server_side_encryption_by_default).sse_algorithm == "aws:kms" &&
      aws_ecr_repository.repository["cache"].encryption_configuration[0].encryption_type == "KMS" &&
      aws_sqs_queue.events[0].kms_master_key_id == aws_kms_key.key[0].arn &&
      aws_cloudwatch_log_group.logs["http"].kms_key_id == aws_kms_key.key[0].arn
    )
    error_message = "One key encrypts all that is kept."
  }
}

run "layers_beside_the_images" {
  variables {
    repository = { layer_days = 30, cache = { create = false } }
  }
  assert {
    condition = [for rule in jsondecode(aws_ecr_lifecycle_policy.repository["images"].policy).rules : join(" ", [rule.rulePriority, try(rule.selection.tagPatternList[0], rule.selection.tagStatus), rule.selection.countNumber])] == [
      "1 prefix-*-* 36500", "2 wheels-*-* 36500", "3 facts-*-* 36500", "4 prefix-* 30", "5 wheels-* 30", "6 facts-* 30", "7 untagged 14",
    ]
    error_message = "Layers expire by their tags, and no image whose name begins like one does."
  }
}

run "another_registry_an_image_of_ones_own_and_no_events" {
  variables {
    codebuild     = { image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/builder:1" }
    events        = { specs = false }
    image_builder = { defaultRepository = "ghcr.io/acme/images", authenticationType = "noop" }
    repository    = { cache = { create = false } }
  }
  assert {
    condition     = length(aws_ecr_repository.repository) == 0 && output.default_repository == "ghcr.io/acme/images"
    error_message = "No ECR repository is made or named."
  }
  assert {
    condition     = alltrue([for role in [aws_iam_role_policy.builder["codebuild"], aws_iam_role_policy.function["http"]] : alltrue([for s in jsondecode(role.policy).Statement : length(s.Resource) > 0])])
    error_message = "IAM refuses a statement without resources."
  }
  assert {
    condition     = length(aws_s3_object.codebuild) == 0 && one(values(aws_codebuild_project.builder)).source[0].type == "NO_SOURCE"
    error_message = "An image of one's own has the code."
  }
  assert {
    condition     = keys(aws_lambda_function.function) == ["http"] && length(aws_sqs_queue.events) == 0 && length(aws_s3_bucket_notification.bucket) == 0
    error_message = "Without events there is no queue and no second function."
  }
}

run "refuses_wrong_variables" {
  command = plan
  variables {
    repository = { push_arns = ["arn:aws:ecr:eu-west-1:123456789012:repository/*"] }
    function   = { runtime = "python3.9", timeout_seconds = 10 }
    name       = "Boatyard"
    events     = { drift_schedule = "daily" }
  }
  expect_failures = [var.repository, var.function, var.name, var.events]
}

run "refuses_another_runtime_than_the_bundles" {
  command = plan
  variables {
    function = { runtime = "python3.12", architecture = "arm64" }
  }
  expect_failures = [aws_lambda_function.function]
}

run "refuses_a_missing_archive_of_the_job" {
  command = plan
  variables {
    bundle = { path = "tests/own.zip" }
  }
  expect_failures = [aws_s3_object.codebuild]
}

run "refuses_a_missing_bundle" {
  command = plan
  variables {
    bundle = { path = "tests/absent.zip" }
  }
  expect_failures = [var.bundle]
}

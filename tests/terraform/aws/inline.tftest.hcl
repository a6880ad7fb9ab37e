# The function for events makes images itself: alone, and with CodeBuild beside it.

mock_provider "aws" {
  source = "./tests/mocks"
}

mock_provider "kubernetes" {}

mock_provider "tls" {}

variables {
  bundle   = { path = "tests/bundle.zip" }
  events   = { specs = false }
  inline   = {}
  projects = { flytesnacks = { domains = ["development"] } }
}

run "no_dataplane_at_all" {
  assert {
    condition     = length(aws_codebuild_project.builder) + length(aws_iam_role.builder) + length(aws_s3_object.codebuild) + length(module.kubernetes) == 0
    error_message = "Nothing exists for a dataplane."
  }
  assert {
    condition     = keys(aws_ecr_repository.repository) == ["cache", "images"] && keys(aws_cloudwatch_log_group.logs) == ["events", "http"]
    error_message = "There is no image for jobs, and no log of theirs."
  }
  assert {
    condition     = output.environment.BOATYARD_RUNNER == "inline" && !contains(keys(output.environment), "BOATYARD_INLINE_OTHER") && output.environment.BOATYARD_QUEUE != ""
    error_message = "The functions know it."
  }
  assert {
    condition     = jsondecode(output.environment.BOATYARD_SETTINGS).layers == "registry"
    error_message = "Readers of the settings see what makes layers."
  }
  assert {
    condition = (
      aws_lambda_function.function["events"].memory_size == 3008 && aws_lambda_function.function["events"].timeout == 900 &&
      aws_lambda_function.function["events"].ephemeral_storage[0].size == 10240 && aws_lambda_function.function["events"].filename == "tests/bundle-inline.zip"
    )
    error_message = "The function that builds has the room, and the archive that builds."
  }
  assert {
    condition = (
      aws_lambda_function.function["http"].memory_size == 512 && aws_lambda_function.function["http"].timeout == 60 &&
      aws_lambda_function.function["http"].ephemeral_storage[0].size == 512 && aws_lambda_function.function["http"].filename == "tests/bundle.zip"
    )
    error_message = "The function of the URL stays small."
  }
  assert {
    condition     = aws_sqs_queue.events[0].visibility_timeout_seconds == 5400
    error_message = "As AWS asks, six times the function's timeout."
  }
  assert {
    condition     = aws_lambda_event_source_mapping.events[0].batch_size == 1 && one(aws_lambda_event_source_mapping.events[0].scaling_config).maximum_concurrency == 10
    error_message = "One build an invocation: a second in the batch would find no time left."
  }
  assert {
    condition     = [for s in jsondecode(aws_sqs_queue.events[0].policy).Statement : s.Effect] == ["Deny"]
    error_message = "Without rules nobody else sends."
  }
  assert {
    condition     = toset(flatten([for s in jsondecode(aws_iam_role_policy.function["events"].policy).Statement : s.Resource if s.Sid == "Push"])) == toset([for r in aws_ecr_repository.repository : r.arn])
    error_message = "The function that builds pushes to the deployment's repositories."
  }
  assert {
    condition     = toset([for s in jsondecode(aws_iam_role_policy.function["http"].policy).Statement : s.Sid if contains(["Push", "Pull", "ReadSecrets", "WriteInlineLogs", "RunBuilds", "AskForBuilds", "ReadInlineLogs"], s.Sid)]) == toset(["AskForBuilds", "ReadInlineLogs"])
    error_message = "The function of the URL asks, and reads logs; it neither pushes nor reads a project's secret."
  }
  assert {
    condition     = one([for s in jsondecode(aws_iam_role_policy.function["events"].policy).Statement : s.Resource if s.Sid == "ReadSecrets"]) == ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:boatyard/flytesnacks/development/*"]
    error_message = "It reads the secrets of its projects."
  }
  assert {
    condition     = length([for s in jsondecode(output.cross_account_repository_policy_json).Statement : s if contains(s.Action, "ecr:PutImage") && length(s.Principal.AWS) == 1]) == 1
    error_message = "A repository of another account lets it push."
  }
}

run "codebuild_for_what_needs_a_run" {
  variables {
    events = {}
    inline = { codebuild = true, bundle = "tests/own.zip", memory_mb = 5120 }
  }
  assert {
    condition     = output.environment.BOATYARD_RUNNER == "inline" && output.environment.BOATYARD_INLINE_OTHER == "codebuild" && output.environment.BOATYARD_CODEBUILD_PROJECT == "boatyard-builder"
    error_message = "The functions know both."
  }
  assert {
    condition     = length(aws_codebuild_project.builder) == 1 && keys(aws_iam_role.builder) == ["codebuild"] && keys(aws_s3_object.codebuild) == ["code/builder.zip"]
    error_message = "CodeBuild exists as without the function."
  }
  assert {
    condition     = alltrue([for key in ["http", "events"] : contains([for s in jsondecode(aws_iam_role_policy.function[key].policy).Statement : s.Sid], "RunBuilds")])
    error_message = "Both functions start builds there: the second one those of which it finds that they need a RUN."
  }
  assert {
    condition     = aws_lambda_function.function["events"].filename == "tests/own.zip" && aws_lambda_function.function["events"].memory_size == 5120
    error_message = "An archive that is named is taken."
  }
}

run "refuses_a_cluster_beside_it" {
  command = plan
  variables {
    cluster = { name = "runs" }
  }
  expect_failures = [var.inline]
}

run "refuses_limits_that_lambda_lacks" {
  command = plan
  variables {
    inline = { memory_mb = 20480, storage_mb = 512, timeout_seconds = 3600 }
  }
  expect_failures = [var.inline]
}

run "refuses_a_missing_archive" {
  command = plan
  variables {
    inline = { bundle = "tests/absent.zip" }
  }
  expect_failures = [aws_lambda_function.function]
}

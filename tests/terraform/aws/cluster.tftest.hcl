# Builds as Jobs of a cluster, under each of the two workload identities and on each of the three topologies.

mock_provider "aws" {
  source = "./tests/mocks"
}

mock_provider "kubernetes" {}

mock_provider "tls" {}

variables {
  bundle   = { path = "tests/bundle.zip" }
  cluster  = { name = "runs" }
  projects = { flytesnacks = { domains = ["development", "production"] } }
}

run "pod_identity" {
  assert {
    condition     = keys(aws_iam_role.builder) == ["flytesnacks/development", "flytesnacks/production"]
    error_message = "Every project and domain has a role of its own."
  }
  assert {
    condition = jsondecode(aws_iam_role.builder["flytesnacks/production"].assume_role_policy).Statement[0].Condition.StringEquals == {
      "aws:SourceAccount"                         = "123456789012"
      "aws:RequestTag/eks-cluster-arn"            = "arn:aws:eks:eu-west-1:123456789012:cluster/runs"
      "aws:RequestTag/kubernetes-namespace"       = "flytesnacks-production"
      "aws:RequestTag/kubernetes-service-account" = "boatyard-builder"
    }
    error_message = "Only that namespace's service account of that cluster takes the role."
  }
  assert {
    condition     = aws_eks_pod_identity_association.builder["flytesnacks/development"].namespace == "flytesnacks-development"
    error_message = "Pod Identity gives the role to the namespace."
  }
  assert {
    condition     = keys(aws_eks_access_entry.function) == ["events", "http"] && aws_eks_access_entry.function["http"].kubernetes_groups == toset(["boatyard:boatyard:function"])
    error_message = "Both functions come into the cluster as one group."
  }
  assert {
    condition     = output.builder_image == "123456789012.dkr.ecr.eu-west-1.amazonaws.com/made:1.2.3-0123456789ab" && jsondecode(output.environment.BOATYARD_SETTINGS).kubernetes.builderImage == output.builder_image
    error_message = "Jobs run the image that the bundle's document names, out of the repository that is made for it."
  }
  assert {
    condition     = aws_ecr_repository.repository["builder"].name == "boatyard-builder" && aws_ecr_repository.repository["builder"].image_tag_mutability == "IMMUTABLE"
    error_message = "It is kept, and a tag of it never changes."
  }
  assert {
    condition     = length(aws_s3_object.codebuild) == 0 && length(aws_codebuild_project.builder) == 0
    error_message = "CodeBuild is not needed."
  }
  assert {
    condition     = module.kubernetes[0].buildkitd_replicas == ["tcp://buildkitd-0.buildkitd.boatyard-buildkit.svc:1234"]
    error_message = "buildkit.enabled is the default of Union's Image Builder, and jobs look for it here."
  }
  assert {
    condition     = toset([for s in jsondecode(aws_iam_role_policy.builder["flytesnacks/development"].policy).Statement : s.Sid]) == toset(["RegistryToken", "Pull", "Push"])
    error_message = "A job in the cluster needs the registry and nothing else of AWS."
  }
}

run "irsa_and_a_buildkitd_that_is_there" {
  variables {
    image_builder = { buildkitUri = "tcp://buildkitd.buildkit.svc.cluster.local:1234", kubernetes = { builderImage = "ghcr.io/acme/builder@sha256:0" } }
    cluster = {
      name              = "runs"
      identity          = "irsa"
      oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/ABC"
    }
  }
  assert {
    condition = jsondecode(aws_iam_role.builder["flytesnacks/development"].assume_role_policy).Statement[0].Condition.StringEquals == {
      "oidc.eks.eu-west-1.amazonaws.com/id/ABC:aud" = "sts.amazonaws.com"
      "oidc.eks.eu-west-1.amazonaws.com/id/ABC:sub" = "system:serviceaccount:flytesnacks-development:boatyard-builder"
    }
    error_message = "The token of that service account, made for STS."
  }
  assert {
    condition     = output.builder_image == "ghcr.io/acme/builder@sha256:0" && output.builder_repository == null
    error_message = "An image that is named needs no repository."
  }
  assert {
    condition     = length(aws_eks_pod_identity_association.builder) == 0
    error_message = "One identity, not two."
  }
  assert {
    condition     = module.kubernetes[0].buildkitd_replicas == []
    error_message = "A buildkitUri wins over buildkit.enabled."
  }
}

run "daemonless_and_long_names" {
  variables {
    image_builder = { buildkit = { enabled = false } }
    projects      = { a-project-whose-name-is-really-long = { domains = ["a-domain-of-some-length"] } }
  }
  assert {
    condition     = module.kubernetes[0].buildkitd_replicas == []
    error_message = "Every job brings its own."
  }
  assert {
    condition     = alltrue([for role in aws_iam_role.builder : length(role.name) <= 64])
    error_message = "IAM takes 64 characters."
  }
}

run "no_pod_may_run_buildkit" {
  variables {
    image_builder = { kubernetes = { runBuildkit = false } }
  }
  assert {
    condition     = module.settings.pod_security == "restricted" && module.kubernetes[0].buildkitd_replicas == [] && jsondecode(output.environment.BOATYARD_SETTINGS).layers == "registry"
    error_message = "Namespaces are restricted, nothing runs a buildkitd, and layers are of the registry."
  }
}

run "refuses_a_bundle_that_names_no_image" {
  command = plan
  variables {
    bundle = { path = "tests/own.zip" }
  }
  expect_failures = [aws_lambda_function.function]
}

run "refuses_irsa_without_a_provider" {
  command = plan
  variables {
    cluster = { name = "runs", identity = "irsa" }
  }
  expect_failures = [var.cluster]
}

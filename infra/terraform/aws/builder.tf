# The builds' roles: pull and push on the repositories. On a cluster every namespace has its own role, like the user roles of
# Union's Image Builder; contexts come by signed URL, and secrets from the namespace. CodeBuild has one role.

locals {
  builder_names = {
    for key in(local.runner == "kubernetes" ? keys(module.settings.scopes) : local.uses_codebuild ? ["codebuild"] : []) :
    key => "${var.name}-builder-${replace(key, "/", "-")}"
  }
  builders = {
    for key, name in local.builder_names : key => {
      # IAM allows 64 characters.
      name = length(name) <= 64 ? name : "${substr(name, 0, 55)}-${substr(sha256(name), 0, 8)}"
      # Empty with CodeBuild.
      namespace = lookup(module.settings.namespaces, key, "")
    }
  }
  # What makes images: builds, and with var.inline the function for events.
  image_statements = [
    {
      Sid      = "Pull"
      Effect   = "Allow"
      Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      Resource = local.pull_repository_arns
    },
    {
      Sid      = "Push"
      Effect   = "Allow"
      Action   = ["ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage"]
      Resource = local.push_repository_arns
    },
  ]
  builder_statements = {
    for key, builder in local.builders : key => concat(
      [
        {
          # There is no narrower resource: the token is for the account's whole registry.
          Sid      = "RegistryToken"
          Effect   = "Allow"
          Action   = ["ecr:GetAuthorizationToken"]
          Resource = ["*"]
        },
      ],
      local.image_statements,
      local.uses_codebuild ? local.codebuild_statements : [],
      local.kms_statements,
    )
  }
}

resource "aws_iam_role" "builder" {
  for_each           = local.builders
  name               = each.value.name
  description        = "Boatyard's builds: ${each.key}"
  assume_role_policy = local.builder_trust[each.key]
  tags               = var.tags
}

resource "aws_iam_role_policy" "builder" {
  for_each = local.builders
  name     = "boatyard"
  role     = aws_iam_role.builder[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    # IAM refuses statements without resources, and some have none in some deployments.
    Statement = [for statement in local.builder_statements[each.key] : statement if length(statement.Resource) > 0]
  })
}

# One of three principals: CodeBuild, Pod Identity, or the cluster's OIDC provider (IRSA).
locals {
  identity    = try(var.cluster.identity, "codebuild")
  oidc_issuer = try(split("oidc-provider/", var.cluster.oidc_provider_arn)[1], "")
  builder_trust = {
    for key, builder in local.builders : key => jsonencode({
      Version = "2012-10-17"
      Statement = [{
        codebuild = {
          Effect    = "Allow"
          Action    = ["sts:AssumeRole"]
          Principal = { Service = "codebuild.amazonaws.com" }
          Condition = {
            StringEquals = { "aws:SourceAccount" = local.account_id }
            ArnLike      = { "aws:SourceArn" = [for name in local.codebuild_names : "arn:${local.partition}:codebuild:${local.region}:${local.account_id}:project/${name}"] }
          }
        }
        pod-identity = {
          Effect    = "Allow"
          Action    = ["sts:AssumeRole", "sts:TagSession"]
          Principal = { Service = "pods.eks.amazonaws.com" }
          Condition = {
            StringEquals = {
              "aws:SourceAccount"                         = local.account_id
              "aws:RequestTag/eks-cluster-arn"            = local.cluster_arn
              "aws:RequestTag/kubernetes-namespace"       = builder.namespace
              "aws:RequestTag/kubernetes-service-account" = local.image_builder.kubernetes.serviceAccount
            }
          }
        }
        irsa = {
          Effect    = "Allow"
          Action    = ["sts:AssumeRoleWithWebIdentity"]
          Principal = { Federated = try(var.cluster.oidc_provider_arn, null) }
          Condition = {
            StringEquals = {
              "${local.oidc_issuer}:aud" = "sts.amazonaws.com"
              "${local.oidc_issuer}:sub" = "system:serviceaccount:${builder.namespace}:${local.image_builder.kubernetes.serviceAccount}"
            }
          }
        }
      }[local.identity]]
    })
  }
}

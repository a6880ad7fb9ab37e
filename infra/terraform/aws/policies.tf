# Policies to apply in another account, as in the documentation of Union's Image Builder: to repositories that builds push to,
# and to repositories of private base images. Access across accounts needs the permission of both.

locals {
  builder_arns  = sort([for role in aws_iam_role.builder : role.arn])
  function_arns = sort([for role in aws_iam_role.function : role.arn])
  policy_principals = {
    for key, arns in {
      # Functions that make no images pull no layers. They read manifests and configurations, which have the labels.
      pull     = concat(local.builder_arns, local.function_arns, var.cross_account.pull_principals)
      describe = local.function_arns
      push     = concat(local.builder_arns, [for key, role in aws_iam_role.function : role.arn if key == "events" && local.inline_enabled])
    } : key => join(",\n", formatlist("          \"%s\"", arns))
  }
}

# Texts to hand to another account, as the seed document has them: for its repositories that builds push to, and for
# its repositories of private base images. A role in this account may do no more there than both accounts allow.

locals {
  builder_arns  = sort([for role in aws_iam_role.builder : role.arn])
  function_arns = sort([for role in aws_iam_role.function : role.arn])
  policy_principals = {
    for key, arns in {
      # The functions pull no layers; they read an image's manifest and its configuration, where the labels are.
      pull     = concat(local.builder_arns, local.function_arns, var.cross_account.pull_principals)
      describe = local.function_arns
      push     = local.builder_arns
    } : key => join(",\n", formatlist("          \"%s\"", arns))
  }
}

# The URL asks for a SigV4 signature. AWS wants both actions of a caller: InvokeFunctionUrl for the URL, and
# InvokeFunction, here only by way of the URL. Invoked directly, an event could claim to come from another caller.

resource "aws_lambda_function_url" "http" {
  function_name      = aws_lambda_function.function["http"].function_name
  authorization_type = "AWS_IAM"
}

locals {
  caller_policy_json = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "CallUrl"
        Effect    = "Allow"
        Action    = "lambda:InvokeFunctionUrl"
        Resource  = aws_lambda_function.function["http"].arn
        Condition = { StringEquals = { "lambda:FunctionUrlAuthType" = "AWS_IAM" } }
      },
      {
        Sid       = "CallByUrlOnly"
        Effect    = "Allow"
        Action    = "lambda:InvokeFunction"
        Resource  = aws_lambda_function.function["http"].arn
        Condition = { Bool = { "lambda:InvokedViaFunctionUrl" = "true" } }
      },
    ]
  })
}

resource "aws_iam_policy" "caller" {
  name        = "${var.name}-caller"
  description = "May call the function URL"
  policy      = local.caller_policy_json
  tags        = var.tags
}

resource "aws_iam_role_policy_attachment" "caller" {
  for_each   = var.caller_role_names
  role       = each.key
  policy_arn = aws_iam_policy.caller.arn
}

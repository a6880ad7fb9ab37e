# The URL requires a SigV4 signature. AWS requires two permissions of a caller: InvokeFunctionUrl, and InvokeFunction, here
# only through the URL: an event of a direct invocation could name any caller.

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

# The functions' code is uploaded with them: it is far below the 50 MB that Lambda takes directly.

locals {
  bundle_hash = filebase64sha256(var.bundle.path)
}

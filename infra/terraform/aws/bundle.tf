# The functions' code goes up with them: it is far below the 50 MB that Lambda takes directly. `scripts/bundle` makes it
# to the byte from the same input, so an apply changes the functions only if their code has changed.

locals {
  # sha256, runtime, architecture, builderTag and sizes, as the bundle's maker wrote them; a zip of your own may have no such document
  bundle = merge(
    try(jsondecode(file(replace(var.bundle.path, "/\\.zip$/", ".json"))), {}),
    { hash = filebase64sha256(var.bundle.path) },
  )
}

"""What a person sees while a build runs, and when it fails. All of it on standard error."""

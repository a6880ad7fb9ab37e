"""Shows a build's progress and failure on standard error."""

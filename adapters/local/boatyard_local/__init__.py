"""The embedded default: Boatyard on loopback, with a local BuildKit, a local registry, and files.

`serve` runs it, `load_settings` reads its configuration, `server_process` finds and stops one that runs,
`engine` provides the BuildKit and the registry. `loopback` says beforehand whether `serve` will take an address.
"""

from boatyard_local.serving import ServeError, serve
from boatyard_local.settings import SettingsError, load_settings
from boatyard_local.web.hosts import loopback

__all__ = ["ServeError", "SettingsError", "load_settings", "loopback", "serve"]

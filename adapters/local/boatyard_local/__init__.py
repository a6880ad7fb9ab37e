"""The embedded deployment: Boatyard on loopback, with a local BuildKit, a local registry, and files.

`serve` runs it, `load_settings` reads its configuration, `server_process` finds and stops a running server, and
`engine` provides BuildKit and the registry. `loopback` checks an address before `serve` binds it.
"""

from boatyard_local.serving import ServeError, serve
from boatyard_local.settings import SettingsError, load_settings
from boatyard_local.web.hosts import loopback

__all__ = ["ServeError", "SettingsError", "load_settings", "loopback", "serve"]

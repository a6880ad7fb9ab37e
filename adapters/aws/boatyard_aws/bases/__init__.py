"""Base images that move: which digest builds use, and who was built on them.

A key does not know what a floating tag resolves to. So a push of a base pins it: from then on the base is its
digest, orders that name it get a new key and a new image, and an immutable tag is never pushed twice.
"""

from boatyard_aws.bases.orders import Built, Orders
from boatyard_aws.bases.pins import Pins
from boatyard_aws.bases.remembering import RememberingService

__all__ = ["Built", "Orders", "Pins", "RememberingService"]

"""Moving base images: the digest that builds use, and the images that were built on them.

A key does not know what a floating tag resolves to. So a push of a base pins it: from then on the base is its
digest, orders that name it get a new key and a new image, and an immutable tag is never pushed twice.
"""

from boatyard_serverless.bases.orders import KeptOrder, Orders
from boatyard_serverless.bases.pins import Pins

__all__ = ["KeptOrder", "Orders", "Pins"]

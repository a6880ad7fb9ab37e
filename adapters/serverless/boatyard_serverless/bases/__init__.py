"""Tracks moving base images: the digest that builds use, and the orders that were built on each base.

A key does not contain the digest that a floating tag resolves to. So a push pins the base: from then on, builds use the
new digest, orders that name the base get a new key and a new image, and no immutable tag is pushed twice.
"""

from boatyard_serverless.bases.orders import KeptOrder, Orders
from boatyard_serverless.bases.pins import Pins

__all__ = ["KeptOrder", "Orders", "Pins"]

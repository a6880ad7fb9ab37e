"""A service that knows later what it built on which base."""

from collections.abc import Callable

from boatyard.build import Build
from boatyard.errors import BoatyardError
from boatyard.plan import Order
from boatyard.service import Answer, Service
from boatyard_aws.bases.orders import Orders


class RememberingService(Service):
    """Remembers the order of each build that it starts. A build is not refused because that failed."""

    orders: Orders
    on_forgotten: Callable[[Build, BoatyardError], None]

    def ensure(self, order: Order) -> Answer:
        answer = super().ensure(order)
        if answer.build is not None and not answer.joined:
            try:
                self.orders.remember(order, answer.plan)
            except BoatyardError as error:
                self.on_forgotten(answer.build, error)
        return answer

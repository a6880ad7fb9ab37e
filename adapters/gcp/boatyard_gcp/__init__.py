"""Boatyard on Google Cloud. `rest` asks Google's APIs, `identity` says as whom; the other rooms are named by the port
that they implement, as in boatyard_aws."""

"""Boatyard on Google Cloud. `rest` calls Google's APIs with the access tokens of `identity`; the other modules are
named after the port that they implement, as in boatyard_aws."""

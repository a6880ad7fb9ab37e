"""Boatyard on Azure: the ports of the core and of boatyard_serverless over Azure's APIs, and the entry points of its
functions."""

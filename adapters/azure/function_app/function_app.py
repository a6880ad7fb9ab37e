"""The file that Azure's worker indexes."""

from boatyard_azure.handler import app as app

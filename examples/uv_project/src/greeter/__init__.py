"""The project that the image has installed."""

from rich import print as show


def greet(name: str) -> None:
    show(f"[green]Hello {name}![/green]")

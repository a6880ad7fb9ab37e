"""The part of a deployment in functions that every cloud shares. It imports no cloud's SDK; `ports` declares what each
cloud's adapter implements."""

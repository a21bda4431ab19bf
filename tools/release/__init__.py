"""The steps of a release, in the order in which `__main__` takes them."""

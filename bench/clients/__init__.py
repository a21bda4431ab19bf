"""One adapter a client, each written as that client's documentation recommends."""

"""A pytest plugin for programs that use RabbitMQ: each test has an embedded broker of its own.

pytest finds the plugin by itself. See the page "Test your program" of the documentation.
"""

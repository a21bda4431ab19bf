"""A pytest plugin for programs that use RabbitMQ: it starts an embedded broker for each test.

pytest loads the plugin if CoolAMQP is installed. See the page "Test your program" of the
documentation.
"""

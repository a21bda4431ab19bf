"""CoolAMQP: a RabbitMQ client that keeps its connection, its consumers and your messages.

Start at `coolamqp.clustering.Cluster`; the objects that you pass to it are in `coolamqp.objects`.
`coolamqp.compiled` is True if the hot path runs compiled. It runs as pure Python if CoolAMQP was
installed from the pure wheel or without a C compiler, or if COOLAMQP_PURE is in the environment.
"""

import os

from coolamqp import names
from coolamqp.compilation import choose_form

__version__ = '3.0.0rc1'

compiled = choose_form(__path__[0])

names.use_source(os.urandom)

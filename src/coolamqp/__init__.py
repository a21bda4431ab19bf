"""CoolAMQP: a RabbitMQ client that keeps its connection, its consumers and your messages.

Start at `coolamqp.clustering.Cluster`; the things you hand to it are in `coolamqp.objects`.
`coolamqp.compiled` tells whether its hot path runs compiled or as pure Python, as it does where it
was installed without a C compiler, or with COOLAMQP_PURE in the environment.
"""

import os

from coolamqp import names
from coolamqp.compilation import choose_form

__version__ = '3.0.0.dev0'

compiled = choose_form(__path__[0])

names.use_source(os.urandom)

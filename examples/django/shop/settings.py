"""The settings of the shop: as few as possible."""

import os

AMQP_URL = os.environ.get('AMQP_URL', 'amqp://guest:guest@localhost/')

DATABASES = {
    'default': {
        'ENGINE': 'django.db.backends.sqlite3',
        'NAME': os.environ.get('DATABASE', 'shop.sqlite3'),
    }
}
DEBUG = True  # not in production
DEFAULT_AUTO_FIELD = 'django.db.models.BigAutoField'
INSTALLED_APPS = ['shop']
ROOT_URLCONF = 'shop.urls'

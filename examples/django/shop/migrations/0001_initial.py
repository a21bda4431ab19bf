"""The table of the orders."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Create the table."""

    initial = True
    operations = [
        migrations.CreateModel(
            'Order',
            [
                ('id', models.BigAutoField(primary_key=True)),
                ('price', models.PositiveIntegerField()),
                ('published', models.BooleanField(default=False)),
                ('billed', models.BooleanField(default=False)),
            ],
        )
    ]

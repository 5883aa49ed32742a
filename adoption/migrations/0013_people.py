
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('adoption', '0009_metric_values'),
    ]

    operations = [
        migrations.CreateModel(
            name='CherryPick',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sha', models.CharField(max_length=64)),
                ('picked_from', models.CharField(max_length=64)),
                ('repository', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='picks', to='adoption.repository')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('repository', 'sha', 'picked_from'), name='adoption_cherrypick_once')],
            },
        ),
    ]

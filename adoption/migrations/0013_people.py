
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('adoption', '0012_suggestions'),
        ('portal', '0001_to_november'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='CherryPick',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sha', models.CharField(max_length=64)),
                ('picked_from', models.CharField(max_length=64)),
            ],
        ),
        migrations.CreateModel(
            name='GroupTeam',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('group', models.CharField(max_length=200)),
            ],
            options={
                'ordering': ['group', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='IdentityLink',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('act', models.UUIDField()),
                ('is_nobody', models.BooleanField(default=False)),
                ('before_is_nobody', models.BooleanField(default=False)),
                ('reason', models.CharField(blank=True, max_length=200)),
                ('said_at', models.DateTimeField()),
                ('undoes', models.UUIDField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name='PolledPage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('address', models.CharField(max_length=64)),
                ('etag', models.CharField(max_length=200)),
                ('body', models.BinaryField()),
                ('seen_at', models.DateTimeField()),
            ],
        ),
        migrations.AddField(
            model_name='identity',
            name='is_nobody',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='membership',
            name='origin',
            field=models.CharField(blank=True, max_length=80),
        ),
        migrations.AddConstraint(
            model_name='identity',
            constraint=models.CheckConstraint(condition=models.Q(('is_nobody', False), ('user__isnull', True), _connector='OR'), name='adoption_identity_somebody_or_nobody'),
        ),
        migrations.AddField(
            model_name='cherrypick',
            name='repository',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='picks', to='adoption.repository'),
        ),
        migrations.AddField(
            model_name='groupteam',
            name='team',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='groups', to='adoption.team'),
        ),
        migrations.AddField(
            model_name='identitylink',
            name='before_user',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='identitylink',
            name='identity',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='links', to='adoption.identity'),
        ),
        migrations.AddField(
            model_name='identitylink',
            name='said_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='identitylink',
            name='user',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='polledpage',
            name='connection',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='portal.connection'),
        ),
        migrations.AddConstraint(
            model_name='cherrypick',
            constraint=models.UniqueConstraint(fields=('repository', 'sha', 'picked_from'), name='adoption_cherrypick_once'),
        ),
        migrations.AddConstraint(
            model_name='groupteam',
            constraint=models.UniqueConstraint(fields=('group', 'team'), name='adoption_groupteam_once'),
        ),
        migrations.AddIndex(
            model_name='identitylink',
            index=models.Index(fields=['identity', '-id'], name='adoption_identitylink_last'),
        ),
        migrations.AddConstraint(
            model_name='identitylink',
            constraint=models.UniqueConstraint(fields=('act', 'identity'), name='adoption_identitylink_once_an_act'),
        ),
        migrations.AddConstraint(
            model_name='identitylink',
            constraint=models.UniqueConstraint(condition=models.Q(('undoes__isnull', False)), fields=('undoes', 'identity'), name='adoption_identitylink_undone_once'),
        ),
        migrations.AddIndex(
            model_name='polledpage',
            index=models.Index(fields=['seen_at'], name='adoption_polledpage_to_purge'),
        ),
        migrations.AddConstraint(
            model_name='polledpage',
            constraint=models.UniqueConstraint(fields=('connection', 'address'), name='adoption_polledpage_once'),
        ),
    ]

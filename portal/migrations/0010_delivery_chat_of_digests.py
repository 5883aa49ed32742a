from django.db import migrations, models


class Migration(migrations.Migration):
    """Digests go to chats as well: the address, sealed, and whether one wants that."""

    dependencies = [("portal", "0009_notice_settings")]

    operations = [
        migrations.AddField(
            model_name="digestsetting",
            name="chat_host",
            field=models.CharField(blank=True, max_length=253, default=""),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="digestsetting",
            name="chat_key_number",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="digestsetting",
            name="chat_ciphertext",
            field=models.TextField(blank=True, default=""),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="digestsetting",
            name="chat_problem",
            field=models.CharField(blank=True, max_length=300, default=""),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="noticepreference",
            name="by_chat",
            field=models.BooleanField(default=True),
        ),
    ]

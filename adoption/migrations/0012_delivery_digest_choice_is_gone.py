from django.db import migrations


class Migration(migrations.Migration):
    """The portal keeps what people chose about digests."""

    dependencies = [("adoption", "0011_delivery_digest_choices")]

    operations = [migrations.DeleteModel(name="DigestChoice")]

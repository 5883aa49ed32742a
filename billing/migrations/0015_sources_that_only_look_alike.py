"""Two sources can be said to look alike only: both count, and nobody asks again."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("billing", "0014_usage_without_lookups")]

    operations = [
        migrations.AddField(
            "spendoverlap", "is_distinct", models.BooleanField(default=False, db_default=False)
        ),
        migrations.AddConstraint(
            "spendoverlap",
            models.CheckConstraint(
                condition=Q(is_distinct=False) | Q(is_excluded=False),
                name="billing_overlap_distinct_counts",
            ),
        ),
    ]

"""The set-based SQL of the charge store: the same text on SQLite and PostgreSQL.

A row of the input and a stored row are the same when slice, identity, content and their number
among equals agree. What finds no partner is new or old; a new and an old row of one identity are
one *updated* row. Only slices that are stored are compared: of one that is not, every row is new.
"""

from __future__ import annotations

from billing.sources.records import Dimension

# What a line says by itself: its name in staging, in the table of charges, and its kind. Its slice
# and its dimension have numbers of the run until they have ids.
LINE_COLUMNS = (
    ("file_id", "file_id", "bigint"),
    ("line", "line", "bigint"),
    ("identity", "identity", "uuid"),
    ("content", "content", "uuid"),
    ("day", "day", "date"),
    ("starts_at", "charge_period_start", "datetime"),
    ("ends_at", "charge_period_end", "datetime"),
    ("currency", "currency", "text"),
    ("billed", "billed_nano", "bigint"),
    ("effective", "effective_nano", "bigint"),
    ("list", "list_nano", "bigint"),
    ("contracted", "contracted_nano", "bigint"),
    ("pricing_quantity", "pricing_quantity", "text"),
    ("consumed_quantity", "consumed_quantity", "text"),
)
_LINE_KINDS = {name: kind for name, _, kind in LINE_COLUMNS}
STAGE_COLUMNS = {"number": "integer", "place": "bigint", **_LINE_KINDS}
CHARGE_COLUMNS = {
    "recorded_at": "datetime",
    "run_id": "bigint",
    "cost_basis": "text",
    "slice_id": "bigint",
    "dimension_id": "bigint",
    **{name: kind for _, name, kind in LINE_COLUMNS},
}
DIMENSION_COLUMNS = {name: "uuid" if name == "digest" else "text" for name in Dimension._fields}

_STAGED = """
    SELECT g.seq, c.slice_id, g.identity, g.content, ROW_NUMBER() OVER (
        PARTITION BY c.slice_id, g.identity, g.content ORDER BY g.seq) AS k
    FROM stage_charge g JOIN changed_slice c ON c.number = g.number
    WHERE c.slice_id IS NOT NULL
"""
_STORED = """
    SELECT h.id, h.slice_id, h.identity, h.content, ROW_NUMBER() OVER (
        PARTITION BY h.slice_id, h.identity, h.content ORDER BY h.id) AS k
    FROM billing_charge h
    WHERE h.superseded_at IS NULL
      AND h.slice_id IN (SELECT slice_id FROM changed_slice WHERE slice_id IS NOT NULL)
"""
_SAME = """
    l.slice_id = s.slice_id AND l.identity = s.identity AND l.content = s.content AND l.k = s.k
"""
# Composed of literals of this module only; every value is bound (S608 sees composition alone).
FIND_NEW = f"""
INSERT INTO new_row (seq)
SELECT s.seq FROM ({_STAGED}) s LEFT JOIN ({_STORED}) l ON {_SAME} WHERE l.id IS NULL
"""  # noqa: S608  (names of our own)
FIND_OLD = f"""
INSERT INTO old_row (charge_id)
SELECT l.id FROM ({_STORED}) l LEFT JOIN ({_STAGED}) s ON {_SAME} WHERE s.seq IS NULL
"""  # noqa: S608  (names of our own)
# slice number, new rows, old rows, and how many of them are pairs of one identity
COUNT_DIFFERENCES = """
SELECT number, SUM(new_rows), SUM(old_rows),
       SUM(CASE WHEN new_rows < old_rows THEN new_rows ELSE old_rows END)
FROM (
    SELECT number, identity, SUM(is_new) AS new_rows, SUM(1 - is_new) AS old_rows
    FROM (
        SELECT g.number, g.identity, 1 AS is_new
        FROM new_row n JOIN stage_charge g ON g.seq = n.seq
        UNION ALL
        SELECT c.number, h.identity, 0 AS is_new
        FROM old_row o JOIN billing_charge h ON h.id = o.charge_id
        JOIN changed_slice c ON c.slice_id = h.slice_id
    ) e GROUP BY number, identity
) p GROUP BY number
"""
_COLUMNS = ", ".join(DIMENSION_COLUMNS)
# In one order everywhere: two imports that bring the same new dimensions would else deadlock.
INSERT_DIMENSIONS = f"""
INSERT INTO billing_chargedimension ({_COLUMNS})
SELECT {", ".join(f"t.{name}" for name in DIMENSION_COLUMNS)} FROM stage_dimension t
WHERE NOT EXISTS (SELECT 1 FROM billing_chargedimension d WHERE d.digest = t.digest)
ORDER BY t.digest
ON CONFLICT (digest) DO NOTHING
"""  # noqa: S608  (names of our own)
SUPERSEDE = """
UPDATE billing_charge SET superseded_at = %s
WHERE id IN (SELECT charge_id FROM old_row)
"""
PLACE_DIMENSIONS = """
INSERT INTO dimension_place (place, dimension_id)
SELECT t.place, d.id FROM stage_dimension t JOIN billing_chargedimension d ON d.digest = t.digest
"""
# The rest of what is written never was in `stage_charge`: see `charge_staging`.
INSERT_NEW = f"""
INSERT INTO billing_charge ({", ".join(CHARGE_COLUMNS)})
SELECT %s, %s, %s, p.slice_id, d.dimension_id, {", ".join(f"g.{name}" for name in _LINE_KINDS)}
FROM stage_charge g
JOIN slice_place p ON p.number = g.number
JOIN dimension_place d ON d.place = g.place
WHERE g.seq IN (SELECT seq FROM new_row) ORDER BY g.number, g.seq
"""  # noqa: S608  (names of our own)
# Rows of this run that are live, alike in everything, in another connection's same slice.
COUNT_ELSEWHERE = """
SELECT k.slug, COUNT(DISTINCT g.seq)
FROM stage_charge g
JOIN elsewhere e ON e.number = g.number
JOIN changed_slice c ON c.number = g.number
JOIN billing_charge h ON h.slice_id = e.slice_id AND h.identity = g.identity
    AND h.content = g.content AND h.superseded_at IS NULL
JOIN billing_chargeslice s ON s.id = h.slice_id
JOIN portal_connection k ON k.id = s.connection_id
WHERE c.slice_id IS NULL OR g.seq IN (SELECT seq FROM new_row)
GROUP BY k.slug ORDER BY k.slug
"""

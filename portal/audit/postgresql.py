"""The triggers as PostgreSQL has them: one generic function, told by each table what to leave out.

Who acts stands in the session setting `plumbline.actor` (`portal.audit.connections` keeps it). A
connection without it is recorded as channel `database` under the name of its database user.
"""

from __future__ import annotations

from dataclasses import dataclass

from portal.audit.registry import AUDIT_TABLES, GovernedTable
from portal.audit.values import HIDDEN, PERSONAL

PREFIX = "plumbline_audit_"
SETTING = "plumbline.actor"

_RECORD = f"""
DECLARE
  setting text := current_setting('{SETTING}', true);
  actor jsonb;
  actor_name text;
  actor_user bigint;
  known record;
  personal record;
  event_id bigint;
BEGIN
  IF setting IS NULL OR setting = '' THEN
    actor := jsonb_build_object('channel', 'database', 'name', session_user);
  ELSE
    actor := setting::jsonb;
  END IF;
  actor_name := coalesce(actor ->> 'name', '');
  actor_user := (actor ->> 'user_id')::bigint;
  IF actor_name <> '' THEN
    SELECT n.id, n.salt INTO known FROM portal_auditname n
      WHERE n.name = actor_name AND n.person_id IS NOT DISTINCT FROM actor_user
      ORDER BY n.id LIMIT 1;
    IF NOT FOUND THEN
      INSERT INTO portal_auditname (person_id, name, salt)
        VALUES (actor_user, actor_name, replace(gen_random_uuid()::text, '-', ''))
        RETURNING id, salt INTO known;
    END IF;
  ELSE
    SELECT NULL::bigint AS id, NULL::text AS salt INTO known;
  END IF;
  IF personal_doc IS NOT NULL THEN
    INSERT INTO portal_auditpersonal (person_id, value, salt)
      VALUES (person, personal_doc, replace(gen_random_uuid()::text, '-', ''))
      RETURNING id, salt INTO personal;
  ELSE
    SELECT NULL::bigint AS id, NULL::text AS salt INTO personal;
  END IF;
  INSERT INTO portal_auditevent (at, operation, table_name, record_key, before, after, channel,
    actor_id, name_id, name_commitment, personal_id, personal_commitment, token_id, request_id,
    reason, database_user)
  VALUES (clock_timestamp(), left(op, 16), left(subject, 80), subject_key, coalesce(before_doc, ''),
    coalesce(after_doc, ''), left(coalesce(actor ->> 'channel', ''), 16), actor_user, known.id,
    coalesce(encode(sha256(convert_to(
      known.salt || ':' || coalesce(actor_user::text, '') || ':' || actor_name,
      'UTF8')), 'hex'), ''),
    personal.id,
    coalesce(encode(sha256(convert_to(
      personal.salt || ':' || coalesce(person::text, '') || ':' || personal_doc,
      'UTF8')), 'hex'), ''),
    (actor ->> 'token_id')::bigint, coalesce(actor ->> 'request_id', ''),
    coalesce(actor ->> 'reason', ''), session_user)
  RETURNING id INTO event_id;
  RETURN event_id;
END
"""  # noqa: S608  (our own constants)

_ROW = f"""
DECLARE
  personal text[] := TG_ARGV[2]::text[];
  hidden text[] := TG_ARGV[3]::text[];
  ignored text[] := TG_ARGV[4]::text[];
  old_doc jsonb;
  new_doc jsonb;
  before_doc jsonb;
  after_doc jsonb;
  clear_before jsonb;
  clear_after jsonb;
  personal_doc text;
BEGIN
  IF TG_OP <> 'INSERT' THEN old_doc := to_jsonb(OLD) - ignored; END IF;
  IF TG_OP <> 'DELETE' THEN new_doc := to_jsonb(NEW) - ignored; END IF;
  IF TG_OP = 'UPDATE' THEN
    IF old_doc = new_doc THEN RETURN NULL; END IF;
    SELECT jsonb_object_agg(o.key, o.value), jsonb_object_agg(o.key, new_doc -> o.key)
      INTO before_doc, after_doc
      FROM jsonb_each(old_doc) o WHERE o.value IS DISTINCT FROM new_doc -> o.key;
  ELSE
    before_doc := old_doc;
    after_doc := new_doc;
  END IF;
  IF cardinality(personal) + cardinality(hidden) > 0 THEN
    SELECT jsonb_object_agg(d.key, CASE WHEN d.key = ANY (personal) THEN '"{PERSONAL}"'
             WHEN d.key = ANY (hidden) THEN '"{HIDDEN}"' ELSE d.value END),
           jsonb_object_agg(d.key, d.value) FILTER (WHERE d.key = ANY (personal))
      INTO before_doc, clear_before FROM jsonb_each(before_doc) d;
    SELECT jsonb_object_agg(d.key, CASE WHEN d.key = ANY (personal) THEN '"{PERSONAL}"'
             WHEN d.key = ANY (hidden) THEN '"{HIDDEN}"' ELSE d.value END),
           jsonb_object_agg(d.key, d.value) FILTER (WHERE d.key = ANY (personal))
      INTO after_doc, clear_after FROM jsonb_each(after_doc) d;
    IF clear_before IS NOT NULL OR clear_after IS NOT NULL THEN
      personal_doc := jsonb_build_object('before', clear_before, 'after', clear_after)::text;
    END IF;
  END IF;
  PERFORM plumbline_audit_record(lower(TG_OP), TG_TABLE_NAME,
    coalesce(old_doc, new_doc) ->> TG_ARGV[0], before_doc::text, after_doc::text, personal_doc,
    coalesce(new_doc ->> TG_ARGV[1], old_doc ->> TG_ARGV[1])::bigint);
  RETURN NULL;
END
"""  # noqa: S608  (our own constants)

_REFUSE = """
BEGIN
  RAISE EXCEPTION '% of % is refused: what is audited is append-only', lower(TG_OP), TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation';
END
"""

_ERASE = """
BEGIN
  IF OLD.erasure_id IS NULL AND NEW.erasure_id IS NOT NULL AND NEW.salt = ''
     AND to_jsonb(NEW) ->> TG_ARGV[0] = '' AND NEW.id = OLD.id
     AND NEW.person_id IS NOT DISTINCT FROM OLD.person_id THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'update of % is refused: what is audited is append-only', TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation';
END
"""

# Name → arguments and result, body.
FUNCTIONS = {
    f"{PREFIX}record": (
        "(op text, subject text, subject_key text, before_doc text, after_doc text, "
        "personal_doc text, person bigint) RETURNS bigint",
        _RECORD,
    ),
    f"{PREFIX}row": ("() RETURNS trigger", _ROW),
    f"{PREFIX}refuse": ("() RETURNS trigger", _REFUSE),
    f"{PREFIX}erase": ("() RETURNS trigger", _ERASE),
}
_BITS = {"ROW": 1, "BEFORE": 2, "INSERT": 4, "DELETE": 8, "UPDATE": 16, "TRUNCATE": 32}


@dataclass(frozen=True, slots=True)
class Trigger:
    """One trigger, as it is made and as the catalogue shows it."""

    table: str
    name: str
    function: str
    events: tuple[str, ...]
    is_before: bool = True
    is_for_row: bool = False
    arguments: tuple[str, ...] = ()

    @property
    def bits(self) -> int:
        """`pg_trigger.tgtype`."""
        words = (*self.events, *(["BEFORE"] * self.is_before), *(["ROW"] * self.is_for_row))
        return sum(_BITS[word] for word in words)

    def create(self) -> str:
        arguments = ", ".join("'" + value.replace("'", "''") + "'" for value in self.arguments)
        return (
            f"CREATE OR REPLACE TRIGGER {self.name} {'BEFORE' if self.is_before else 'AFTER'} "
            f'{" OR ".join(self.events)} ON "{self.table}" '
            f"FOR EACH {'ROW' if self.is_for_row else 'STATEMENT'} "
            f"EXECUTE FUNCTION {self.function}({arguments})"
        )


def create_function(name: str, schema: str) -> str:
    """The search path is fixed: a session could else put a table of its own before the audit's."""
    signature, body = FUNCTIONS[name]
    return (
        f'CREATE OR REPLACE FUNCTION "{schema}".{name}{signature} LANGUAGE plpgsql '
        f"SET search_path = pg_catalog, \"{schema}\" SET timezone = 'UTC' AS $audit${body}$audit$"
    )


def _array(values: tuple[str, ...]) -> str:
    return "{" + ",".join(values) + "}"


def row_triggers(governed: GovernedTable) -> list[Trigger]:
    """What records the writes to one governed table, and refuses to truncate it."""
    arguments = (
        governed.key_column,
        *(governed.columns((governed.person,)) if governed.person else ("",)),
        _array(governed.columns(governed.personal)),
        _array(governed.columns(governed.hidden)),
        _array(governed.columns(governed.ignored)),
    )
    events = ("INSERT", "UPDATE", "DELETE")
    return [
        Trigger(
            table=governed.table,
            name=f"{PREFIX}row",
            function=f"{PREFIX}row",
            events=events,
            is_before=False,
            is_for_row=True,
            arguments=arguments,
        ),
        Trigger(governed.table, f"{PREFIX}truncate", f"{PREFIX}refuse", ("TRUNCATE",)),
    ]


def keeping_triggers() -> list[Trigger]:
    """What keeps the audit's own tables as they are."""
    erasable = {"portal_auditname": "name", "portal_auditpersonal": "value"}
    made = []
    for table in sorted(AUDIT_TABLES):
        refused = ("DELETE", "TRUNCATE") if table in erasable else ("UPDATE", "DELETE", "TRUNCATE")
        made.append(Trigger(table, f"{PREFIX}keep", f"{PREFIX}refuse", refused))
        if table in erasable:
            made.append(
                Trigger(
                    table,
                    f"{PREFIX}erase",
                    f"{PREFIX}erase",
                    ("UPDATE",),
                    is_for_row=True,
                    arguments=(erasable[table],),
                )
            )
    return made

-- The text of episodes apart from the ledger of them: by month, so that a retention policy drops
-- whole tables. Ids sort by time, so a month is a range of ids.
CREATE TABLE episode_contents (
  episode_id text COLLATE "C" NOT NULL,
  -- 0 is the episode as it first came; then what was appended, in order.
  number     integer NOT NULL CHECK (number >= 0),
  project    text COLLATE "C" NOT NULL,
  -- The bytes as they came, or with what the policy redacts overwritten: what jsonb and text cannot
  -- hold is evidence too.
  received   bytea COMPRESSION lz4 NOT NULL,
  -- What was overwritten, as 'name:start:length' in bytes of `received`.
  redactions text[],
  PRIMARY KEY (episode_id, number)
) PARTITION BY RANGE (episode_id);

-- The least id that is made at a moment: 'ep_' and its milliseconds in Crockford's base 32.
CREATE FUNCTION overt_id_bound(moment timestamptz) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (
  SELECT 'ep_' || string_agg(
    substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (milliseconds >> (5 * digit) & 31)::integer + 1, 1),
    '' ORDER BY digit DESC)
  FROM (SELECT floor(greatest(0, least(281474976710655, extract(epoch FROM moment) * 1000)))::bigint
      AS milliseconds) AS time,
    generate_series(0, 9) AS digit);

-- Makes the tables of the months from one moment's to another's, where they are missing.
CREATE FUNCTION overt_make_partitions(first timestamptz, last timestamptz) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET timezone = 'UTC'
AS $$
DECLARE
  month timestamptz := date_trunc('month', first);
  name text;
  made integer := 0;
BEGIN
  WHILE month <= last LOOP
    name := 'episode_contents_' || to_char(month, 'YYYY_MM');
    IF to_regclass(name) IS NULL THEN
      BEGIN
        EXECUTE format('CREATE TABLE %I PARTITION OF episode_contents FOR VALUES FROM (%L) TO (%L)',
          name, overt_id_bound(month), overt_id_bound(month + interval '1 month'));
        -- An episode of some kilobytes stays in its row: no second table, no second index.
        EXECUTE format('ALTER TABLE %I SET (toast_tuple_target = 8160)', name);
        made := made + 1;
      EXCEPTION WHEN check_violation THEN
        -- A clock was wrong: the month's first episodes lie with the others, and so will the rest.
        NULL;
      END;
    END IF;
    month := month + interval '1 month';
  END LOOP;
  RETURN made;
END $$;

-- Drops the tables of months that were over at a moment: their names.
CREATE FUNCTION overt_drop_partitions(before timestamptz) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET timezone = 'UTC'
AS $$
DECLARE
  name text;
BEGIN
  FOR name IN
    SELECT relname FROM pg_class JOIN pg_inherits ON inhrelid = pg_class.oid
    WHERE inhparent = 'episode_contents'::regclass
      AND relname ~ '^episode_contents_\d{4}_\d{2}$'
      AND to_timestamp(right(relname, 7), 'YYYY_MM') + interval '1 month' <= before
    ORDER BY relname
  LOOP
    EXECUTE format('DROP TABLE %I', name);
    RETURN NEXT name;
  END LOOP;
END $$;

REVOKE ALL ON FUNCTION overt_make_partitions FROM PUBLIC;
REVOKE ALL ON FUNCTION overt_drop_partitions FROM PUBLIC;

-- For ids that are no times, and for months whose table is not there yet.
CREATE TABLE episode_contents_other PARTITION OF episode_contents DEFAULT;
SELECT overt_make_partitions(
  coalesce((SELECT min(created_at) FROM episodes), now()), now() + interval '3 months');

INSERT INTO episode_contents (episode_id, number, project, received)
SELECT id, 0, project, received FROM episodes WHERE received IS NOT NULL
UNION ALL
SELECT episode_id, episode_pieces.number, project, episode_pieces.received
FROM episode_pieces JOIN episodes ON episodes.id = episode_id;
DROP TABLE episode_pieces;

ALTER TABLE episodes
  ADD COLUMN is_whole boolean NOT NULL DEFAULT false,
  -- When its text was deleted on request; the row stays: it was there, and is accounted for.
  ADD COLUMN deleted_at timestamptz;
UPDATE episodes SET is_whole = received IS NOT NULL;
ALTER TABLE episodes
  ALTER COLUMN is_whole DROP DEFAULT,
  DROP COLUMN received,
  ADD CHECK (is_whole OR (verdict = 'clear' AND NOT is_open) OR deleted_at IS NOT NULL);

-- One index for each list that is offered; they end in the id, by which lists are ordered. A name is
-- looked for with its project and without.
ALTER TABLE episodes DROP CONSTRAINT episodes_project_external_id_key,
  ADD UNIQUE (external_id, project);
CREATE INDEX episodes_by_project ON episodes (project, id);
CREATE INDEX episodes_by_project_and_verdict ON episodes (project, verdict, id);
CREATE INDEX episodes_by_severity ON episodes (severity, id) WHERE severity IS NOT NULL;
CREATE INDEX episodes_by_model ON episodes (model, id);

-- The audit log: what was decided, by whom or what, in a Merkle tree (RFC 6962). A transaction puts
-- its entries here together with what they tell of; they have no number yet, so that nobody waits.
CREATE TABLE audit_queue (
  id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- What each entry is about, and the entry, a JSON document.
  subjects text[] NOT NULL,
  entries  bytea[] NOT NULL,
  CHECK (cardinality(subjects) = cardinality(entries))
);

-- The entries in their order, numbered from 0 by one process at a time.
CREATE TABLE audit_log (
  number  bigint PRIMARY KEY CHECK (number >= 0),
  subject text COLLATE "C" NOT NULL,
  entry   bytea NOT NULL,
  -- SHA-256 of a zero byte and the entry.
  hash    bytea NOT NULL CHECK (octet_length(hash) = 32)
);
CREATE INDEX audit_log_by_subject ON audit_log (subject, number);

-- Roots over 256, 65,536, … entries: a proof needs few rows.
CREATE TABLE audit_nodes (
  height integer NOT NULL CHECK (height > 0 AND height % 8 = 0),
  number bigint NOT NULL,
  hash   bytea NOT NULL CHECK (octet_length(hash) = 32),
  PRIMARY KEY (height, number)
);

-- Where the tree stands: its size, and the roots of the complete trees in it, the largest first.
CREATE TABLE audit_state (
  is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  origin  text NOT NULL,
  size    bigint NOT NULL,
  roots   bytea NOT NULL
);
INSERT INTO audit_state (origin, size, roots) VALUES ('overt/' || gen_random_uuid(), 0, '');

-- Copies of the checkpoints that were written outside.
CREATE TABLE audit_checkpoints (
  size       bigint PRIMARY KEY,
  note       text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

-- Nobody changes what is in the log by mistake. Who does it on purpose is found by `overt audit
-- verify`.
CREATE FUNCTION overt_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit log is only ever appended to' USING ERRCODE = '23001';
END $$;
CREATE TRIGGER audit_log_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
  FOR EACH STATEMENT EXECUTE FUNCTION overt_refuse_change();
CREATE TRIGGER audit_nodes_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_nodes
  FOR EACH STATEMENT EXECUTE FUNCTION overt_refuse_change();
CREATE TRIGGER audit_checkpoints_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_checkpoints
  FOR EACH STATEMENT EXECUTE FUNCTION overt_refuse_change();

-- What was there before the log: one entry for each episode.
INSERT INTO audit_queue (subjects, entries)
SELECT array_agg(id ORDER BY id), array_agg(convert_to(
  json_build_object('kind', 'adoption', 'at', to_char(now() AT TIME ZONE 'UTC',
    'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'subject', id, 'project', project,
    'content', 'sha256:' || encode(content_digest, 'hex'),
    'document', 'sha256:' || encode(sha256(document), 'hex'), 'verdict', verdict)::text,
  'UTF8') ORDER BY id)
FROM episodes GROUP BY left(id, 20) ORDER BY left(id, 20);

-- Which projects a role that only reads may see; '*' is all of them.
CREATE TABLE project_readers (
  role    text NOT NULL,
  project text COLLATE "C" NOT NULL,
  PRIMARY KEY (role, project)
);

-- Judged episodes. Flagged, incomplete and open ones are kept whole; of a clear one the received
-- bytes are NULL, and the row is its ledger entry.
CREATE TABLE episodes (
  id             text COLLATE "C" PRIMARY KEY,
  project        text COLLATE "C" NOT NULL,
  external_id    text COLLATE "C" NOT NULL,
  -- SHA-256 of the received bytes after decompression.
  content_digest bytea NOT NULL CHECK (octet_length(content_digest) = 32),
  format         text NOT NULL,
  model          text,
  agent          text,
  is_open        boolean NOT NULL,
  verdict        text NOT NULL CHECK (verdict IN ('clear', 'flagged', 'incomplete')),
  severity       text CHECK (severity IN ('info', 'low', 'medium', 'high', 'critical')),
  suspicion      double precision CHECK (suspicion BETWEEN 0 AND 1),
  rules          text[] NOT NULL,
  message_count  integer NOT NULL,
  -- The verdict as it was answered (JSON, UTF-8); holds no text of the episode.
  document       bytea COMPRESSION lz4 NOT NULL,
  -- The bytes as they came: what jsonb and text cannot hold is evidence too.
  received       bytea COMPRESSION lz4,
  received_bytes integer NOT NULL,
  -- The last piece that was appended: its SHA-256 and the index that it followed, so that a client
  -- which asks again is recognised, also when the piece itself is no longer kept.
  piece_digest   bytea,
  piece_after    integer,
  created_at     timestamptz NOT NULL DEFAULT now(),
  updated_at     timestamptz NOT NULL DEFAULT now(),
  UNIQUE (project, external_id),
  CHECK ((verdict = 'flagged') = (severity IS NOT NULL)),
  CHECK (received IS NOT NULL OR (verdict = 'clear' AND NOT is_open))
);

CREATE INDEX episodes_by_verdict ON episodes (verdict, id);
CREATE INDEX episodes_by_rule ON episodes USING gin (rules) WITH (fastupdate = on);
CREATE INDEX episodes_open ON episodes (updated_at) WHERE is_open;

-- What was appended to an episode after its first bytes, in order.
CREATE TABLE episode_pieces (
  episode_id text COLLATE "C" NOT NULL REFERENCES episodes (id) ON DELETE CASCADE,
  number     integer NOT NULL CHECK (number > 0),
  received   bytea COMPRESSION lz4 NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (episode_id, number)
);

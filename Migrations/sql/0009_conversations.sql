-- Spans of OpenTelemetry that wait until their conversation has come to rest. What was put together
-- keeps its row without its text for a while, so that a batch that is sent twice counts once.
CREATE TABLE otlp_spans (
  project      text COLLATE "C" NOT NULL,
  trace_id     text COLLATE "C" NOT NULL,
  span_id      text COLLATE "C" NOT NULL,
  conversation text COLLATE "C" NOT NULL,
  -- Whether it has no parent: then its trace has ended.
  is_root      boolean NOT NULL,
  -- Nanoseconds since 1970, as its producer says.
  started      bigint NOT NULL,
  -- JSON; null for what tells nothing of a model, and for what has been put together.
  document     bytea COMPRESSION lz4,
  received_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (project, trace_id, span_id)
);
CREATE INDEX otlp_spans_waiting ON otlp_spans (project, conversation) WHERE document IS NOT NULL;
CREATE INDEX otlp_spans_roots ON otlp_spans (project, trace_id) WHERE is_root;
CREATE INDEX otlp_spans_age ON otlp_spans (received_at) WHERE document IS NULL;

CREATE TABLE otlp_conversations (
  project      text COLLATE "C" NOT NULL,
  conversation text COLLATE "C" NOT NULL,
  -- When the last of its spans came.
  last_at      timestamptz NOT NULL DEFAULT now(),
  -- Whether spans wait to be put together.
  is_open      boolean NOT NULL DEFAULT true,
  -- Episodes that came of it: spans that come late make another one.
  parts        integer NOT NULL DEFAULT 0,
  leased_until timestamptz,
  -- Why its spans are no episode; they are kept. Null if they are, or nobody has looked yet.
  problem      text,
  PRIMARY KEY (project, conversation)
);
CREATE INDEX otlp_conversations_open ON otlp_conversations (last_at) WHERE is_open;

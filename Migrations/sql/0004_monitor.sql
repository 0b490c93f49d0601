-- Episodes that an LLM monitor is to judge. A job is leased by a worker; a lease that ran out is
-- anybody's. A finished job stays: what it came to, and how many episodes it stands for.
CREATE TABLE monitor_jobs (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  episode_id   text COLLATE "C" NOT NULL UNIQUE REFERENCES episodes (id) ON DELETE CASCADE,
  reason       text NOT NULL CHECK (reason IN ('policy', 'unsure', 'audit')),
  -- One over the chance that the episode was drawn.
  weight       double precision NOT NULL CHECK (weight >= 1),
  attempts     integer NOT NULL DEFAULT 0,
  run_after    timestamptz NOT NULL DEFAULT now(),
  worker       text,
  leased_until timestamptz,
  created_at   timestamptz NOT NULL DEFAULT now(),
  finished_at  timestamptz,
  -- 'scored', or why it is not.
  outcome      text,
  suspicion    double precision CHECK (suspicion BETWEEN 0 AND 1),
  CHECK ((finished_at IS NULL) = (outcome IS NULL))
);
CREATE INDEX monitor_jobs_open ON monitor_jobs (run_after) WHERE finished_at IS NULL;

-- Answers by what was asked: the episode's bytes, the prompt, the model.
CREATE TABLE monitor_answers (
  key        bytea PRIMARY KEY CHECK (octet_length(key) = 32),
  model      text NOT NULL,
  answer     bytea COMPRESSION lz4 NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

-- Every call to an endpoint. Until it is known what a call cost, what was reserved counts.
CREATE TABLE monitor_calls (
  id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  episode_id     text COLLATE "C" NOT NULL,
  model          text NOT NULL,
  started_at     timestamptz NOT NULL DEFAULT now(),
  reserved_usd   numeric(16, 8),
  cost_usd       numeric(16, 8),
  outcome        text,
  status         integer,
  -- Parts that do not overlap.
  input_uncached integer,
  cache_read     integer,
  cache_write    integer,
  output_visible integer,
  reasoning      integer,
  usage          bytea,
  milliseconds   integer
);
CREATE INDEX monitor_calls_by_time ON monitor_calls (started_at);

-- Plans that were judged before they ran, what people decided of them, and what became of what they
-- predicted.
CREATE TABLE plans (
  id             text COLLATE "C" PRIMARY KEY,
  project        text COLLATE "C" NOT NULL,
  external_id    text COLLATE "C" NOT NULL,
  -- Asks are counted by run; null for a plan of none.
  run            text COLLATE "C",
  -- Who made it: model and version. Its predictions are one record.
  planner        text COLLATE "C" NOT NULL,
  content_digest bytea NOT NULL CHECK (length(content_digest) = 32),
  action         text NOT NULL CHECK (action IN ('allow', 'ask', 'deny')),
  -- The verdict as it is answered, and the plan as it came.
  document       bytea COMPRESSION lz4 NOT NULL,
  received       bytea COMPRESSION lz4 NOT NULL,
  created_at     timestamptz NOT NULL DEFAULT now(),
  -- Until when a person can decide, and what was approved can begin; null unless somebody is asked.
  deadline       timestamptz,
  decision       text CHECK (decision IN ('approved', 'refused')),
  decided_by     text,
  decided_at     timestamptz,
  note           text,
  -- When it began. A plan begins once.
  begun_at       timestamptz,
  UNIQUE (external_id, project),
  CHECK ((action = 'ask') = (deadline IS NOT NULL)),
  CHECK (decision IS NULL OR action = 'ask')
);
CREATE INDEX plans_by_run ON plans (project, run) WHERE action = 'ask';
CREATE INDEX plans_pending ON plans (deadline) WHERE action = 'ask' AND decision IS NULL;

CREATE TABLE plan_predictions (
  plan_id     text COLLATE "C" NOT NULL REFERENCES plans (id) ON DELETE CASCADE,
  consequence text COLLATE "C" NOT NULL,
  step        text NOT NULL,
  project     text COLLATE "C" NOT NULL,
  planner     text COLLATE "C" NOT NULL,
  probability double precision NOT NULL CHECK (probability BETWEEN 0 AND 1),
  -- What became of it; null while nobody knows.
  happened    boolean,
  reported_at timestamptz,
  PRIMARY KEY (plan_id, consequence)
);
CREATE INDEX plan_predictions_by_planner ON plan_predictions (project, planner, plan_id);

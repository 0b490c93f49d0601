-- What was measured of episodes' latent summaries, also of those whose text is not kept.
CREATE TABLE latent_readings (
  episode_id    text COLLATE "C" PRIMARY KEY REFERENCES episodes (id) ON DELETE CASCADE,
  project       text COLLATE "C" NOT NULL,
  model         text COLLATE "C" NOT NULL,
  model_version text COLLATE "C" NOT NULL,
  -- Digests of what the numbers, and a probe's readings, are comparable within.
  recorder      text COLLATE "C" NOT NULL,
  probe         text COLLATE "C" NOT NULL,
  -- The producer's label 'task'; empty without one.
  task          text COLLATE "C" NOT NULL,
  metric_names  text[] NOT NULL,
  metric_values double precision[] NOT NULL,
  -- Core numbers by role, for the model's baseline; NULL where one is not defined.
  features      double precision[],
  -- Whether the baseline has taken the episode, or will not: it was flagged.
  is_settled    boolean NOT NULL DEFAULT false,
  created_at    timestamptz NOT NULL DEFAULT now(),
  CHECK (cardinality(metric_names) = cardinality(metric_values))
);
CREATE INDEX latent_readings_by_model
  ON latent_readings (project, model, episode_id);
CREATE INDEX latent_readings_unsettled ON latent_readings (episode_id) WHERE NOT is_settled;

-- What is usual for a version of a model, of episodes that were called clear: mean and co-moment
-- (Welford) of the even ones, a uniform sample of the odd ones.
CREATE TABLE latent_baselines (
  project       text COLLATE "C" NOT NULL,
  model         text COLLATE "C" NOT NULL,
  model_version text COLLATE "C" NOT NULL,
  recorder      text COLLATE "C" NOT NULL,
  count         integer NOT NULL,
  fitted        integer NOT NULL,
  mean          double precision[] NOT NULL,
  -- The lower triangle, row by row.
  comoment      double precision[] NOT NULL,
  -- Rows of features, one after the other.
  sample        double precision[] NOT NULL,
  updated_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (project, model, model_version, recorder)
);

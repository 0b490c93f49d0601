-- Episodes that people look at.
CREATE TABLE review_items (
  episode_id   text COLLATE "C" PRIMARY KEY REFERENCES episodes (id) ON DELETE CASCADE,
  project      text COLLATE "C" NOT NULL,
  reason       text NOT NULL CHECK (reason IN ('flagged', 'sampled', 'asked')),
  -- 'gold' items are handed out to everybody, one after the other.
  state        text NOT NULL DEFAULT 'review' CHECK (state IN ('review', 'adjudication', 'gold', 'done')),
  -- Reviews of different people.
  required     integer NOT NULL CHECK (required > 0),
  is_blind     boolean NOT NULL,
  severity     text,
  -- By which items are ordered: when it came, less a day for each step of severity, so that the
  -- severe come first and nothing waits for ever.
  due_at       timestamptz NOT NULL,
  assignee     text,
  -- What the answer is known to be.
  gold         text CHECK (gold IN ('true_positive', 'false_positive', 'benign_but_notable')),
  lease        text,
  leased_by    text,
  leased_until timestamptz,
  created_at   timestamptz NOT NULL DEFAULT now(),
  CHECK ((state = 'gold') = (gold IS NOT NULL))
);
CREATE INDEX review_items_open ON review_items (state, due_at) WHERE state <> 'done';

-- What they made of them; only ever added to, and taken back.
CREATE TABLE reviews (
  id              text COLLATE "C" PRIMARY KEY,
  episode_id      text COLLATE "C" NOT NULL REFERENCES episodes (id) ON DELETE CASCADE,
  reviewer        text NOT NULL,
  queue           text NOT NULL,
  verdict         text NOT NULL CHECK (
    verdict IN ('true_positive', 'false_positive', 'benign_but_notable', 'unsure')),
  severity        text CHECK (severity IN ('info', 'low', 'medium', 'high', 'critical')),
  categories      text[] NOT NULL,
  -- Ids of findings that are true, and that are false.
  true_findings   text[] NOT NULL,
  false_findings  text[] NOT NULL,
  note            text NOT NULL,
  seconds         double precision,
  messages_viewed integer,
  -- Whether the monitors' opinion was hidden.
  is_blind        boolean NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT now(),
  superseded_at   timestamptz
);
CREATE INDEX reviews_by_episode ON reviews (episode_id, id);
CREATE INDEX reviews_by_reviewer ON reviews (reviewer, created_at);

-- What was passed on, by whom and why.
CREATE TABLE review_skips (
  episode_id text COLLATE "C" NOT NULL REFERENCES episodes (id) ON DELETE CASCADE,
  reviewer   text NOT NULL,
  reason     text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (episode_id, reviewer)
);

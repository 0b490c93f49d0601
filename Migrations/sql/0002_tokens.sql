-- Bearer tokens: never their text, only its digest.
CREATE TABLE tokens (
  id         text COLLATE "C" PRIMARY KEY,
  kind       text NOT NULL CHECK (kind IN ('ing', 'usr', 'ci', 'adm')),
  name       text NOT NULL,
  digest     bytea NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
  -- The one project that the token is good for; NULL for all.
  project    text COLLATE "C",
  expires_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

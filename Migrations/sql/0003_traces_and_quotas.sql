-- The trace that the request which brought an episode belonged to (W3C Trace Context).
ALTER TABLE episodes ADD COLUMN trace_id text COLLATE "C";

-- What a token may use, as 'requests=600/60'; empty for what the server gives every token.
ALTER TABLE tokens ADD COLUMN quotas text[] NOT NULL DEFAULT '{}';

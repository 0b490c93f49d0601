-- Runs and stages are found by the labels that their producers gave them.
ALTER TABLE episodes ADD COLUMN labels jsonb NOT NULL DEFAULT '{}';
CREATE INDEX episodes_by_label ON episodes USING gin (labels jsonb_path_ops)
  WHERE labels <> '{}'::jsonb;

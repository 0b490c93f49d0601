-- Roles with the least that each needs, and row-level security by project; applied by
-- `overt migrate --roles`, as often as one likes.
--   overt_serve    what `overt serve` does: no schema changes, no changes of the audit log
--   overt_project  what it becomes while it answers for a token of one project
--   overt_read     people and reports: see the projects that project_readers names for them
-- Give them to the roles that log in: GRANT overt_serve TO "overt-server".
DO $$
DECLARE
  role text;
BEGIN
  FOREACH role IN ARRAY ARRAY['overt_serve', 'overt_project', 'overt_read'] LOOP
    -- Roles belong to the whole cluster: a migration of another of its databases may make them at
    -- the same moment.
    BEGIN
      IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
        EXECUTE format('CREATE ROLE %I NOLOGIN', role);
      END IF;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END;
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema, role);
  END LOOP;
  BEGIN
    IF NOT pg_has_role('overt_serve', 'overt_project', 'MEMBER') THEN
      GRANT overt_project TO overt_serve;
    END IF;
  EXCEPTION WHEN unique_violation THEN NULL;
  END;
END $$;

GRANT SELECT ON schema_migrations, audit_state, audit_log, audit_nodes, audit_checkpoints
  TO overt_serve;
GRANT SELECT, INSERT, UPDATE ON episodes, latent_readings, latent_baselines, monitor_jobs,
  monitor_answers, monitor_calls, tokens, review_items, reviews, review_skips TO overt_serve;
GRANT SELECT, INSERT, DELETE ON episode_contents, audit_queue TO overt_serve;
GRANT SELECT, INSERT, UPDATE ON plans, plan_predictions TO overt_serve;
GRANT SELECT, INSERT, UPDATE, DELETE ON otlp_spans, otlp_conversations TO overt_serve;
GRANT DELETE ON latent_readings, tokens TO overt_serve;
GRANT INSERT ON audit_log, audit_nodes, audit_checkpoints TO overt_serve;
GRANT UPDATE ON audit_state TO overt_serve;
GRANT EXECUTE ON FUNCTION overt_make_partitions, overt_drop_partitions TO overt_serve;
GRANT SELECT ON episodes, episode_contents, latent_readings, latent_baselines, monitor_jobs,
  monitor_calls, review_items, reviews TO overt_project;
GRANT SELECT ON episodes, episode_contents, latent_readings, latent_baselines, project_readers
  TO overt_read;

DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY
    ARRAY['episodes', 'episode_contents', 'latent_readings', 'latent_baselines']
  LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('DROP POLICY IF EXISTS serve ON %I', name);
    EXECUTE format('CREATE POLICY serve ON %I TO overt_serve USING (true)', name);
    EXECUTE format('DROP POLICY IF EXISTS project ON %I', name);
    EXECUTE format('CREATE POLICY project ON %I FOR SELECT TO overt_project
      USING (project = current_setting(''overt.project'', true))', name);
    EXECUTE format('DROP POLICY IF EXISTS readers ON %I', name);
    EXECUTE format('CREATE POLICY readers ON %I FOR SELECT TO overt_read
      USING (EXISTS (SELECT FROM project_readers
        WHERE role = current_user AND project_readers.project IN (''*'', %I.project)))',
      name, name);
  END LOOP;
END $$;

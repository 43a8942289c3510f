-- Each transition and each progress of a task, which its watchers are sent in order, also those who come back.
CREATE TABLE changes (
    task_id text COLLATE "C" NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    -- That of the task with this change; a sign of life without progress has one too, and is no change.
    revision bigint NOT NULL,
    -- Whether the state changed, or only the progress.
    transition boolean NOT NULL,
    state text NOT NULL,
    progress_percent double precision NOT NULL,
    stage text NOT NULL,
    error text NOT NULL,
    attempts integer NOT NULL,
    update_time double precision NOT NULL,
    PRIMARY KEY (task_id, revision)
);
-- Progress is of interest for an hour, transitions as long as the task.
CREATE INDEX changes_progress ON changes (update_time) WHERE NOT transition;

INSERT INTO changes
SELECT id, revision, true, state, progress_percent, stage, error, attempts, update_time FROM tasks;

-- By triggers, so that no statement can forget it and none takes another round trip.
CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO changes VALUES (
        NEW.id, NEW.revision, TG_OP = 'INSERT' OR (OLD.state, OLD.attempts) <> (NEW.state, NEW.attempts),
        NEW.state, NEW.progress_percent, NEW.stage, NEW.error, NEW.attempts, NEW.update_time);
    -- Every replica listens, whoever made the change.
    PERFORM pg_notify('mcai_task_changes', NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER tasks_made AFTER INSERT ON tasks FOR EACH ROW EXECUTE FUNCTION note_change();
CREATE TRIGGER tasks_changed AFTER UPDATE ON tasks FOR EACH ROW
WHEN ((OLD.state, OLD.attempts, OLD.progress_percent, OLD.stage)
      IS DISTINCT FROM (NEW.state, NEW.attempts, NEW.progress_percent, NEW.stage))
EXECUTE FUNCTION note_change();
